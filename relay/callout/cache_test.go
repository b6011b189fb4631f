package callout

import (
	"fmt"
	"testing"
	"time"

	"posthouse/cutover"
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

func TestBucket(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ rate, atOnce, inAnHour int }{{60, 10, 3610}, {1, 2, 62}, {600, 100, 36_100}} {
		b := newBucket(tt.rate)
		taken := func(d time.Duration) (n int) {
			for now = now.Add(d); b.take(now); n++ {
			}
			return n
		}
		at := taken(0)
		all := at
		for range 36_000 {
			all += taken(100 * time.Millisecond)
		}
		if at != tt.atOnce || all < tt.inAnHour-1 || all > tt.inAnHour {
			t.Errorf("%d a minute: %d at once, %d in an hour", tt.rate, at, all)
		}
	}
}
