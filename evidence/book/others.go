package book

import (
	"math"
	"time"
)

// newcomer is the assumed share of those never seen before who come to the old side although it is not in the DNS any more, and for how many
// newcomers that assumption stands.
const (
	newcomerShare = 0.02
	newcomerCount = 1.0
)

// settled is how long after the switch the old records are certainly forgotten by who never used them.
const settled = 3 * 24 * time.Hour

// Others is the allowance for those who were never seen.
type Others struct {
	Part
	Old, All int // of those who were new since the switch: who came to the old side, and all of whom it is known where they came
}

// others looks at how often somebody new turned up before the switch, and at how many of those who did since came to the old side (in the spirit of Good and
// Turing: the new ones foretell the unseen).
func (b *Book) others(v view, now time.Time) Others {
	all := b.standings
	usual := b.newcomers(all)
	old, found := 0.0, 0.0
	since := b.Switched.Add(settled)
	for i := range all {
		switch s := &all[i]; {
		case !s.newcomer:
		case s.worth < 1: // a stranger is counted when he comes again
		case len(s.Old) > 0:
			old++
		default:
			found++
		}
	}
	unnoticed := max(0, usual*b.Old.Between(since, now)-old-found) // where the new side is not watched, those who did not come to the old one went there
	if b.New.Between(since, now) > 0 {
		unnoticed = 0
	}
	share := (old + newcomerShare*newcomerCount) / (old + found + unnoticed + newcomerCount)
	mean := usual * v.ahead * share
	return Others{Part{1 - math.Exp(-mean), mean / max(1-math.Exp(-mean), 1e-12)}.sane(), int(old), int(old + found)}
}

func (p Part) sane() Part {
	if p.Chance <= 0 {
		return Part{}
	}
	return p
}

// newcomers is how many turned up in a usual day in the later half of the known past. In the earlier half most only seem new.
func (b *Book) newcomers(all []standing) float64 {
	half := b.Began.Add(b.Switched.Sub(b.Began) / 2)
	n := 0.5
	for i := range all {
		if first := all[i].first(); first >= DayOf(half) && first < DayOf(b.Switched) {
			n++
		}
	}
	return n / max(1, b.Old.Between(half, b.Switched))
}

// first is the day on which an entry was first seen.
func (s *standing) first() int32 {
	switch {
	case len(s.Old) == 0 && len(s.New) == 0:
		return math.MaxInt32
	case len(s.New) == 0 || len(s.Old) > 0 && s.Old[0].Day < s.New[0].Day:
		return s.Old[0].Day
	}
	return s.New[0].Day
}
