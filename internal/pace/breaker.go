package pace

import (
	"sync"
	"time"
)

// State is what a Breaker lets through.
type State string

const (
	Closed   State = "closed"    // everything
	Open     State = "open"      // nothing until the pause is over
	HalfOpen State = "half-open" // one probe is on its way
)

// Breaker guards one destination. Only failures of the connection count
// (refused, timed out, TLS, login); an answer to a message, whatever it says,
// is a Success.
type Breaker struct {
	threshold int
	pauses    Schedule

	mu     sync.Mutex
	state  State
	failed int // consecutive failures while closed
	opened int // consecutive pauses
	retry  time.Time
}

// NewBreaker returns a closed breaker that opens after threshold consecutive
// failures (at least 1) and pauses by the schedule.
func NewBreaker(threshold int, pauses Schedule) *Breaker {
	return &Breaker{threshold: max(threshold, 1), pauses: pauses, state: Closed}
}

// Allow reports whether an attempt may be made now. The first attempt allowed
// after a pause is the probe; all others wait for its outcome. A probe whose
// outcome is never reported is replaced after a further pause.
func (b *Breaker) Allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == Closed {
		return true
	}
	if now.Before(b.retry) {
		return false
	}
	b.state = HalfOpen
	b.retry = now.Add(b.pauses.step(b.opened))
	return true
}

// Success closes the breaker and forgets all failures.
func (b *Breaker) Success() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state, b.failed, b.opened, b.retry = Closed, 0, 0, time.Time{}
}

// Failure records a failed connection. rnd is for the pause's jitter. Failures
// reported while the breaker is open, by attempts begun before, change nothing.
func (b *Breaker) Failure(now time.Time, rnd float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state {
	case Open:
		return
	case Closed:
		b.failed++
		if b.failed < b.threshold {
			return
		}
	}
	b.state = Open
	b.opened++
	b.retry = now.Add(b.pauses.Next(b.opened, rnd))
}

// Rest opens the breaker until an instant that the destination itself named:
// then one probe is let through.
func (b *Breaker) Rest(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state, b.retry = Open, until
	b.opened = max(b.opened, 1)
}

// Hint says that the destination is probably back (the network came up, a
// person asks to retry): the breaker closes at once. If the hint was wrong,
// one failure opens it again, with the pause that was due next.
func (b *Breaker) Hint() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == Closed {
		return
	}
	b.state, b.failed, b.retry = Closed, b.threshold-1, time.Time{}
}

// State is the breaker's state, for the status page.
func (b *Breaker) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// Retry is when the next attempt will be allowed; zero when the breaker is
// closed.
func (b *Breaker) Retry() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.retry
}
