package evidence

import (
	"net/netip"
	"slices"
	"testing"
)

func TestSystemOf(t *testing.T) {
	for _, tt := range []struct{ helo, from, client, want string }{
		{"mx4.supplier.example", "anna@supplier.example", "198.51.100.7", "mx*.supplier.example"},
		{"MX12.Supplier.Example.", "anna@news.supplier.example", "198.51.100.7", "mx*.supplier.example"},
		{"erp.supplier.example", "erp@supplier.example", "198.51.100.7", "erp.supplier.example"},
		{"a17-3.out2.newsletters.example", "bounce@supplier.example", "203.0.113.9", "supplier.example via newsletters.example"},
		{"mx4.supplier.example", "", "198.51.100.7", "mx*.supplier.example"},
		{"EXCH01", "anna@supplier.example", "198.51.100.7", "supplier.example via 198.51.100.0/24"},
		{"[198.51.100.7]", "anna@supplier.example", "::ffff:198.51.100.7", "supplier.example via 198.51.100.0/24"},
		{"mail.firm.local", "anna@supplier.example", "2001:db8:1:2::3", "supplier.example via 2001:db8:1::/48"},
		{"198.51.100.7", "", "198.51.100.7", "198.51.100.0/24"},
		{"shop.co.uk", "a@b.co.uk", "198.51.100.7", "b.co.uk via shop.co.uk"},
		{"", "anna@supplier.example", "", "supplier.example"},
		{"anna@example.com", "", "", ""}, // the growth of a mailbox
		{"", "", "", ""},
	} {
		o := Observation{Channel: Arriving, Sender: tt.helo, From: tt.from}
		if tt.client != "" {
			o.Client = netip.MustParseAddr(tt.client)
		}
		if got := SystemOf(o); got != tt.want {
			t.Errorf("%q from %q at %q is %q, want %q", tt.helo, tt.from, tt.client, got, tt.want)
		}
	}
	if got := SystemOf(Observation{Channel: Login, Sender: "Anna@Example.com"}); got != "anna@example.com" {
		t.Errorf("a user is %q", got)
	}
	if got := SystemOf(Observation{Channel: Sending, Client: hostAddr}); got != "10.0.4.31" {
		t.Errorf("a device is %q", got)
	}
}

func TestAccepted(t *testing.T) {
	a := accept([]string{"MX4.supplier.example", "partner.example ", "10.0.4.31", "anna@example.com", ""})
	for _, tt := range []struct {
		sender, system string
		want           bool
	}{
		{"mx7.supplier.example", "mx*.supplier.example", true},
		{"erp.supplier.example", "erp.supplier.example", false},
		{"out.newsletters.example", "partner.example via newsletters.example", true},
		{"mail.partner.example", "mail.partner.example", true},
		{"mail.notpartner.example", "mail.notpartner.example", false},
		{"10.0.4.31", "10.0.4.31", true},
		{"anna@example.com", "anna@example.com", true},
		{"bob@example.com", "bob@example.com", false},
		{"", "", false},
	} {
		if got := a.has(tt.sender, tt.system); got != tt.want {
			t.Errorf("%s (%s): %v", tt.sender, tt.system, got)
		}
	}
}

// Reasons name the host that was used, the book the system: whoever reads one finds the other.
func TestHostsOfASender(t *testing.T) {
	at := hours(100)
	te := Fold(Testimony{}.Cover(Coverage{"mx", Span{hours(0), at}}),
		Observation{At: hours(90), Channel: Arriving, Class: Wanted, Source: "mx", Sender: "OUT7.mailer.example", From: "a@supplier.example"},
		Observation{At: hours(91), Channel: Arriving, Class: Wanted, Source: "mx", Sender: "out8.mailer.example", From: "a@supplier.example"},
		Observation{At: hours(92), Channel: Arriving, Class: Unwanted, Source: "mx", Sender: "spam.mailer.example", From: "a@supplier.example"})
	all := Senders(OldAddress([]string{"mx"}), te, at)
	if len(all) != 1 || all[0].Name != "supplier.example via mailer.example" || !slices.Equal(all[0].Hosts, []string{"out8.mailer.example", "out7.mailer.example"}) {
		t.Fatalf("%+v", all)
	}
	for name, called := range map[string]bool{"Out7.Mailer.example ": true, "supplier.example": true, "spam.mailer.example": false, "mailer.example": false} {
		if all[0].Called(name) != called {
			t.Errorf("%q: %v", name, !called)
		}
	}
}

// A week is today and the six days before, for everybody who counts by it.
func TestRecentUses(t *testing.T) {
	now := hours(20*24 + 19)
	for ago, want := range map[int]int{0: 1, 6*24 + 19: 1, 6*24 + 20: 0, 7*24 + 8: 0} {
		te := Fold(Testimony{}, Observation{At: hours(float64(20*24 + 19 - ago)), Channel: Arriving, Class: Wanted, Source: "mx", Sender: "mx.supplier.example", From: "a@supplier.example"})
		if all := Senders(OldAddress([]string{"mx"}), te, now); len(all) != 1 || all[0].Recent != want {
			t.Errorf("%d hours ago: %+v", ago, all)
		}
	}
}
