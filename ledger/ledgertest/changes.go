package ledgertest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// failingChangeAlone has good and bad changes arrive together, so that some share a commit: each bad one fails alone, each good one stands.
func failingChangeAlone(t *testing.T, s suite) {
	l := s.fresh(t)
	keep(t, l, capture(0), []byte("x"))
	f := pair(t, l, "INBOX")
	const n = 60
	var wg sync.WaitGroup
	for i := 1; i <= n; i++ {
		wg.Go(func() {
			if _, err := tryKeep(t.Context(), l, capture(i), content(uint64(i), 500), delivery(ledger.Due, noon)); err != nil {
				t.Errorf("good capture %d: %v", i, err)
			}
		})
		wg.Go(func() {
			if _, err := tryKeep(t.Context(), l, capture(0), content(uint64(i), 500), delivery(ledger.Due, noon)); !errors.Is(err, ledger.ErrExists) {
				t.Errorf("a capture of an id that exists: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := l.Settle(t.Context(), f, append(items(f, i*10, i*10+5), item(f, i*10)), nil); !errors.Is(err, ledger.ErrExists) {
				t.Errorf("a batch with a reference twice: %v", err)
			}
		})
	}
	wg.Wait()
	if got := len(get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{}))); got != n {
		t.Errorf("%d deliveries, want %d", got, n)
	}
	if got := len(observed(t, l, time.Time{})); got != n+1 {
		t.Errorf("%d observations, want %d", got, n+1)
	}
	must(t, l.All(ctx(t), f, func(i ledger.Item) bool {
		t.Errorf("item %s of a failed batch is there", i.Legacy.Ref)
		return false
	}))
}

func endedContext(t *testing.T, s suite) {
	l := s.fresh(t)
	f := pair(t, l, "INBOX")
	b := get[ledger.Body](t)(l.NewBody(ctx(t)))
	_, err := b.Write([]byte("hello"))
	must(t, err)
	ended, cancel := context.WithCancel(ctx(t))
	cancel()
	_, read := l.Capture(ended, captureID(1))
	wants(t, read, context.Canceled)

	// A change whose context has ended may be done or not, but never half, and the error tells which.
	c := capture(1)
	c.Size = 5
	_, failed := b.Commit(ended, c, []ledger.Delivery{delivery(ledger.Due, noon)}, observation(1))
	_, err = l.Capture(ctx(t), c.ID)
	deliveries := get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{}))
	if (failed == nil) != (err == nil) || (failed == nil) != (len(deliveries) == 1) {
		t.Errorf("Commit said %v; the capture is there: %v; deliveries: %d", failed, err == nil, len(deliveries))
	}
	for n := range 50 {
		_, failed := l.Settle(ended, f, items(f, n, n+1), nil)
		if stored := known(t, l, item(f, n)).ID != 0; stored != (failed == nil) {
			t.Fatalf("Settle said %v, but stored: %v", failed, stored)
		}
	}
}

func closed(t *testing.T, s suite) {
	l := s.open(t)
	f := pair(t, l, "INBOX")
	open := get[ledger.Body](t)(l.NewBody(ctx(t)))
	_, err := open.Write([]byte("x"))
	must(t, err)
	must(t, l.Close())
	if err := l.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	c := capture(1)
	c.Size = 1
	calls := map[string]func() error{
		"Commit":   func() error { _, err := open.Commit(ctx(t), c, nil, observation(1)); return err },
		"NewBody":  func() error { _, err := l.NewBody(ctx(t)); return err },
		"TraceKey": func() error { _, err := l.TraceKey(ctx(t)); return err },
		"Capture":  func() error { _, err := l.Capture(ctx(t), "x"); return err },
		"Repeated": func() error { _, _, err := l.Repeated(ctx(t), digest(1), noon); return err },
		"Due": func() error {
			_, _, err := l.DueDeliveries(ctx(t), "", ledger.Due, noon, noon.AddDate(1, 0, 0), 1)
			return err
		},
		"Update":       func() error { return l.Update(ctx(t), ledger.Delivery{ID: 1, State: ledger.Due}) },
		"Begin":        func() error { _, err := l.Begin(ctx(t), noon, ledger.Delivery{ID: 1}); return err },
		"Backlog":      func() error { _, err := l.Backlog(ctx(t)); return err },
		"Known":        func() error { _, err := l.Known(ctx(t), f, "1", []cutover.Ref{"1"}); return err },
		"Settle":       func() error { _, err := l.Settle(ctx(t), f, items(f, 1, 2), nil); return err },
		"All":          func() error { return l.All(ctx(t), f, func(ledger.Item) bool { return true }) },
		"Observations": func() error { return l.Observations(ctx(t), noon, func(evidence.Observation) bool { return true }) },
		"Testify":      func() error { return l.Testify(ctx(t), nil, nil, nil) },
		"SetFact":      func() error { return l.SetFact(ctx(t), "a", "b") },
		"Claim":        func() error { _, _, err := l.Claim(ctx(t), anna, "a", noon, time.Minute); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}
