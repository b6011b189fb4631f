package book

import (
	"math"
	"slices"
)

// What is assumed of everybody, beside what his own past shows. Lengths are usual days.
const (
	pauseShare  = 0.02   // of all silences that are pauses: holidays, a machine in repair
	pauseLength = 10.0   // mean length of a pause
	lifetime    = 1000.0 // mean time until one is gone for good
	doubt       = 10.0   // time without anything that is thought of beside what was seen
	gapsNeeded  = 3      // to judge by gaps
	gapsKept    = 60     // of the latest: habits change
)

// Habit is how somebody uses a server: how often, and how long he is silent in between.
type Habit struct {
	active   float64   // days on which he came
	exposure float64   // time in which they lie: up to the last of them, as nobody knows whether he goes on
	perDay   float64   // uses on such a day
	gaps     []float64 // between one such day and the next, the shortest first
	erratic  float64   // 0 where all gaps are alike, 1 where they are as if by chance, or more so
}

// habitOf learns from the days on which somebody came, counted from an instant of the clock on.
func habitOf(s Series, c Clock, from float64) Habit {
	h := Habit{active: float64(len(s)), exposure: doubt, perDay: 1, erratic: 1}
	if len(s) == 0 {
		return h
	}
	h.perDay = float64(s.Total()) / h.active
	h.exposure += max(0, c.At(Noon(s[len(s)-1].Day))-from)
	h.gaps = gaps(s[max(0, len(s)-gapsKept-1):], c)
	h.erratic = erratic(h.gaps)
	return h
}

// gaps between the days of a series, the shortest first.
func gaps(s Series, c Clock) []float64 {
	all := make([]float64, 0, len(s)-1)
	last := c.At(Noon(s[0].Day))
	for _, day := range s[1:] {
		at := c.At(Noon(day.Day))
		all, last = append(all, at-last), at
	}
	slices.Sort(all)
	return all
}

// erratic is the square of the gaps' deviation by that of their mean, 1 at most.
func erratic(gaps []float64) float64 {
	if len(gaps) < gapsNeeded {
		return 1
	}
	var sum, squares float64
	for _, g := range gaps {
		sum, squares = sum+g, squares+g*g
	}
	if sum <= 0 { // no time passed: nobody watched meanwhile
		return 1
	}
	mean := sum / float64(len(gaps))
	return max(0, min(1, squares/float64(len(gaps))/(mean*mean)-1))
}

// shape of the gamma distribution that the count leaves of the rate of active days; exposure is its scale.
func (h Habit) shape() float64 { return h.active + 0.5 }

func (h Habit) rate() float64 { return h.shape() / h.exposure }

// silent is the chance that one who has not gone is silent for that long. Of one whose gaps are alike they tell it. Of one who comes by chance no more than his rate is
// known, and of that the count (gamma-Poisson).
func (h Habit) silent(length float64) float64 {
	if length <= 0 {
		return 1
	}
	usual := 0.0
	if h.erratic > 0 {
		usual = math.Exp(-h.shape() * math.Log1p(length/h.exposure))
	}
	if len(h.gaps) >= gapsNeeded {
		seen := h.longer(length)
		usual = seen + h.erratic*max(0, usual-seen)
	}
	return usual + (1-usual)*pauseShare*math.Exp(-length/pauseLength)
}

// longer is the share of gaps that are longer. The next one falls as likely between two neighbours among those seen as between any others, and there anywhere; beyond the
// longest it is the rarer the longer.
func (h Habit) longer(length float64) float64 {
	n := len(h.gaps)
	shorter, _ := slices.BinarySearch(h.gaps, length)
	if shorter == n {
		beyond := h.gaps[n-1] / length
		return beyond * beyond * beyond / float64(n+1)
	}
	from, to := 0.0, h.gaps[shorter]
	if shorter > 0 {
		from = h.gaps[shorter-1]
	}
	return (float64(n+1-shorter) - (length-from)/(to-from)) / float64(n+1)
}

// gone is the chance that he left for good within such a silence, before he would have come again: at any moment of it that he had not come until then.
func (h Habit) gone(length float64) float64 {
	more := max(h.shape(), 1.5) - 1
	return h.exposure / more * (1 - math.Exp(-more*math.Log1p(length/h.exposure))) / lifetime
}

// comes is the chance that one who was silent for a time comes within the next.
func (h Habit) comes(silence, horizon float64) float64 {
	until := h.silent(silence)
	if until <= 0 {
		return 1
	}
	return 1 - h.silent(silence+horizon)/until
}
