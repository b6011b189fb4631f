package witness

import (
	"context"
	"errors"
	"testing"
	"time"

	"posthouse/evidence"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newWitness(t testing.TB) *Witness {
	t.Helper()
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w, err := Open(t.Context(), Config{Ledger: l, Continuous: "mailboxes"}, noon, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// watched covers a listener and the mailboxes up to an instant.
func (w *Witness) watched(t *testing.T, at time.Time) {
	t.Helper()
	if err := w.Cover(t.Context(), map[string]time.Time{"mx": at, "mailboxes": at}); err != nil {
		t.Fatal(err)
	}
}

func (w *Witness) spans(source string) evidence.Spans { return w.Snapshot().Coverage(source) }

// A listener is watched from when we first say so; what grew while we did not run is found by the first look.
func TestCover(t *testing.T) {
	w := newWitness(t)
	w.watched(t, noon)
	if got := w.spans("mx"); len(got) != 0 {
		t.Errorf("the listener was watched before: %v", got)
	}
	if got := w.spans("mailboxes"); got.Length() != time.Second || !got.End().Equal(noon) {
		t.Errorf("the first look covers %v", got)
	}
	w.watched(t, noon.Add(time.Minute))
	w.watched(t, noon.Add(time.Second)) // a clock that was set back takes nothing away
	if got := w.spans("mx"); got.Length() != time.Minute {
		t.Errorf("%v", got)
	}
	// The next process, an hour later.
	w.covered = map[string]time.Time{}
	w.watched(t, noon.Add(time.Hour))
	w.watched(t, noon.Add(2*time.Hour))
	if got := w.spans("mx"); got.Length() != time.Hour+time.Minute {
		t.Errorf("the listener was not watched while we did not run: %v", got)
	}
	if got := w.spans("mailboxes"); got.Length() != 2*time.Hour+time.Second {
		t.Errorf("growth: %v", got)
	}
}

// While the ledger takes nothing we are blind: what we saw would not have been kept. That somebody reached us is still true.
func TestCoverThatFails(t *testing.T) {
	w := newWitness(t)
	until := func(at time.Time) map[string]time.Time { return map[string]time.Time{"mx": at} }
	if err := w.Cover(t.Context(), until(noon)); err != nil {
		t.Fatal(err)
	}
	whole := w.cfg.Ledger
	w.cfg.Ledger = failing{whole}
	w.Contact("mx", noon)
	if err := w.Cover(t.Context(), until(noon.Add(time.Minute))); !errors.Is(err, ledger.ErrNoSpace) {
		t.Fatalf("%v", err)
	}
	if got := w.spans("mx"); len(got) != 0 {
		t.Errorf("what is not durable counts: %v", got)
	}
	w.cfg.Ledger = whole
	if err := w.Cover(t.Context(), until(noon.Add(2*time.Minute))); err != nil {
		t.Fatal(err)
	}
	if got := w.spans("mx"); got.Length() != time.Minute || !got.Begin().Equal(noon.Add(time.Minute)) {
		t.Errorf("%v", got)
	}
	if uses := w.Snapshot().Uses(); len(uses) != 1 {
		t.Errorf("the contact is lost: %v", uses)
	}
}

// failing is a ledger on a full disk.
type failing struct{ ledger.Testimony }

func (failing) Testify(context.Context, []evidence.Observation, []evidence.Coverage, *ledger.Offset, ...evidence.LocalDelivery) error {
	return ledger.ErrNoSpace
}

// Of a break listeners covered nothing; what grew in the mailboxes meanwhile was found afterwards.
func TestInterrupted(t *testing.T) {
	w := newWitness(t)
	w.watched(t, noon)
	w.watched(t, noon.Add(time.Minute))
	w.Interrupted([]string{"mx"})
	w.watched(t, noon.Add(3*time.Hour))
	w.watched(t, noon.Add(3*time.Hour+time.Minute))
	if got := w.spans("mx"); len(got) != 2 || got.Length() != 2*time.Minute {
		t.Errorf("the listener was watched: %v", got)
	}
	if got := w.spans("mailboxes"); got.Length() != 3*time.Hour+time.Minute+time.Second {
		t.Errorf("growth: %v", got)
	}
}
