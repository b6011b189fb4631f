package accounts

import (
	"testing"
	"testing/synctest"
	"time"
)

// A server that says that there are too many connections gets no more than it has, and one more after each quiet time.
func TestACrowdedPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(6)
		fill := func() int {
			for p.TryAcquire() {
			}
			return p.open
		}
		for range 4 {
			p.TryAcquire()
		}
		p.Release() // the connection that was refused
		p.Crowded()
		for want := 3; want < 6; want++ {
			if got := fill(); got != want {
				t.Errorf("%d connections, want %d", got, want)
			}
			time.Sleep(crowdQuiet)
		}
		for range 6 {
			p.TryAcquire()
		}
		for range 5 {
			p.Release()
		}
		p.Crowded()
		if got := fill(); got != fewest {
			t.Errorf("%d connections, want %d at least", got, fewest)
		}
		go p.Release()
		if err := p.Acquire(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
