package pace

import "time"

// DefaultJitter spreads a schedule's pauses by a fifth to either side, so that
// what failed together does not come back together.
const DefaultJitter = 0.2

// lastResort is the pause of a schedule without steps: a forgotten setting must
// not become a busy loop.
const lastResort = time.Minute

// Schedule is a back-off.
type Schedule struct {
	// Steps are the pauses after the first, second, … failed attempt. The last
	// one repeats for ever.
	Steps []time.Duration
	// Jitter is the fraction by which a pause varies to either side, at most 1.
	// Zero means DefaultJitter; a negative value means none.
	Jitter float64
}

// Next is the pause after attempt failed attempts (the first is 1; less counts
// as 1). rnd is a random number in [0,1) and places the pause within the
// jitter. The result is in whole microseconds.
func (s Schedule) Next(attempt int, rnd float64) time.Duration {
	step := s.step(attempt)
	pause := step + time.Duration(float64(step)*s.jitter()*(2*rnd-1))
	return max(pause, 0).Round(time.Microsecond)
}

func (s Schedule) step(attempt int) time.Duration {
	if len(s.Steps) == 0 {
		return lastResort
	}
	return s.Steps[min(max(attempt, 1), len(s.Steps))-1]
}

func (s Schedule) jitter() float64 {
	if s.Jitter == 0 {
		return DefaultJitter
	}
	return min(max(s.Jitter, 0), 1)
}
