package clock

import (
	"context"
	"time"
)

// Resolution is the unit of every instant a Clock hands out.
const Resolution = time.Microsecond

// Clock tells the time and waits in it. All methods may be called from any
// goroutine. A wait of d, given in whole microseconds, never ends before Now
// has advanced by d.
type Clock interface {
	// Now is the current instant: UTC, whole microseconds.
	Now() time.Time
	// Steady is an instant for measuring: the difference of two is the time that
	// passed, also where the wall clock was set in between. It means nothing to
	// another process, nor beside an instant of Now.
	Steady() time.Time
	// After returns a channel that receives the instant once d has passed, at
	// once when d is not positive.
	After(d time.Duration) <-chan time.Time
	// NewTimer returns a running timer that fires once d has passed.
	NewTimer(d time.Duration) Timer
	// Sleep returns nil once d has passed, or the context's error as soon as
	// the context ends.
	Sleep(ctx context.Context, d time.Duration) error
}

// Timer fires once per NewTimer or Reset.
type Timer interface {
	// C receives the instant at which the timer fired. It is never closed.
	C() <-chan time.Time
	// Stop prevents the timer from firing and reports whether it was still
	// running. Nothing is received from C after Stop until a Reset.
	Stop() bool
	// Reset starts the timer anew and reports whether it was still running.
	// An instant that was not received before is discarded.
	Reset(d time.Duration) bool
}

// source is what a concrete clock adds: the instant, and how long a wait of
// its own time takes in real time.
type source interface {
	Now() time.Time
	Steady() time.Time
	wait(d time.Duration) time.Duration
}

// waits gives any source the waiting half of Clock.
type waits struct{ source }

func (w waits) After(d time.Duration) <-chan time.Time {
	return w.NewTimer(d).C()
}

func (w waits) NewTimer(d time.Duration) Timer {
	t := &timer{source: w.source, c: make(chan time.Time, 1)}
	t.Reset(d)
	return t
}

func (w waits) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	t := time.NewTimer(w.wait(d))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func instant(t time.Time) time.Time { return t.UTC().Truncate(Resolution) }
