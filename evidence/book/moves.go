package book

import "math"

// kinds are in how many days, on average, those move who do not do so at once: with the old records' time to live, by a cache that stretches it, when somebody
// tells them, and hardly ever.
var kinds = [...]float64{0.5, 4, 20, 200}

// assumed are the shares of the kinds before anybody was seen, and for how many entries that assumption stands.
var (
	assumed      = Moves{0.80, 0.10, 0.05, 0.05}
	assumedCount = 10.0
)

// prompt is until when a move says something of the others too. Who used the old side for longer was perhaps asked to move.
const prompt = 5.0

// Moves are the shares of the kinds among everybody.
type Moves [len(kinds)]float64

type likelihoods [len(kinds)]float64

// stays is the chance that one of a kind has not moved after so many days.
func stays(kind int, days float64) float64 { return math.Exp(-days / kinds[kind]) }

// stay is the chance that anybody has not.
func (m Moves) stay(days float64) float64 {
	var sum float64
	for k, share := range m {
		sum += share * stays(k, days)
	}
	return sum
}

// learn finds the shares that explain the standings best, together with what is assumed (expectation and maximisation).
func learn(all []standing, days float64) Moves {
	table := make([]likelihoods, 0, len(all))
	for i := range all {
		if s := &all[i]; s.along <= s.sights && !s.newcomer { // those are explained by the others of their service, and these asked the DNS when they began
			table = append(table, s.explained(days))
		}
	}
	m := assumed
	for range 15 {
		next := Moves{}
		for k := range next {
			next[k] = assumed[k] * assumedCount
		}
		for _, l := range table {
			m.divide(l, &next)
		}
		m = next.normal()
	}
	return m
}

// divide adds one entry to the kinds, by how likely it is to be of each.
func (m Moves) divide(l likelihoods, to *Moves) {
	var sum float64
	for k := range m {
		sum += m[k] * l[k]
	}
	if sum <= 0 {
		return
	}
	for k := range m {
		to[k] += m[k] * l[k] / sum
	}
}

func (m Moves) normal() Moves {
	var sum float64
	for _, share := range m {
		sum += share
	}
	for k := range m {
		m[k] /= sum
	}
	return m
}

// explained is how likely what was seen of an entry is for each kind.
func (s *standing) explained(days float64) (l likelihoods) {
	for k := range l {
		switch {
		case s.left > prompt:
			l[k] = stays(k, s.left)
		case s.state == Switched:
			l[k] = stays(k, s.left) - stays(k, max(s.found, s.left+0.01))
		default:
			l[k] = stays(k, days)*(s.here+s.gone) + s.hidden(k)
		}
	}
	return l
}

// hidden is the chance that one of a kind moved since its last use and that nobody saw him since.
func (s *standing) hidden(kind int) float64 {
	var sum float64
	for i, share := range s.grid.share[kind] {
		sum += share * (s.moved[i] + s.gone)
	}
	return sum
}
