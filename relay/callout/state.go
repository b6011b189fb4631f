package callout

import (
	"maps"
	"slices"
	"time"

	"posthouse/cutover"
)

// Tally is what came of the questions to a source.
type Tally struct {
	Asked    int // questions put, those included by which it showed that it can say no
	Known    int // addresses that it knew
	Unknown  int // addresses that it did not know
	Deferred int // questions it did not answer
	Limited  int // questions not put, because there were too many
	// Trouble is what was the matter last when there was no answer, and when that was.
	Trouble   string
	TroubleAt time.Time
}

// State is a source as of now.
type State struct {
	Name string
	Side cutover.Side
	Tally
	// Down: it is left alone for a while, because it could not be reached.
	Down bool
	// Knows are the domains in which it showed in the last hour that it can say no, Mute those in which it takes every address. In others it has not been asked since, or did not answer.
	Knows, Mute []string
}

// State is the source as of now.
func (s *Source) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := State{Name: s.cfg.Name, Side: s.cfg.Side, Tally: s.tally, Down: s.breaker.Retry().After(s.cfg.Clock.Steady())}
	now := s.cfg.Clock.Steady()
	for _, domain := range slices.Sorted(maps.Keys(s.proofs)) {
		if !s.proofs[domain].holds(now) {
			continue
		}
		switch s.proofs[domain].answer {
		case No:
			state.Knows = append(state.Knows, domain)
		case Mute:
			state.Mute = append(state.Mute, domain)
		}
	}
	return state
}
