package mx

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"posthouse/internal/testserver"
)

// zone is a resolver on loopback that knows the records it was given.
type zone struct {
	*testserver.DNS
	t *testing.T
}

func newZone(t *testing.T, records ...string) *zone {
	t.Helper()
	z := &zone{testserver.NewDNS(), t}
	z.add(records...)
	if err := z.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(z.Stop)
	return z
}

func (z *zone) add(records ...string) {
	z.t.Helper()
	if err := z.Add(records...); err != nil {
		z.t.Fatal(err)
	}
}

// finder asks the zone, and believes it.
func (z *zone) finder(change func(*Config)) *Finder {
	cfg := Config{Servers: []string{z.Addr()}, Now: time.Now}
	if change != nil {
		change(&cfg)
	}
	return New(cfg)
}

func (z *zone) find(f *Finder, domain string) ([]Host, error) {
	z.t.Helper()
	return f.Find(z.t.Context(), domain, 25)
}

func names(hosts []Host) string {
	var all []string
	for _, h := range hosts {
		all = append(all, h.Name+"@"+h.Addr.String())
	}
	return strings.Join(all, " ")
}

func at(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }
