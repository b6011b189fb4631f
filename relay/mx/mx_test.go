package mx

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	z := newZone(t,
		"new.example. MX 20 b.new.example.", "new.example. MX 10 a.new.example.",
		"a.new.example. A 192.0.2.1", "a.new.example. AAAA 2001:db8::1", "b.new.example. A 192.0.2.2",
		"bare.example. A 192.0.2.3",
		"null.example. MX 0 .",
		"half.example. MX 10 gone.half.example.", "half.example. MX 20 b.new.example.",
		"dead.example. MX 10 gone.half.example.",
		"xn--bcher-kva.example. MX 10 b.new.example.",
	)
	for domain, want := range map[string]string{
		"New.Example.":   "a.new.example@192.0.2.1:25 a.new.example@[2001:db8::1]:25 b.new.example@192.0.2.2:25",
		"bare.example":   "bare.example@192.0.2.3:25",
		"half.example":   "b.new.example@192.0.2.2:25",
		"bücher.example": "b.new.example@192.0.2.2:25",
	} {
		hosts, err := z.find(z.finder(nil), domain)
		if got := names(hosts); err != nil || got != want {
			t.Errorf("%s: %s, %v", domain, got, err)
		}
		for _, h := range hosts {
			if h.Rule.By != "" {
				t.Errorf("%s: %s demands something", domain, h.Rule.By)
			}
		}
	}
	for domain, want := range map[string]string{
		"null.example": "null.example takes no mail (null MX)", "dead.example": "dead.example has no host that can be used: gone.half.example has no address",
		"nowhere.example": "nowhere.example has no address", "": "no domain", "a b.example": "no domain", "[192.0.2.1]:25": "no domain",
	} {
		hosts, err := z.find(z.finder(nil), domain)
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, ErrNull) != (domain == "null.example") {
			t.Errorf("%q: %s, %v", domain, names(hosts), err)
		}
	}
}

func TestEqualPreferencesTakeTurns(t *testing.T) {
	z := newZone(t, "new.example. MX 10 a.new.example.", "new.example. MX 10 b.new.example.", "new.example. MX 5 first.new.example.",
		"a.new.example. A 192.0.2.1", "b.new.example. A 192.0.2.2", "first.new.example. A 192.0.2.3")
	second := map[string]int{}
	for range 60 { // all the same with a chance of 2^-59
		hosts, err := z.find(z.finder(nil), "new.example")
		if err != nil || len(hosts) != 3 || hosts[0].Name != "first.new.example" {
			t.Fatalf("%s, %v", names(hosts), err)
		}
		second[hosts[1].Name]++
	}
	if len(second) != 2 {
		t.Errorf("the second was %v", second)
	}
}

// A lookup that fails says nothing of the domain: in particular it has then no implicit MX.
func TestDNSFails(t *testing.T) {
	z := newZone(t, "new.example. A 192.0.2.9", "two.example. MX 10 a.two.example.", "two.example. MX 20 b.two.example.", "a.two.example. A 192.0.2.1", "b.two.example. A 192.0.2.2")
	z.Fail("new.example", "MX", true)
	z.Fail("a.two.example", "AAAA", true)
	if hosts, err := z.find(z.finder(nil), "new.example"); err == nil || !strings.Contains(err.Error(), "SERVFAIL") || errors.Is(err, ErrNull) {
		t.Errorf("%s, %v", names(hosts), err)
	}
	if hosts, err := z.find(z.finder(nil), "two.example"); err != nil || names(hosts) != "b.two.example@192.0.2.2:25" {
		t.Errorf("%s, %v", names(hosts), err)
	}
	silent := z.finder(func(c *Config) { c.Servers = []string{"127.0.0.1:1", z.Addr()} })
	if hosts, err := z.find(silent, "two.example"); err != nil {
		t.Errorf("the second resolver was not asked: %s, %v", names(hosts), err)
	}
	if _, err := z.find(&Finder{dns: resolver{conf: filepath.Join(t.TempDir(), "none")}}, "two.example"); err == nil {
		t.Error("found without a resolver")
	}
}

func TestTruncatedAnswersComeByTCP(t *testing.T) {
	z := newZone(t, "new.example. MX 10 a.new.example.", "a.new.example. A 192.0.2.1")
	z.Truncate()
	if hosts, err := z.find(z.finder(nil), "new.example"); err != nil || len(hosts) != 1 {
		t.Errorf("%s, %v", names(hosts), err)
	}
}

// Mail for a domain whose backup we are goes to those before us, and never to us or behind us.
func TestNeverToOurselves(t *testing.T) {
	z := newZone(t, "new.example. MX 10 a.new.example.", "new.example. MX 20 us.example.", "new.example. MX 20 c.new.example.", "new.example. MX 30 d.new.example.",
		"a.new.example. A 192.0.2.1", "us.example. A 192.0.2.2", "c.new.example. A 192.0.2.3", "d.new.example. A 192.0.2.4", "loop.example. MX 10 us.example.", "loop.example. MX 20 a.new.example.")
	for name, own := range map[string]func(string, netip.AddrPort) bool{
		"by address": func(_ string, a netip.AddrPort) bool { return a == at("192.0.2.2:25") },
		"by name":    func(host string, _ netip.AddrPort) bool { return host == "us.example" },
	} {
		f := z.finder(func(c *Config) { c.Own = own })
		for range 10 {
			if hosts, err := z.find(f, "new.example"); err != nil || names(hosts) != "a.new.example@192.0.2.1:25" {
				t.Fatalf("%s: %s, %v", name, names(hosts), err)
			}
		}
		if hosts, err := z.find(f, "loop.example"); !errors.Is(err, ErrOurselves) || err.Error() != "loop.example leads to ourselves: its host us.example is us" {
			t.Errorf("%s: %s, %v", name, names(hosts), err)
		}
	}
}

// Only resolvers on loopback, or those that somebody vouches for, are believed.
func TestWhoIsBelieved(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver 192.0.2.53\nnameserver 127.0.0.53\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	servers, vouched, err := resolver{conf: conf}.who()
	if err != nil || vouched || len(servers) != 2 || onLoopback(servers[0]) || !onLoopback(servers[1]) {
		t.Errorf("%v, %v, %v", servers, vouched, err)
	}
	if _, vouched, _ := (resolver{servers: []string{"192.0.2.53:53"}}).who(); !vouched {
		t.Error("a configured resolver is not believed")
	}
}
