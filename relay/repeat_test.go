package relay_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
	"posthouse/relay"
)

// TestRepeatIsAnsweredAndRecorded: the same id, no second capture, no second delivery, one more observation.
func TestRepeatIsAnsweredAndRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		l := openLedger(t, folder)
		b, told := watched(t, relay.IntakeConfig{Ledger: l, Testimony: l})
		b.ledger = l
		m := b.complete(to("anna@example.com"))
		first := b.mustTake(m)
		time.Sleep(5*day - time.Second)
		if second := b.mustTake(m); second != first {
			t.Errorf("answered %s, the first was %s", second, first)
		}
		equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 1)
		equal(t, "stored", b.observations(), *told)
		if len(*told) != 2 || (*told)[1].Message != string(first) || (*told)[1].Detail == "" {
			t.Errorf("told %+v", *told)
		}
		if !b.logged("transaction repeated") {
			t.Error("the log does not say so")
		}
		time.Sleep(2 * time.Second)
		if third := b.mustTake(m); third == first {
			t.Error("a repeat after five days is not new")
		}
	})
}

// TestRepeatWithoutTestimony is in the log alone.
func TestRepeatWithoutTestimony(t *testing.T) {
	b, told := watched(t, relay.IntakeConfig{})
	m := b.complete(to("anna@example.com"))
	first := b.mustTake(m)
	equal(t, "id", b.mustTake(m), first)
	equal(t, "told", len(*told), 1)
}

// closedTestimony cannot be written.
type closedTestimony struct{ ledger.Testimony }

func (closedTestimony) Testify(context.Context, []evidence.Observation, []evidence.Coverage, *ledger.Offset, ...evidence.LocalDelivery) error {
	return ledger.ErrNoSpace
}

// TestRepeatThatCannotBeRecorded is answered all the same: the message is safe.
func TestRepeatThatCannotBeRecorded(t *testing.T) {
	b, told := watched(t, relay.IntakeConfig{Testimony: closedTestimony{}})
	m := b.complete(to("anna@example.com"))
	first := b.mustTake(m)
	equal(t, "id", b.mustTake(m), first)
	equal(t, "told", len(*told), 1)
}

// TestRepeatOfASettledCapture is not delivered again.
func TestRepeatOfASettledCapture(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		m := b.complete(to("anna@example.com"))
		for range 3 {
			b.mustTake(m)
			time.Sleep(10 * time.Minute)
		}
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// TestEqualTransactionsAtOnce: one is stored, all hear its id.
func TestEqualTransactionsAtOnce(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		m := b.complete(to("anna@example.com", "room@example.com"))
		ids := make([]cutover.CaptureID, 20)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				a, err := b.intake.Begin(t.Context(), m.peer, m.env)
				if err != nil {
					t.Error(err)
					return
				}
				a.Write([]byte(m.body))
				if ids[i], err = a.Commit(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] || id == "" {
				t.Fatalf("ids %v", ids)
			}
		}
		time.Sleep(10 * time.Second)
		equal(t, "deliveries", words(b.deliveries(ledger.DeliveryFilter{})), []string{"anna@example.com new:smtp settled", "room@example.com new:smtp settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna room]"})
	})
}

// TestEqualTransactionThatGivesUpWaiting: a client that left need not wait for the other.
func TestEqualTransactionThatGivesUpWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := planBed(t, relay.Plan{})
		stuck := &stuckRepeated{Captures: b.ledger, proceed: make(chan struct{})}
		b.config.Ledger = stuck
		b.attach(b.courier)
		m := b.complete(to("anna@example.com"))
		var first error
		go func() { _, first = b.take(m) }()
		synctest.Wait()
		a, err := b.intake.Begin(t.Context(), m.peer, m.env)
		if err != nil {
			t.Fatal(err)
		}
		a.Write([]byte(m.body))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Commit(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(stuck.proceed)
		synctest.Wait()
		if first != nil {
			t.Error(first)
		}
		equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 1)
	})
}

// stuckRepeated waits before it looks.
type stuckRepeated struct {
	ledger.Captures
	proceed chan struct{}
}

func (l *stuckRepeated) Repeated(ctx context.Context, d cutover.Digest, since time.Time) (cutover.CaptureID, bool, error) {
	<-l.proceed
	return l.Captures.Repeated(ctx, d, since)
}
