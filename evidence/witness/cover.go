package witness

import (
	"context"
	"time"

	"posthouse/evidence"
)

// Cover extends the coverage of sources of our own up to the given instants. A source that is named for the first time in this process begins there, or where begins says: while we
// did not run, nobody watched. Time that the ledger does not take is blind: it would not have taken what we saw either.
func (w *Witness) Cover(ctx context.Context, until map[string]time.Time) error {
	w.mu.Lock()
	var spans []evidence.Coverage
	for source, to := range until {
		from, known := w.covered[source]
		if begun, ok := w.begins(source, to); !known && ok {
			from, known = begun, true
		}
		if known && to.After(from) {
			spans = append(spans, evidence.Coverage{Source: source, Span: evidence.Span{From: from, To: to}})
		}
		if !known || to.After(from) {
			w.covered[source] = to
		}
	}
	w.mu.Unlock()
	contacts := w.outside()
	err := w.Testify(ctx, contacts, spans, nil)
	if err != nil {
		w.contacted(contacts)
	}
	return err
}

// Interrupted says that nobody watched sources of our own since they were last covered: their coverage begins anew.
func (w *Witness) Interrupted(sources []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, source := range sources {
		delete(w.covered, source)
	}
}

// begins is from when a source was watched although we did not run: what came to the continuous one meanwhile is found by the first look, so its coverage goes on where it ended.
// The very first look covers the moment of it.
func (w *Witness) begins(source string, first time.Time) (time.Time, bool) {
	if source != w.cfg.Continuous {
		return time.Time{}, false
	}
	if spans := w.testimony.Coverage(source); len(spans) > 0 {
		return spans.End(), true
	}
	return first.Add(-time.Second), true
}

// outside turns the connections since the last call into one observation for each listener: proof that the outside reaches it, wanted or not.
func (w *Witness) outside() []evidence.Observation {
	w.mu.Lock()
	defer w.mu.Unlock()
	var seen []evidence.Observation
	for source, at := range w.contacts {
		seen = append(seen, evidence.Observation{At: at, Channel: evidence.Arriving, Class: evidence.Unwanted, Source: source, Sender: "connections"})
	}
	clear(w.contacts)
	return seen
}

// Contact notes that a listener was reached from outside.
func (w *Witness) Contact(listener string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.contacts[listener] = at
}

// contacted notes again what the ledger did not take.
func (w *Witness) contacted(seen []evidence.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range seen {
		if o.At.After(w.contacts[o.Source]) {
			w.contacts[o.Source] = o.At
		}
	}
}
