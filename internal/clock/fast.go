package clock

import (
	"math"
	"time"
)

// leastWait is the shortest real time that a positive wait on a fast clock
// takes. At a speed of 14,400 a poll every ten seconds would otherwise be a
// busy loop.
const leastWait = 2 * time.Millisecond

// FastSince is a clock that showed start at the real instant realEpoch and runs
// speed times faster than real time; a speed of 14,400 makes a second last four
// hours. A speed that is not positive counts as 1. Two processes that are given the same three values show the same time.
// Within one process the clock is monotonic: a step of the wall clock after
// this call does not move it.
func FastSince(realEpoch, start time.Time, speed float64) Clock {
	if speed <= 0 || math.IsNaN(speed) {
		speed = 1
	}
	now := time.Now()
	return waits{&fastSource{
		base:  now,
		shown: start.Add(scale(now.Sub(realEpoch), speed)),
		speed: speed,
	}}
}

type fastSource struct {
	base  time.Time
	shown time.Time
	speed float64
}

func (f *fastSource) Now() time.Time {
	return instant(f.shown.Add(scale(time.Since(f.base), f.speed)))
}

// Steady is Now: nobody sets it.
func (f *fastSource) Steady() time.Time { return f.Now() }

// wait rounds up by one nanosecond, so that rounding never ends a wait early.
func (f *fastSource) wait(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	real := scale(d, 1/f.speed)
	if real < math.MaxInt64 {
		real++
	}
	return max(real, leastWait)
}

// scale saturates: at high speed a long-running demonstration leaves the range
// of a Duration (292 years), and must not wrap into the past.
func scale(d time.Duration, by float64) time.Duration {
	v := float64(d) * by
	switch {
	case v >= math.MaxInt64:
		return math.MaxInt64
	case v <= math.MinInt64:
		return math.MinInt64
	}
	return time.Duration(v)
}
