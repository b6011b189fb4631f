package evidence

import (
	"testing"
	"time"
)

// While an MX record leads to our listeners, or nobody knows where, the old address is needed, the mailbox server is not; while it leads to the old server both are.
func TestLed(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	base := Testimony{}.Cover(Coverage{"mx", Span{now.Add(-4 * day), now}})
	base.contacts = map[string]time.Time{"mx": now}
	for _, c := range []struct {
		name            string
		led             []Led
		server, address State
	}{
		{"nowhere", nil, Ready, Ready},
		{"to us", []Led{{Domain: "example.com", Hosts: []string{"mail.example.com"}}}, Ready, NotYet},
		{"to the old server", []Led{{Domain: "example.com", Hosts: []string{"mail.example.com"}, Server: true}}, NotYet, NotYet},
		{"to a stranger", []Led{{Domain: "example.com", Hosts: []string{"mail.example.com"}, Unknown: true}}, Ready, NotYet},
		{"nobody tells", []Led{{Domain: "example.com", Unknown: true}}, Ready, NotYet},
	} {
		testimony := base.WithWork(OpenWork{At: now, Led: c.led})
		for want, p := range map[*State]Policy{&c.server: quietAlone(MailboxServer([]string{"mx"}, []string{"mx"})), &c.address: quietAlone(OldAddress([]string{"mx"}))} {
			v := Judge(p, testimony, now)
			if v.State != *want || (v.State == NotYet) != (len(v.Reasons) == 1 && v.Reasons[0].Code == MXRecord && v.Reasons[0].Senders[0] == "example.com") {
				t.Errorf("%s: %s is %s: %+v", c.name, p.Verdict, v.State, v.Reasons)
			}
		}
	}
}

func TestLedIsAValue(t *testing.T) {
	w := OpenWork{Led: []Led{{Hosts: []string{"a"}}}}
	t1 := Testimony{}.WithWork(w)
	w.Led[0].Hosts[0] = "b"
	if got := t1.Work().Led[0].Hosts[0]; got != "a" {
		t.Error(got)
	}
}
