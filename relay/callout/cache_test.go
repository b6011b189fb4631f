package callout

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/internal/clock"
)

// TestCacheIsBounded, and what is asked for stays in it.
func TestCacheIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	var c cache
	c.keep("anna@example.com", kept{answer: Yes, at: now})
	for i := range 5 * maxKept {
		c.keep(cutover.Address(fmt.Sprintf("guess-%d@example.com", i)), kept{answer: No, at: now})
		if i%1000 == 0 {
			c.fresh("anna@example.com", now)
		}
	}
	if n := len(c.young) + len(c.old); n > maxKept {
		t.Errorf("%d are kept", n)
	}
	if answer, ok := c.fresh("anna@example.com", now.Add(keepYes-1)); !ok || answer != Yes {
		t.Error("what was asked for is gone")
	}
	if _, ok := c.recall("guess-0@example.com"); ok {
		t.Error("what nobody asked for is still there")
	}
}

// TestRate: a server is asked so often at once, and so often in an hour.
func TestRate(t *testing.T) {
	for _, tt := range []struct{ rate, atOnce, inAnHour int }{{60, 10, 3610}, {1, 2, 62}, {600, 100, 36_100}} {
		synctest.Test(t, func(t *testing.T) {
			s := NewSource(Config{Rate: tt.rate, Clock: clock.Real()})
			defer s.Stop()
			taken := func() (n int) {
				for s.admit() {
					n++
				}
				return n
			}
			once := taken()
			all := once
			for range 36_000 {
				time.Sleep(100 * time.Millisecond)
				all += taken()
			}
			if once != tt.atOnce || all < tt.inAnHour-1 || all > tt.inAnHour {
				t.Errorf("%d a minute: %d at once, %d in an hour", tt.rate, once, all)
			}
		})
	}
}
