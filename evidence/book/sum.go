package book

import "math"

// Sum is what several parts come to together.
type Sum struct {
	Chance   float64 // that anything comes
	Expected float64 // mean number of uses
	Upper    float64 // in 95 of 100 such cases no more come
}

// countsKept is up to how many uses the distribution is computed; beyond, counts are grouped.
const countsKept = 2048

// Total adds parts that do not depend on each other. How many uses one is that comes at all spreads widely (geometrically) around its mean.
func Total(parts []Part) Sum {
	var s Sum
	none, spread := 1.0, 0.0
	for _, p := range parts {
		none *= 1 - p.Chance
		s.Expected += p.Expected()
		spread += p.Chance * p.Uses * (2*p.Uses - 1)
	}
	s.Chance = 1 - none
	most := s.Expected + 12*math.Sqrt(spread) + 20
	group := max(1, most/countsKept)
	counts := make([]float64, int(most/group)+1)
	counts[0] = 1
	for _, p := range parts {
		if p.Chance > 0 {
			convolve(counts, p.Chance, max(1, p.Uses/group))
		}
	}
	s.Upper = group * quantile(counts, 0.95)
	return s
}

// convolve adds one part to a distribution of counts: none, or geometrically many with a mean.
func convolve(counts []float64, chance, mean float64) {
	more := 1 - 1/mean
	var tail, before float64
	for n := range counts {
		tail = before + more*tail
		before = counts[n]
		counts[n] = (1-chance)*before + chance/mean*tail
	}
}

func quantile(counts []float64, share float64) float64 {
	var sum float64
	for n, p := range counts {
		if sum += p; sum >= share {
			return float64(n)
		}
	}
	return float64(len(counts))
}
