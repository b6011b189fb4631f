package neighbour

import (
	"testing"
	"time"
)

// Wait asks again and again until done is true; a test that has waited for longer than most ends.
func Wait(t testing.TB, most time.Duration, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(most); !done(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %s for %s", most, what)
		case <-t.Context().Done():
			t.Fatalf("waiting for %s: %v", what, t.Context().Err())
		}
	}
}
