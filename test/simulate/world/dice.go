package world

import (
	"math"
	"math/rand/v2"
)

// dice are the chances of a world.
type dice struct{ *rand.Rand }

func (d dice) chance(p float64) bool { return d.Float64() < p }

func (d dice) between(from, to float64) float64 { return from + (to-from)*d.Float64() }

func (d dice) exponential(mean float64) float64 { return mean * d.ExpFloat64() }

func (d dice) lognormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*d.NormFloat64())
}

// geometric is at least 1.
func (d dice) geometric(mean float64) int {
	if mean <= 1 {
		return 1
	}
	return 1 + int(math.Log(1-d.Float64())/math.Log(1-1/mean))
}

func (d dice) poisson(mean float64) int {
	if mean > 30 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*d.NormFloat64())))
	}
	n, p := 0, d.Float64()
	for limit := math.Exp(-mean); p > limit; n++ {
		p *= d.Float64()
	}
	return n
}
