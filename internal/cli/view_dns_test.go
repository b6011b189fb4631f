package cli

import (
	"testing"
	"time"

	"posthouse/internal/control"
)

// The status has one line about DNS, whatever the number of domains.
func TestMXText(t *testing.T) {
	old := control.Domain{Domain: "example.org", State: control.MailOldSide}
	both := control.Domain{Domain: "example.net", State: control.MailBoth, CachedUntil: sampleNow.Add(time.Hour)}
	switched := control.Domain{Domain: "example.com", State: control.MailSwitched, Switched: before(48 * time.Hour), CachedUntil: sampleNow.Add(time.Hour)}
	first := control.Domain{Domain: "example.com", State: control.MailSwitched, Switched: before(48 * time.Hour), BeforeFirst: true}
	back := control.Domain{Domain: "example.com", State: control.MailOldSide, Back: before(time.Hour)}
	for _, c := range []struct {
		all  []control.Domain
		want string
	}{
		{nil, ""},
		{[]control.Domain{old}, "mail goes to the old side"},
		{[]control.Domain{both}, "mail goes to the cloud and to the old side, former answers in caches until 19:40"},
		{[]control.Domain{switched}, "MX switched Sat 21 Nov 18:40, former answers in caches until 19:40"},
		{[]control.Domain{first}, "MX switched before Sat 21 Nov 18:40"},
		{[]control.Domain{back}, "mail goes to the old side, again since Mon 23 Nov 17:40"},
		{[]control.Domain{{State: control.MailUnknown}}, "where mail goes is not known"},
		{[]control.Domain{switched, old}, "switched for 1 of 2 domains, the last Sat 21 Nov 18:40; not for example.org"},
		{[]control.Domain{old, both, old, old, old}, "switched for 0 of 5 domains; not for example.org, example.net, example.org and 2 more"},
		{[]control.Domain{switched, switched}, "switched for 2 of 2 domains, the last Sat 21 Nov 18:40"},
	} {
		if got := mxText(c.all, "", sampleNow); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

// That nobody looks where mail goes is said.
func TestMXTextUnwatched(t *testing.T) {
	if got := mxText(nil, "dns.watch = false", sampleNow); got != "not watched: dns.watch = false" {
		t.Errorf("%q", got)
	}
}

func TestDNSEvent(t *testing.T) {
	e := control.Event{At: sampleNow, What: control.DNSChanged, Route: "dns", Client: "MX of example.com", Detail: "changed: 0 new.example, was none\x1b"}
	if got := eventView(e, naming{}, time.UTC); len(got) != 1 || got[0].String() != "18:40:00 dns       MX of example.com   changed: 0 new.example, was none\ufffd" {
		t.Errorf("%q", got)
	}
}
