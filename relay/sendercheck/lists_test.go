package sendercheck_test

import (
	"net/netip"
	"slices"
	"testing"

	"posthouse/relay/sendercheck"
)

func TestLists(t *testing.T) {
	z := world()
	z.addr["9.100.51.198.bl.example"] = "127.0.0.2"
	z.addr["8.100.51.198.bl.example"] = "127.255.255.254" // asks through a public resolver
	z.addr["7.100.51.198.bl.example"] = "203.0.113.1"     // the domain was sold
	z.addr["6.100.51.198.bl.example"] = "error"
	z.addr["9.100.51.198.other.example"] = "127.0.0.10"
	z.addr["1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example"] = "127.0.0.2"
	z.addr["9.0.0.10.bl.example"] = "127.0.0.2"
	c := sendercheck.New(sendercheck.Config{DNS: z, Lists: []string{"bl.example", "other.example"}})
	for client, want := range map[string][]string{
		"198.51.100.9": {"bl.example", "other.example"}, "198.51.100.8": nil, "198.51.100.7": nil, "198.51.100.6": nil, "198.51.100.5": nil,
		"2001:db8::1": {"bl.example"}, "10.0.0.9": nil, "::ffff:198.51.100.9": {"bl.example", "other.example"},
	} {
		if got := c.Listed(t.Context(), netip.MustParseAddr(client)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", client, got, want)
		}
	}
}

// A listed client's mail is unwanted, unless the domain of From vouches for it.
func TestListedUnwanted(t *testing.T) {
	z := world()
	z.addr["1.2.0.192.bl.example"] = "127.0.0.2"
	c := sendercheck.New(sendercheck.Config{DNS: z, Lists: []string{"bl.example"}})
	if f := c.Check(t.Context(), good(), reader(text)); f.Unwanted() || f.String() != "spf=pass smtp.mailfrom=a.example; dkim=none; dmarc=pass (p=reject) header.from=a.example; dnsbl=bl.example" {
		t.Error(f)
	}
	if f := c.Check(t.Context(), good(), reader(from("x@nobody.example"))); !f.Unwanted() {
		t.Error(f)
	}
}
