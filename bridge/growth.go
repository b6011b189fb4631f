package bridge

import "time"

// growth is how many mailboxes work at one time: a quarter more, again and again, as long as more is settled by that. A step that did not help is taken back, and none is tried for a while then. It reads
// no clock and has no lock.
type growth struct {
	size, most int
	window     time.Duration // how long each size is measured at the least
	quiet      time.Duration // without steps, after one that did not help and after a server throttled

	begun   time.Time // of the measurement
	batches int       // settled since
	work    float64   // in them
	step    int       // the last one, while it is on trial
	before  float64   // work a second before it
	rests   time.Time // no step before this
}

const (
	// worthIt is how many times as much must be settled for a step to stay.
	worthIt = 1.05
	// enoughBatches are settled in each measurement: fewer say little, however long they took.
	enoughBatches = 16
)

// settled counts a batch. wanted: more mailboxes would have worked if they might. It reports whether more may now.
func (g *growth) settled(now time.Time, work float64, wanted bool) bool {
	if !wanted || g.begun.IsZero() {
		g.measure(now)
		return false
	}
	g.batches++
	g.work += work
	spent := now.Sub(g.begun)
	if spent < g.window || g.batches < enoughBatches {
		return false
	}
	rate, tried := g.work/spent.Seconds(), g.step
	g.measure(now)
	if tried > 0 && rate < g.before*worthIt {
		g.size -= tried
		g.rests = now.Add(g.quiet)
	}
	if g.size >= g.most || now.Before(g.rests) {
		return false
	}
	g.step, g.before = min(max(1, g.size/4), g.most-g.size), rate
	g.size += g.step
	return true
}

// measure begins anew. A step that was on trial stays.
func (g *growth) measure(now time.Time) {
	g.begun, g.batches, g.work, g.step = now, 0, 0, 0
}

// throttled: what is measured now says nothing, and more would be no help.
func (g *growth) throttled(now time.Time) {
	g.measure(now)
	g.rests = now.Add(g.quiet)
}
