package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"posthouse/bridge"
	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay/listener"
)

// witness keeps the testimony: everything that any source says goes through it into the ledger and into the aggregates that verdicts are made of. Safe for concurrent use.
type witness struct {
	d *Daemon

	mu        sync.Mutex
	testimony evidence.Testimony
	waiting   []evidence.Observation          // not folded yet
	examined  map[string]evidence.Observation // by capture: it is not known yet whether they are wanted
	covered   map[string]time.Time            // until when a source of our own was covered
	contacts  map[string]time.Time            // outside connections by listener, not yet recorded
}

// memory is how far back observations are folded at start: rhythms of a year and a month.
const memory = 400 * 24 * time.Hour

func (d *Daemon) startWitness(ctx context.Context) error {
	w := &witness{d: d, examined: map[string]evidence.Observation{}, covered: map[string]time.Time{}, contacts: map[string]time.Time{}}
	since := d.opts.Clock.Now().Add(-memory)
	lately := d.opts.Clock.Now().Add(-crowdWithin)
	err := d.ledger.Observations(ctx, since, func(o evidence.Observation) bool {
		w.take(o)
		if o.At.After(lately) && o.Message != "" && o.Client.IsValid() { // what a listener of ours took
			d.crowds.saw(o.Client, o.Sender, o.At)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("reading the observations: %w", err)
	}
	coverage, err := d.ledger.Coverage(ctx, since)
	if err != nil {
		return fmt.Errorf("reading the coverage: %w", err)
	}
	w.fold()
	w.testimony = w.testimony.Cover(coverage...)
	d.witness = w
	w.switched(d.cfg.Verdict.MXSwitched)
	return d.loadAccepted(ctx)
}

// switched notes when the MX records were switched, if that is known.
func (w *witness) switched(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !at.IsZero() {
		w.testimony = w.testimony.Switch(at)
	}
}

// Testify makes what a source says durable, then folds it. Log followers write through it.
func (w *witness) Testify(ctx context.Context, observations []evidence.Observation, coverage []evidence.Coverage, offset *ledger.Offset, delivered ...evidence.LocalDelivery) error {
	delivered = slices.DeleteFunc(delivered, func(d evidence.LocalDelivery) bool { return w.d.canary.Is(d.Message) })
	if err := w.d.ledger.Testify(ctx, observations, coverage, offset, delivered...); err != nil {
		return err
	}
	w.recorded(observations, coverage, delivered)
	return nil
}

// recorded folds what the ledger has just taken.
func (w *witness) recorded(observations []evidence.Observation, coverage []evidence.Coverage, delivered []evidence.LocalDelivery) {
	w.d.observed(observations, delivered)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.take(observations...)
	w.fold()
	w.testimony = w.testimony.Cover(coverage...)
}

// Withdraw takes back the coverage of a source, durably, then in the testimony.
func (w *witness) Withdraw(ctx context.Context, source string, from time.Time) error {
	if err := w.d.ledger.Withdraw(ctx, source, from); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.testimony = w.testimony.Withdraw(source, from)
	return nil
}

// Offset is how far a log was read.
func (w *witness) Offset(ctx context.Context, source string) (ledger.Offset, error) {
	return w.d.ledger.Offset(ctx, source)
}

// Observations are those the ledger holds.
func (w *witness) Observations(ctx context.Context, since time.Time, yield func(evidence.Observation) bool) error {
	return w.d.ledger.Observations(ctx, since, yield)
}

// captured folds what the ledger holds already: a capture's observation is part of its commit.
func (w *witness) captured(o evidence.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, some := w.examined[o.Message]; some && e.At.Equal(o.At) { // else it is a repetition of it
		delete(w.examined, o.Message)
	}
	w.take(o)
}

// beingExamined holds an observation whose class is not known yet: it counts as it is, until captured tells more.
func (w *witness) beingExamined(o evidence.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.examined[o.Message] = o
}

// foldAtOnce is how many observations wait to be folded: each folding copies what is known of the day, which would be much for a single message on a busy one.
const foldAtOnce = 1000

// take notes observations, fold makes them part of the testimony. The lock is held.
func (w *witness) take(observations ...evidence.Observation) {
	if w.waiting = append(w.waiting, observations...); len(w.waiting) >= foldAtOnce {
		w.fold()
	}
}

func (w *witness) fold() {
	w.testimony = evidence.Fold(w.testimony, w.waiting...)
	w.waiting = nil
}

// cover extends the coverage of sources of our own up to the given instants. A source that is named for the first time in this process begins there, or where begins says: while we
// did not run, nobody watched. Time that the ledger does not take is blind: it would not have taken what we saw either.
func (w *witness) cover(ctx context.Context, until map[string]time.Time) error {
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

// interrupted says that nobody watched sources of our own since they were last covered: their coverage begins anew.
func (w *witness) interrupted(sources []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, source := range sources {
		delete(w.covered, source)
	}
}

// begins is from when a source was watched although we did not run: what grew in the legacy mailboxes meanwhile is found by the first look, so their coverage goes on where it ended.
// The very first look covers the moment of it.
func (w *witness) begins(source string, first time.Time) (time.Time, bool) {
	if source != bridge.GrowthSource {
		return time.Time{}, false
	}
	if spans := w.testimony.Coverage(source); len(spans) > 0 {
		return spans.End(), true
	}
	return first.Add(-time.Second), true
}

// outside turns the connections since the last call into one observation for each listener: proof that the outside reaches it, wanted or not.
func (w *witness) outside() []evidence.Observation {
	w.mu.Lock()
	defer w.mu.Unlock()
	var seen []evidence.Observation
	for source, at := range w.contacts {
		seen = append(seen, evidence.Observation{At: at, Channel: evidence.Arriving, Class: evidence.Unwanted, Source: source, Sender: "connections"})
	}
	clear(w.contacts)
	return seen
}

// contacted notes again what the ledger did not take.
func (w *witness) contacted(seen []evidence.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range seen {
		if o.At.After(w.contacts[o.Source]) {
			w.contacts[o.Source] = o.At
		}
	}
}

// Connected notes a connection from outside: one from this very machine's own address proves nothing.
func (w *witness) Connected(s listener.Session) {
	w.d.metrics.Session(s.Listener)
	if s.Remote.Addr().Unmap() == s.Local.Addr().Unmap() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.contacts[s.Listener] = w.d.opts.Clock.Now()
}

// MessageRefused counts: what came of the message tells the log.
func (w *witness) MessageRefused(s listener.Session, code string) {
	w.d.metrics.MessageRefused(s.Listener, code)
}

// RecipientRefused and Abused tell of clients that have connected: for the testimony that is noted already.
func (w *witness) RecipientRefused(s listener.Session, rcpt string, why *listener.Refusal) {
	code := fmt.Sprintf("%d %d.%d.%d", why.Code, why.Enhanced[0], why.Enhanced[1], why.Enhanced[2])
	w.d.metrics.Refused(s.Listener, code)
	w.d.feed.tell(func() control.Event {
		e := event(control.RecipientRefused, s)
		e.To, e.Reply = []string{rcpt}, code+" "+why.Text
		return e
	})
}

func (w *witness) Abused(s listener.Session, what listener.Abuse) {
	w.d.metrics.Abused(s.Listener, string(what))
	w.d.feed.tell(func() control.Event {
		e := event(control.ClientAbused, s)
		e.Detail = string(what)
		return e
	})
}

// snapshot is the testimony now; it is a value.
func (w *witness) snapshot() evidence.Testimony {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fold()
	return evidence.Fold(w.testimony, slices.Collect(maps.Values(w.examined))...)
}

// remember adds what is known of the past.
func (w *witness) remember(past []evidence.Tally) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.testimony = w.testimony.Tally(past...)
}
