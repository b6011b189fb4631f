package pace

import "time"

// Share is how much of something one uses at one time. It halves when the other side throttles, down to Least, and grows again by one after each Quiet, up to Whole. The
// zero value of the fields below is a share that was never throttled. It has no lock of its own.
type Share struct {
	Least, Whole int
	Quiet        time.Duration
	// Settle is how long further throttling is ignored after a halving: the answers to what was under way already say nothing about the new size.
	Settle time.Duration

	lost    int       // of Whole
	changed time.Time // when it last halved or grew
	halved  time.Time
}

// Size is how much may be used now.
func (s *Share) Size(now time.Time) int {
	for s.lost > 0 && now.Sub(s.changed) >= s.Quiet {
		s.lost--
		s.changed = s.changed.Add(s.Quiet)
	}
	return s.Whole - s.lost
}

// Throttled halves the share; what is in use may be more than that for a while. It reports whether it did.
func (s *Share) Throttled(now time.Time) bool {
	size := s.Size(now)
	s.changed = now // quiet begins anew
	if !s.halved.IsZero() && now.Sub(s.halved) < s.Settle {
		return false
	}
	s.halved = now
	s.Shrink(now, size/2)
	return true
}

// Shrink makes the share no larger than most, as far as Least allows. Quiet begins anew.
func (s *Share) Shrink(now time.Time, most int) {
	size := max(min(s.Size(now), most), min(s.Least, s.Whole), 1)
	s.lost, s.changed = s.Whole-size, now
}

// Grows is when the share will be one larger; zero while it is whole.
func (s *Share) Grows(now time.Time) time.Time {
	if s.Size(now) == s.Whole {
		return time.Time{}
	}
	return s.changed.Add(s.Quiet)
}
