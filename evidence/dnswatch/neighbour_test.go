package dnswatch

import (
	"fmt"
	"testing"
	"time"

	"posthouse/test/neighbour"
)

// Two real servers, of which one lags, and then neither does: the same as by our own.
func TestNSD(t *testing.T) {
	zone := func(serial int, records string) string {
		return fmt.Sprintf("$ORIGIN example.com.\n@ 600 SOA ns1 hostmaster %d 3600 600 86400 60\n@ 600 NS ns1\nns1 600 A 127.0.0.2\nmail 600 A 192.0.2.1\nbackup 600 A 192.0.2.1\n", serial) + records +
			"autodiscover 60 CNAME autodiscover.outlook.com.\n_dmarc 60 TXT \"v=DMARC1; \" \"p=none\"\nbelow 60 NS ns.elsewhere.example.\n_25._tcp.mail 60 TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
	}
	one, two := neighbour.StartNSD(t, "example.com", zone(1, oldMX)), neighbour.StartNSD(t, "example.com", zone(1, oldMX))
	w := newWorld(t)
	w.cfg.Servers, w.cfg.Patience = []string{one.Address, two.Address}, 5*time.Second
	h := w.look()
	for key, want := range map[Key]string{
		mx: wasMX, {"autodiscover.example.com", "A"}: "CNAME autodiscover.outlook.com", {"_dmarc.example.com", "TXT"}: "v=DMARC1; p=none", {"mail.example.com", "AAAA"}: "none",
		{"_25._tcp.mail.example.com", "TLSA"}: "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", {"_mta-sts.example.com", "TXT"}: "none",
	} {
		for _, v := range w.snapshot.Views[:2] {
			if a := v.Answers[key]; v.Err != "" || v.Serial != 1 || a.Err != "" || list(a.Values) != want {
				t.Errorf("%s at %s: %+v", key, v.Server, a)
			}
		}
	}
	if f := w.findings(); len(f) != 1 || f[0].Code != Behind || !h.MX.LeadTo(Old) { // the resolver knows nothing
		t.Errorf("%+v", f)
	}
	one.Load(zone(2, newMX))
	h = w.after(time.Minute)
	w.tells(Lagging, true, two.Address, "serial 1", "MX of example.com is "+wasMX)
	if !h.MX.Switched.IsZero() {
		t.Errorf("%+v", h.MX)
	}
	two.Load(zone(2, newMX))
	if h = w.after(time.Minute); !h.MX.Switched.Equal(w.now) || len(h.mxChanges()) != 1 {
		t.Errorf("%+v", h.MX)
	}
	s := New(w.cfg).Look(t.Context(), "below.example.com")
	if a := s.Views[0].Answers[Key{"below.example.com", "MX"}]; a.Err != errElsewhere.Error() {
		t.Errorf("of a zone below: %+v", a)
	}
	s = New(w.cfg).Look(t.Context(), "example.net")
	if !s.Views[0].Lame {
		t.Errorf("of another zone: %+v", s.Views[0])
	}
}
