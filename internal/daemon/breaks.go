package daemon

import (
	"sync"
	"time"
)

// pulse notices time in which nobody watched although we seemed to run: the machine slept, its clock was set, or the process was stopped for a while.
type pulse struct {
	mu    sync.Mutex
	shown time.Time     // by the wall clock, at the last beat
	ran   time.Duration // by a clock that nobody sets, and that stands still while the machine sleeps
}

// drift is by how much the two clocks may differ between two beats: what sets a clock right little by little changes less.
const drift = 5 * time.Second

// beat takes the time of both clocks. It returns by how much the wall clock was set forward (below zero: back) since the last beat, and whether the time since then was watched without a break of more than
// longest.
func (p *pulse) beat(shown time.Time, ran, longest time.Duration) (set time.Duration, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.shown.IsZero()
	if passed := ran - p.ran; !first {
		set = shown.Sub(p.shown) - passed
		whole = set.Abs() <= drift && passed <= longest
	}
	p.shown, p.ran = shown, ran
	return set, whole || first
}

// feel is a beat of now. What listeners seemed to cover since the last one is left uncovered after a break; logs and mailboxes are read on from where they were.
func (d *Daemon) feel(now time.Time) {
	if d.opts.Speed > 1 { // such a clock is nobody's to set
		return
	}
	set, whole := d.pulse.beat(now, time.Since(d.born), d.stale())
	if whole {
		return
	}
	d.witness.Interrupted(d.listenerNames())
	d.log.WithField("clock_set_by", set.Round(time.Second).String()).Warn("the machine slept, its clock was set, or posthouse was stopped: since the last look nobody watched the listeners")
}
