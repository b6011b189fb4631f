package clocktest

import (
	"sync/atomic"
	"time"

	"posthouse/internal/clock"
)

// Clock is the machine's clock, moved. Safe for concurrent use.
type Clock struct {
	clock.Clock
	set, passed atomic.Int64
}

// New is a clock that nobody moved yet.
func New() *Clock { return &Clock{Clock: clock.Real()} }

// Set moves the wall clock on, or back where by is negative.
func (c *Clock) Set(by time.Duration) { c.set.Add(int64(by)) }

// Pass makes it later by every measure.
func (c *Clock) Pass(d time.Duration) { c.passed.Add(int64(d)) }

// Now is the wall clock's instant.
func (c *Clock) Now() time.Time {
	return c.Clock.Now().Add(time.Duration(c.set.Load() + c.passed.Load()))
}

// Steady does not notice that the wall clock was set.
func (c *Clock) Steady() time.Time { return c.Clock.Steady().Add(time.Duration(c.passed.Load())) }
