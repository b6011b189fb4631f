package daemon

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestCrowds(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	router, public := netip.MustParseAddr("10.0.4.1"), netip.MustParseAddr("198.51.100.7")
	saw := func(c *crowds, addr netip.Addr, at time.Time, names ...string) *crowds {
		for _, n := range names {
			c.saw(addr, n, at)
		}
		return c
	}
	many := []string{"mx1.one.example", "two.example", "scanner", "[10.9.9.9]", "mail.three.example."}
	for name, c := range map[string]struct {
		crowds *crowds
		addr   netip.Addr
		want   bool
	}{
		"many":              {saw(&crowds{}, router, now, many...), router, true},
		"mapped":            {saw(&crowds{}, netip.MustParseAddr("::ffff:10.0.4.1"), now, many...), router, true},
		"one too few":       {saw(&crowds{}, router, now, many[1:]...), router, false},
		"related":           {saw(&crowds{}, router, now, "a.one.example", "b.one.example", "ONE.example", "c.d.one.example", "e.one.example", "f.one.example"), router, false},
		"again and again":   {saw(saw(saw(&crowds{}, router, now, many[1:]...), router, now, many[1:]...), router, now, many[1:]...), router, false},
		"public":            {saw(&crowds{}, public, now, many...), public, false},
		"another":           {saw(&crowds{}, router, now, many...), netip.MustParseAddr("10.0.4.2"), false},
		"days apart":        {saw(saw(&crowds{}, router, now.Add(-25*time.Hour), many[:2]...), router, now, many[2:]...), router, false},
		"new ones each day": {saw(saw(&crowds{}, router, now.Add(-25*time.Hour), "x.example", "y.example", "z.example"), router, now, many...), router, true},
		"silent clients":    {saw(&crowds{}, router, now, "", "", "", "", ""), router, false},
	} {
		if got := c.crowds.hidden(c.addr, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	c := saw(&crowds{}, router, now, many...)
	if all := c.all(now); len(all) != 1 || all[0].Address != "10.0.4.1" || len(all[0].Names) != crowdNames || len(c.all(now.Add(crowdWithin))) != 0 {
		t.Errorf("%+v", all)
	}
	for i := range 3 * crowdMost {
		c.saw(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), "x.example", now)
	}
	for i := range 100 {
		c.saw(router, fmt.Sprintf("%d.example", i), now)
	}
	if n := len(c.at); n > crowdMost || c.order.Len() != n || len(c.get(router).names) != crowdNames {
		t.Errorf("%d addresses are remembered", n)
	}
}
