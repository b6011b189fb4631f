package bridge

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/internal/clock"
	"posthouse/ledger"
)

func TestGrowth(t *testing.T) {
	const start, most = 4, 16
	for _, c := range []struct {
		name  string
		rate  func(mailboxes float64) float64
		sizes []int // allowed in the end
	}{
		{"each mailbox as fast as the first", func(n float64) float64 { return n }, []int{most}},
		{"the line is full", func(float64) float64 { return 1 }, []int{start}},
		{"full at eight", func(n float64) float64 { return min(n, 8) }, []int{8, 10}},
		{"full at eight, and slower beyond", func(n float64) float64 { return min(n, 16-n) }, []int{8}},
		{"each one helps less", math.Sqrt, []int{15, most}},
		{"hardly any help", func(n float64) float64 { return math.Pow(n, 0.1) }, []int{start}},
		{"worse with each", func(n float64) float64 { return 1 / n }, []int{start}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := growth{size: start, most: most, window: 20 * time.Second, quiet: 10 * time.Minute}
			now, largest := time.Unix(0, 0), 0
			for range 590 { // just before a step is tried again
				now = now.Add(time.Second)
				g.settled(now, c.rate(float64(g.size)), true)
				largest = max(largest, g.size)
			}
			if g.size < c.sizes[0] || g.size > c.sizes[len(c.sizes)-1] {
				t.Errorf("%d mailboxes at one time, want %v", g.size, c.sizes)
			}
			if largest > most {
				t.Errorf("%d at one time, no more than %d may", largest, most)
			}
		})
	}
}

// Nobody waits, or batches are so few that their number is chance: nothing is concluded.
func TestGrowthWithoutEvidence(t *testing.T) {
	g := growth{size: 4, most: 8, window: 20 * time.Second, quiet: time.Minute}
	now := time.Unix(0, 0)
	for i := range 1000 {
		now = now.Add(time.Second)
		g.settled(now, 1, i%15 != 0)
	}
	if g.size != 4 {
		t.Errorf("%d mailboxes at one time though no more want to", g.size)
	}
	g = growth{size: 4, most: 8, window: 20 * time.Second, quiet: time.Minute}
	for range enoughBatches { // the first one begins the measurement
		now = now.Add(time.Hour)
		if g.settled(now, 1, true); g.size != 4 {
			t.Fatal("it grew by a few batches")
		}
	}
	g.settled(now, 1, true)
	if g.size != 5 {
		t.Errorf("%d mailboxes at one time, want one more", g.size)
	}
}

// A step that did not help is tried again when things may have changed, and none is tried soon after a server throttled.
func TestGrowthTriesAgain(t *testing.T) {
	g := growth{size: 4, most: 8, window: 20 * time.Second, quiet: 10 * time.Minute}
	now := time.Unix(0, 0)
	pass := func(d time.Duration, rate func() float64) {
		for end := now.Add(d); now.Before(end); now = now.Add(time.Second) {
			g.settled(now, rate(), true)
		}
	}
	pass(5*time.Minute, func() float64 { return 1 })
	if g.size != 4 {
		t.Fatalf("%d mailboxes at one time, want 4", g.size)
	}
	g.throttled(now)
	pass(9*time.Minute, func() float64 { return float64(g.size) })
	if g.size != 4 {
		t.Errorf("%d mailboxes at one time soon after a server throttled", g.size)
	}
	pass(10*time.Minute, func() float64 { return float64(g.size) })
	if g.size != 8 {
		t.Errorf("%d mailboxes at one time, want 8", g.size)
	}
}

// More mailboxes get their turn while that helps. A server that throttles then gets half of what it had, and not of what it might have had.
func TestTurnsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(Config{Clock: clock.Real(), Parallel: 2, Most: 40, Pause: time.Second})
		ctx, end := context.WithCancel(t.Context())
		have := holding(ctx, turns, 50, on("legacy", "cloud"))
		if n := have(); n != 2 {
			t.Errorf("%d mailboxes work in the beginning, want 2", n)
		}
		for range 60 {
			time.Sleep(time.Second)
			turns.settled(make([]ledger.Item, have())) // each as fast as the others
		}
		grown := have()
		if grown < 4 || grown > 8 {
			t.Errorf("%d mailboxes work after a minute", grown)
		}
		if n := turns.throttled("cloud"); n != grown/2 {
			t.Errorf("the server bears %d, want half of %d", n, grown)
		}
		end()
		synctest.Wait()
	})
}
