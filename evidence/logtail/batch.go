package logtail

import (
	"time"

	"posthouse/evidence"
)

// batch is what the ledger does not know yet.
type batch struct {
	observations []evidence.Observation
	coverage     []evidence.Coverage
	delivered    []evidence.LocalDelivery
	withdrawn    time.Time      // what was covered since is taken back before; zero: nothing
	begun        map[string]int // index of a session's beginning
	lines        int            // read since the last commit
	octets       int            // likewise
}

// add takes an observation. A session that begins and ends within one batch is one observation.
func (b *batch) add(o evidence.Observation) {
	if b.begun == nil {
		b.begun = make(map[string]int)
	}
	i, begun := b.begun[o.Message]
	switch {
	case o.Message != "" && begun && !o.Until.IsZero():
		b.observations[i] = o
		delete(b.begun, o.Message)
		return
	case o.Message != "" && o.Open:
		b.begun[o.Message] = len(b.observations)
	}
	b.observations = append(b.observations, o)
}

func (b *batch) cover(source string, span evidence.Span) {
	if n := len(b.coverage); n > 0 && !b.coverage[n-1].Span.To.Before(span.From) {
		b.coverage[n-1].Span.To = span.To
		return
	}
	b.coverage = append(b.coverage, evidence.Coverage{Source: source, Span: span})
}

// withdraw takes back what was covered since: it was not, what is added later is.
func (b *batch) withdraw(since time.Time) {
	b.coverage = nil
	if b.withdrawn.IsZero() || since.Before(b.withdrawn) {
		b.withdrawn = since
	}
}
