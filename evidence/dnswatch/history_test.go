package dnswatch

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"posthouse/internal/testserver"
)

const (
	wasMX = "10 mail.example.com, 20 backup.example.com"
	isMX  = "0 example-com.mail.protection.outlook.com"
)

var mx = Key{"example.com", "MX"}

// A switch is a change, and counts from the look that saw it at every server; until the old TTL is over caches may have the old answer.
func TestSwitch(t *testing.T) {
	w := newWorld(t)
	h := w.look()
	if len(h.Changes) != 0 || !h.MX.Old || !h.MX.Switched.IsZero() || !h.Since.Equal(start) {
		t.Errorf("%+v", h)
	}
	w.load(2, newMX)
	h = w.after(5 * time.Minute)
	if got := h.mxChanges(); !slices.Equal(got, []string{wasMX + " → " + isMX + " false"}) {
		t.Errorf("%q", got)
	}
	if !h.MX.Switched.Equal(w.now) || h.MX.AtFirst || h.MX.LeadTo(Old) || !h.MX.LeadTo(Cloud) {
		t.Errorf("%+v", h.MX)
	}
	if until := h.Records[mx].Lingers(w.now); !until.Equal(w.now.Add(time.Hour)) {
		t.Errorf("lingers until %s", until)
	}
	w.tells(Cached, false, "MX of example.com", "21 Nov 13:05")
	switched := w.now
	h = w.after(59 * time.Minute)
	w.tells(Cached, false, "21 Nov 13:05")
	h = w.after(2 * time.Minute)
	w.tells(Cached, false)
	if len(h.Changes) != 1 || !h.MX.Switched.Equal(switched) {
		t.Errorf("%+v", h.MX)
	}
}

// A TTL that was lowered shortly before the switch: caches that asked before have the answer for as long as the larger one said.
func TestLoweredTTL(t *testing.T) {
	w := newWorld(t)
	w.load(1, "@ 86400 MX 10 mail\n")
	w.look()
	w.tells(HighTTL, false, "24h")
	w.load(2, "@ 300 MX 10 mail\n")
	h := w.after(time.Hour)
	w.tells(HighTTL, false)
	if len(h.Changes) != 0 || h.Records[mx].Spells[0].MaxTTL != 24*time.Hour {
		t.Errorf("%+v", h.Records[mx])
	}
	w.load(3, newMX)
	h = w.after(time.Hour)
	if until := h.Records[mx].Lingers(w.now); !until.Equal(start.Add(24 * time.Hour)) {
		t.Errorf("lingers until %s", until)
	}
	h = w.after(23 * time.Hour)
	if until := h.Records[mx].Lingers(w.now); !until.IsZero() {
		t.Errorf("lingers until %s", until)
	}
}

// A secondary that lags is told. The record is not switched before it follows, though it is silent meanwhile.
func TestLaggingSecondary(t *testing.T) {
	w := newWorld(t)
	w.look()
	w.load(2, newMX, 0)
	h := w.after(5 * time.Minute)
	w.tells(Lagging, true, "ns2.example.com 127.0.0.3", "serial 1", "has 2", "MX of example.com is "+wasMX)
	w.tells(BackupOld, true, "10 mail.example.com (old)")
	if len(h.mxChanges()) != 1 || !h.MX.Switched.IsZero() {
		t.Errorf("%q %+v", h.mxChanges(), h.MX)
	}
	w.ns[1].Behave(testserver.Failing)
	if h = w.after(5 * time.Minute); !h.MX.Switched.IsZero() || !h.MX.LeadTo(Old) {
		t.Errorf("while it is silent: %+v", h.MX)
	}
	w.ns[1].Behave(testserver.Answering)
	w.load(2, newMX, 1)
	h = w.after(5 * time.Minute)
	w.tells(Lagging, false)
	if len(h.mxChanges()) != 1 || !h.MX.Switched.Equal(w.now) || !h.Records[mx].Lingers(w.now).Equal(w.now.Add(time.Hour)) {
		t.Errorf("%q %+v", h.mxChanges(), h.MX)
	}
}

// What a silent server said last is forgotten after a day, or once it is known to be no server of the zone any more.
func TestSilentServerIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.look()
	w.load(2, newMX, 0)
	w.ns[1].Behave(testserver.Failing)
	if h := w.after(23 * time.Hour); !h.MX.Switched.IsZero() {
		t.Errorf("%+v", h.MX)
	}
	gone := w.snapshot
	gone.Views = []View{w.snapshot.Views[0], w.snapshot.Views[2]}
	if h := Next(w.history, gone, who); !h.MX.Switched.IsZero() {
		t.Errorf("it is not named, but nobody knows whether these are all: %+v", h.MX)
	}
	gone.Complete = true
	if h := Next(w.history, gone, who); !h.MX.Switched.Equal(w.now) {
		t.Errorf("no server any more: %+v", h.MX)
	}
	if h := w.after(61 * time.Minute); !h.MX.Switched.Equal(w.now) {
		t.Errorf("after a day: %+v", h.MX)
	}
}

// Serial numbers begin anew after the last, and one that is older while all say the same is no alarm.
func TestSerials(t *testing.T) {
	for _, c := range []struct {
		a, b uint32
		want bool
	}{{2, 1, true}, {1, 2, false}, {1, 1, false}, {5, 4294967290, true}, {4294967290, 5, false}, {1 << 31, 0, false}} {
		if got := newer(c.a, c.b); got != c.want {
			t.Errorf("newer(%d, %d) = %v", c.a, c.b, got)
		}
	}
	w := newWorld(t)
	w.load(2, oldMX, 1)
	w.look()
	w.tells(Lagging, false, "ns1.example.com", "they say the same")
	w.load(2, newMX, 0)
	w.look()
	w.tells(Contradict, true, "MX of example.com")
}

// The record leads back: what was switched is not any more, and quiet counts from the next switch.
func TestRollBack(t *testing.T) {
	w := newWorld(t)
	w.look()
	w.load(2, newMX)
	w.after(time.Hour)
	w.load(3, oldMX)
	h := w.after(time.Hour)
	if got := h.mxChanges(); len(got) != 2 || got[1] != isMX+" → "+wasMX+" true" {
		t.Errorf("%q", got)
	}
	if !h.MX.Switched.IsZero() || !h.MX.Back.Equal(w.now) {
		t.Errorf("%+v", h.MX)
	}
	w.tells(MXBack, true, "was switched 21 Nov 13:00", "10 mail.example.com (old)")
	w.after(48 * time.Hour)
	w.tells(MXBack, true, "was switched 21 Nov 13:00")
	w.load(4, newMX)
	h = w.after(time.Hour)
	w.tells(MXBack, false)
	if !h.MX.Switched.Equal(w.now) || !h.Changes[len(h.Changes)-1].Back {
		t.Errorf("%+v", h.MX)
	}
}

func TestRecordSetBack(t *testing.T) {
	w := newWorld(t)
	spf := func(serial int, text string) { w.load(serial, oldMX+fmt.Sprintf("@ 60 TXT %q\n", text)) }
	spf(1, "v=spf1 mx -all")
	w.look()
	spf(2, "v=spf1 include:spf.protection.outlook.com -all")
	h := w.after(time.Hour)
	if len(h.Changes) != 1 || h.Changes[0].Key.String() != "SPF of example.com" || h.Changes[0].Back {
		t.Errorf("%+v", h.Changes)
	}
	w.tells(SetBack, false)
	spf(3, "v=spf1 mx -all")
	w.after(time.Hour)
	w.tells(SetBack, true, "SPF of example.com", "v=spf1 mx -all, was v=spf1 include:")
	w.after(25 * time.Hour)
	w.tells(SetBack, false)
}

// A record that vanishes, and a domain that does, are changes; mail then goes to the domain itself.
func TestGoneAltogether(t *testing.T) {
	w := newWorld(t)
	w.look()
	w.load(2, "@ 600 A 192.0.2.1\n")
	h := w.after(time.Minute)
	if got := h.mxChanges(); !slices.Equal(got, []string{wasMX + " → none false"}) {
		t.Errorf("%q", got)
	}
	if l := h.MX.Leads; len(l) != 1 || l[0].Host != "example.com" || l[0].Party != Old || !h.MX.Switched.IsZero() {
		t.Errorf("%+v", h.MX)
	}
	w.load(3, "@ 600 MX 0 .\n")
	if h = w.after(time.Minute); len(h.MX.Leads) != 0 || !h.MX.Switched.Equal(w.now) {
		t.Errorf("a domain that takes no mail: %+v", h.MX)
	}
}

// Where we begin to look after the switch, only that it was so is known.
func TestSwitchedBeforeTheFirstLook(t *testing.T) {
	w := newWorld(t)
	w.load(1, newMX)
	h := w.look()
	if !h.MX.AtFirst || !h.MX.Switched.Equal(start) {
		t.Errorf("%+v", h.MX)
	}
	w.tells(SwitchedSome, false, "before it was first looked at")
}

// Hosts of whom nobody knows whose they are: neither old nor switched, until the cloud's take their place.
func TestUnknownHosts(t *testing.T) {
	w := newWorld(t)
	w.load(1, "@ 60 MX 10 in.filter.example.\n")
	h := w.look()
	if h.MX.Old || !h.MX.Switched.IsZero() {
		t.Errorf("%+v", h.MX)
	}
	w.tells(MXUnknown, true, "10 in.filter.example (other)")
	w.load(2, newMX)
	if h = w.after(time.Hour); !h.MX.Switched.Equal(w.now) || h.MX.AtFirst {
		t.Errorf("%+v", h.MX)
	}
}

// The name may stay, and its address become another one: ours.
func TestByAddress(t *testing.T) {
	w := newWorld(t)
	w.load(1, "@ 60 MX 10 mx\nmx 60 A 192.0.2.1\n")
	if h := w.look(); h.MX.Leads[0].Party != Old {
		t.Errorf("%+v", h.MX)
	}
	w.load(2, "@ 60 MX 10 mx\nmx 60 A 192.0.2.2\n")
	h := w.after(time.Hour)
	if h.MX.Leads[0].Party != Ours || !h.MX.Switched.IsZero() || len(h.Changes) != 1 || h.Changes[0].Key != (Key{"mx.example.com", "A"}) {
		t.Errorf("%+v", h)
	}
}

// At a server that lags the name may still have the old address: it is switched when it has it nowhere, whatever caches say.
func TestByAddressAtALaggingServer(t *testing.T) {
	cloudToo := who
	cloudToo.Cloud.Networks = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	w := newWorld(t)
	w.resolve("example.com. 600 MX 10 mx.example.com.", "mx.example.com. 600 A 192.0.2.1")
	look := func() MX {
		w.now = w.now.Add(time.Minute)
		w.history = Next(w.history, New(w.cfg).Look(t.Context(), "example.com"), cloudToo)
		return w.history.MX
	}
	w.load(1, "@ 60 MX 10 mx\nmx 60 A 192.0.2.1\n")
	look()
	w.load(2, "@ 60 MX 10 mx\nmx 60 A 198.51.100.7\n", 0)
	if m := look(); m.Leads[0].Party != Old || !m.Switched.IsZero() {
		t.Errorf("%+v", m)
	}
	w.ns[1].Behave(testserver.Failing)
	if m := look(); m.Leads[0].Party != Old || !m.Switched.IsZero() {
		t.Errorf("%+v", m)
	}
	w.ns[1].Behave(testserver.Answering)
	w.load(2, "@ 60 MX 10 mx\nmx 60 A 198.51.100.7\n", 1)
	if m := look(); m.Leads[0].Party != Cloud || !m.Switched.Equal(w.now) {
		t.Errorf("%+v", m)
	}
}

// A resolver that still has the old answer is told, with what is left of its time.
func TestResolverBehind(t *testing.T) {
	w := newWorld(t)
	w.resolve("example.com. 1234 MX 10 mail.example.com.", "example.com. 1234 MX 20 backup.example.com.")
	w.look()
	w.tells(Behind, false)
	w.load(2, newMX)
	w.after(time.Minute)
	w.tells(Behind, false, w.resolver.Addr(), wasMX, "20m34s")
}

// What was noted by a clock that was ahead happened at the latest when it was put right.
func TestWrongClock(t *testing.T) {
	w := newWorld(t)
	w.look()
	w.now = start.AddDate(10, 0, 0)
	w.load(2, newMX)
	w.look()
	w.now = start.Add(time.Hour)
	h := w.look()
	if !h.MX.Switched.Equal(w.now) || !h.Changes[0].At.Equal(w.now) || !h.Records[mx].Lingers(w.now).Equal(w.now.Add(time.Hour)) {
		t.Errorf("%+v, %+v, %+v", h.MX, h.Changes, h.Records[mx])
	}
	h = w.after(2 * time.Hour)
	if !h.Records[mx].Lingers(w.now).IsZero() || len(h.Changes) != 1 {
		t.Errorf("%+v", h.Records[mx])
	}
}

// After the switch autodiscover and SPF must follow.
func TestWhatMustFollow(t *testing.T) {
	w := newWorld(t)
	rest := "autodiscover 60 A 192.0.2.1\n_autodiscover._tcp 60 SRV 0 0 443 mail\n@ 60 TXT \"v=spf1 mx -all\"\n"
	w.load(1, oldMX+rest)
	w.look()
	w.tells(Autodiscover, false)
	w.tells(NotVouched, false)
	w.load(2, newMX+rest)
	w.after(time.Hour)
	w.tells(Autodiscover, true, "autodiscover.example.com", "192.0.2.1")
	w.tells(NotVouched, false, "include:spf.protection.outlook.com")
	w.load(3, newMX+"autodiscover 60 CNAME autodiscover.outlook.com.\n@ 60 TXT \"v=spf1 include:spf.protection.outlook.com -all\"\n")
	w.after(time.Hour)
	w.tells(Autodiscover, false)
	w.tells(NotVouched, false)
}

// A history is kept as JSON and read back the same; Next leaves the older one as it was.
func TestKept(t *testing.T) {
	w := newWorld(t)
	w.look()
	w.load(2, newMX)
	before, _ := json.Marshal(w.history)
	old := w.history
	h := w.after(time.Hour)
	if again, _ := json.Marshal(old); string(again) != string(before) {
		t.Error("Next changed the older history")
	}
	text, err := json.Marshal(h)
	must(t, err)
	var back History
	must(t, json.Unmarshal(text, &back))
	if !reflect.DeepEqual(back, h) {
		t.Errorf("got  %+v\nwant %+v", back, h)
	}
}

func TestBoundedHistory(t *testing.T) {
	var h History
	for i := range 1000 {
		host := fmt.Sprintf("mx%d.example.com", i)
		s := Snapshot{Domain: "example.com", Zone: "example.com", At: start.AddDate(0, 0, i), Views: []View{{
			Server: "ns1", Authoritative: true, Answers: map[Key]Answer{mx: {Values: []string{"10 " + host}}, {host, "A"}: {Values: []string{"192.0.2.9"}}},
		}}}
		h = Next(h, s, who)
	}
	if len(h.Changes) != maxChanges || len(h.Records[mx].Spells) != maxSpells || len(h.Hosts) != 1 || len(h.Records) > 100 {
		t.Errorf("%d changes, %d spells, %d hosts, %d records", len(h.Changes), len(h.Records[mx].Spells), len(h.Hosts), len(h.Records))
	}
}
