package sendercheck_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/relay/sendercheck"
)

// An answer is good for minutes, also that there is nothing; that there was no answer, for seconds.
func TestAnswersAreRemembered(t *testing.T) {
	whole := signed(t, text, "a.example", "r")
	synctest.Test(t, func(t *testing.T) {
		z := world()
		z.addr["1.2.0.192.bl.example"] = "error"
		c := sendercheck.New(sendercheck.Config{DNS: z, Lists: []string{"bl.example"}})
		asks := func() int64 {
			before := z.asked.Load()
			if f := c.Check(t.Context(), good(), reader(whole)); f.DMARC != sendercheck.Pass || f.SPF != sendercheck.Pass || f.DKIM[0].Result != sendercheck.Pass {
				t.Error(f)
			}
			return z.asked.Load() - before
		}
		if first, second := asks(), asks(); first != 4 || second != 0 {
			t.Errorf("%d questions, then %d", first, second)
		}
		time.Sleep(6 * time.Second)
		if n := asks(); n != 1 {
			t.Errorf("%d questions after seconds", n)
		}
		time.Sleep(5 * time.Minute)
		if n := asks(); n != 4 {
			t.Errorf("%d questions after minutes", n)
		}
		c.Listed(t.Context(), netip.MustParseAddr("198.51.100.5"))
		before := z.asked.Load()
		c.Listed(t.Context(), netip.MustParseAddr("198.51.100.5"))
		if z.asked.Load() != before {
			t.Error("that there is nothing was not remembered")
		}
	})
}

// What the asker did not wait for is not known to be no answer.
func TestImpatienceIsNotRemembered(t *testing.T) {
	z := world()
	c := checker(z)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := good()
	s.From = "x@silent.example"
	c.SPF(ctx, s)
	z.txt["silent.example"] = []string{"v=spf1 ip4:192.0.2.1 -all"}
	if f := c.SPF(t.Context(), s); f.SPF != sendercheck.Pass {
		t.Error(f)
	}
}

// However many names and however large their records, what is remembered of them is bounded: the answers that matter are right all the same.
func TestMemoryIsBounded(t *testing.T) {
	z := world()
	c := checker(z)
	for i := range 10_000 {
		name := fmt.Sprintf("n%d.example", i)
		z.txt[name] = []string{"v=spf1 ip4:192.0.2.1 -all"}
		if i%100 == 0 {
			z.txt[name] = append(z.txt[name], strings.Repeat("x", 4000))
		}
		s := good()
		s.From = "x@" + name
		if f := c.SPF(t.Context(), s); f.SPF != sendercheck.Pass {
			t.Fatal(f)
		}
	}
	asked := z.asked.Load()
	s := good()
	s.From = "x@n9900.example"
	if c.SPF(t.Context(), s); z.asked.Load() == asked {
		t.Error("a large answer was remembered")
	}
	s.From = "x@n1.example"
	if c.SPF(t.Context(), s); z.asked.Load() != asked+2 {
		t.Error("all answers were remembered")
	}
}
