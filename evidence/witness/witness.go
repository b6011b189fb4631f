package witness

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"posthouse/evidence"
	"posthouse/ledger"
)

// Config is what a Witness needs. All functions may be nil.
type Config struct {
	Ledger ledger.Testimony
	// Continuous is a source of our own that goes on being covered while we do not run: what happens meanwhile is found by the first look.
	Continuous string
	// Ours tells Message-IDs of our own test traffic.
	Ours func(message string) bool
	// Told is called with what was recorded, before it counts.
	Told func([]evidence.Observation, []evidence.LocalDelivery)
}

// Witness keeps the testimony. Safe for concurrent use.
type Witness struct {
	cfg Config

	mu        sync.Mutex
	testimony evidence.Testimony
	waiting   []evidence.Observation          // not folded yet
	examined  map[string]evidence.Observation // by capture: it is not known yet whether they are wanted
	covered   map[string]time.Time            // until when a source of our own was covered
	contacts  map[string]time.Time            // outside connections by listener, not yet recorded
}

// Memory is how far back observations are folded at start: rhythms of a year and a month.
const Memory = 400 * 24 * time.Hour

// Open folds what the ledger holds, as of now. each is called with every observation; it may be nil.
func Open(ctx context.Context, cfg Config, now time.Time, each func(evidence.Observation)) (*Witness, error) {
	w := &Witness{cfg: cfg, examined: map[string]evidence.Observation{}, covered: map[string]time.Time{}, contacts: map[string]time.Time{}}
	since := now.Add(-Memory)
	err := cfg.Ledger.Observations(ctx, since, func(o evidence.Observation) bool {
		w.take(o)
		if each != nil {
			each(o)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("reading the observations: %w", err)
	}
	coverage, err := cfg.Ledger.Coverage(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("reading the coverage: %w", err)
	}
	w.fold()
	w.testimony = w.testimony.Cover(coverage...)
	return w, nil
}

// Switched notes when the MX records were switched, if that is known.
func (w *Witness) Switched(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !at.IsZero() {
		w.testimony = w.testimony.Switch(at)
	}
}

// Testify makes what a source says durable, then folds it. Log followers write through it.
func (w *Witness) Testify(ctx context.Context, observations []evidence.Observation, coverage []evidence.Coverage, offset *ledger.Offset, delivered ...evidence.LocalDelivery) error {
	if w.cfg.Ours != nil {
		delivered = slices.DeleteFunc(delivered, func(d evidence.LocalDelivery) bool { return w.cfg.Ours(d.Message) })
	}
	if err := w.cfg.Ledger.Testify(ctx, observations, coverage, offset, delivered...); err != nil {
		return err
	}
	w.Recorded(observations, coverage, delivered)
	return nil
}

// Recorded folds what the ledger has just taken.
func (w *Witness) Recorded(observations []evidence.Observation, coverage []evidence.Coverage, delivered []evidence.LocalDelivery) {
	if w.cfg.Told != nil {
		w.cfg.Told(observations, delivered)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.take(observations...)
	w.fold()
	w.testimony = w.testimony.Cover(coverage...)
}

// Withdraw takes back the coverage of a source, durably, then in the testimony.
func (w *Witness) Withdraw(ctx context.Context, source string, from time.Time) error {
	if err := w.cfg.Ledger.Withdraw(ctx, source, from); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.testimony = w.testimony.Withdraw(source, from)
	return nil
}

// Offset is how far a log was read.
func (w *Witness) Offset(ctx context.Context, source string) (ledger.Offset, error) {
	return w.cfg.Ledger.Offset(ctx, source)
}

// Observations are those the ledger holds.
func (w *Witness) Observations(ctx context.Context, since time.Time, yield func(evidence.Observation) bool) error {
	return w.cfg.Ledger.Observations(ctx, since, yield)
}

// Captured folds what the ledger holds already: a capture's observation is part of its commit.
func (w *Witness) Captured(o evidence.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e, some := w.examined[o.Message]; some && e.At.Equal(o.At) { // else it is a repetition of it
		delete(w.examined, o.Message)
	}
	w.take(o)
}

// BeingExamined holds an observation whose class is not known yet: it counts as it is, until Captured tells more.
func (w *Witness) BeingExamined(o evidence.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.examined[o.Message] = o
}

// foldAtOnce is how many observations wait to be folded: each folding copies what is known of the day, which would be much for a single message on a busy one.
const foldAtOnce = 1000

// take notes observations, fold makes them part of the testimony. The lock is held.
func (w *Witness) take(observations ...evidence.Observation) {
	if w.waiting = append(w.waiting, observations...); len(w.waiting) >= foldAtOnce {
		w.fold()
	}
}

func (w *Witness) fold() {
	w.testimony = evidence.Fold(w.testimony, w.waiting...)
	w.waiting = nil
}

// Snapshot is the testimony now; it is a value.
func (w *Witness) Snapshot() evidence.Testimony {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fold()
	return evidence.Fold(w.testimony, slices.Collect(maps.Values(w.examined))...)
}

// Remember adds what is known of the past.
func (w *Witness) Remember(past []evidence.Tally) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.testimony = w.testimony.Tally(past...)
}
