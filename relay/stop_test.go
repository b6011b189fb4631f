package relay_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/ledger"
	"posthouse/relay"
)

// slow takes a second for an attempt, or until it is cut.
func slow(o *office) destination {
	return func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		select {
		case <-time.After(time.Second):
			return o.Deliver(ctx, c)
		case <-ctx.Done():
			return answers(c, uncertain)
		}
	}
}

func TestStopWaitsForAttempts(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(slow(o)), nil), func(t *testing.T, b *bed) {
		for range 3 { // makes room for four at once
			b.mustTake(to("anna@example.com"))
			time.Sleep(2 * time.Second)
		}
		for range 10 {
			b.mustTake(to("anna@example.com"))
		}
		time.Sleep(100 * time.Millisecond)
		begun := time.Now()
		if err := b.courier.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took != 900*time.Millisecond {
			t.Errorf("took %s", took)
		}
		counts := b.countStates()
		if counts[ledger.Settled] != 7 || counts[ledger.Due] != 6 {
			t.Errorf("after Stop: %v", counts)
		}
		time.Sleep(10 * time.Minute)
		if n := len(o.accepted()); n != 7 {
			t.Errorf("%d accepted an hour after Stop", n)
		}
	})
}

func (b *bed) countStates() map[ledger.DeliveryState]int {
	b.t.Helper()
	counts := map[ledger.DeliveryState]int{}
	for _, d := range b.deliveries(ledger.DeliveryFilter{}) {
		counts[d.State]++
	}
	return counts
}

func TestStopIsBounded(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(slow(o)), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		begun := time.Now()
		err := b.courier.Stop(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begun); took != 300*time.Millisecond {
			t.Errorf("took %s", took)
		}
		// It was recorded before Stop returned, so that the next start asks.
		if d := b.of(id)[0]; d.State != ledger.InDoubt || d.Attempts != 1 {
			t.Errorf("after it was cut: %+v", d)
		}
		b.restart(settings(toCloud(o), o))
		time.Sleep(10 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
	})
}

func TestStopIsIdempotent(t *testing.T) {
	running(t, settings(toCloud(newOffice()), nil), func(t *testing.T, b *bed) {
		b.mustTake(to("anna@example.com"))
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := b.courier.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if err := b.courier.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestStopWithoutStart(t *testing.T) {
	b := planBed(t, relay.Plan{})
	if err := b.courier.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestMailThatComesAfterStop is taken and stays Due for the next process.
func TestMailThatComesAfterStop(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o), nil), func(t *testing.T, b *bed) {
		if err := b.courier.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(10 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna due"})
		b.restart(settings(toCloud(o), nil))
		time.Sleep(2 * time.Second)
		equal(t, "states", b.states(id), []string{"anna settled"})
	})
}

// TestStopWhileMailComes: messages that are being committed when Stop is called are attempted or Due, never Sending for ever.
func TestStopWhileMailComes(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o), nil), func(t *testing.T, b *bed) {
		m := b.complete(to("anna@example.com"))
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				a, err := b.intake.Begin(t.Context(), m.peer, m.env)
				if err != nil {
					t.Error(err)
					return
				}
				a.Write([]byte{byte(i)})
				if _, err := a.Commit(t.Context()); err != nil {
					t.Error(err)
				}
			})
			if i == 10 {
				all.Go(func() { b.courier.Stop(t.Context()) })
			}
		}
		all.Wait()
		b.courier.Stop(t.Context())
		counts := b.countStates()
		if counts[ledger.Settled]+counts[ledger.Due] != 20 || counts[ledger.Settled] != len(o.accepted()) {
			t.Errorf("%v, %d accepted", counts, len(o.accepted()))
		}
	})
}

// faulty is a ledger whose updates fail while broken.
type faulty struct {
	ledger.Captures
	broken atomic.Pointer[error]
	tried  atomic.Int32
}

func (l *faulty) fail(err error) {
	if err == nil {
		l.broken.Store(nil)
		return
	}
	l.broken.Store(&err)
}

func (l *faulty) Update(ctx context.Context, all ...ledger.Delivery) error {
	l.tried.Add(1)
	if err := l.broken.Load(); err != nil {
		return *err
	}
	return l.Captures.Update(ctx, all...)
}

func (l *faulty) Begin(ctx context.Context, now time.Time, all ...ledger.Delivery) ([]ledger.Delivery, error) {
	l.tried.Add(1)
	if err := l.broken.Load(); err != nil {
		return nil, *err
	}
	return l.Captures.Begin(ctx, now, all...)
}

// faultyBed has a running courier whose ledger can be broken.
func faultyBed(t *testing.T, cfg relay.CourierConfig) (*bed, *faulty) {
	t.Helper()
	b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, relay.CourierConfig{})
	l := &faulty{Captures: b.ledger}
	cfg.Ledger = l
	b.restart(cfg)
	return b, l
}

// TestOutcomeIsRecordedOnceTheLedgerCan: a full disk does not make us forget what a server said, nor send again.
func TestOutcomeIsRecordedOnceTheLedgerCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice()
		b, l := faultyBed(t, settings(toCloud(o), nil))
		l.fail(ledger.ErrNoSpace)
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Minute)
		equal(t, "while the disk is full", b.states(id), []string{"anna sending"})
		if n := l.tried.Load(); n < 30 || n > 90 {
			t.Errorf("tried %d times in a minute", n)
		}
		l.fail(nil)
		time.Sleep(2 * time.Second)
		equal(t, "afterwards", b.states(id), []string{"anna settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// TestNothingIsSentThatCannotBeBegun: an attempt begins only once it is durable that it does.
func TestNothingIsSentThatCannotBeBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice()
		b, l := faultyBed(t, settings(toCloud(o.then(later, yes)), nil))
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		l.fail(ledger.ErrNoSpace)
		time.Sleep(10 * time.Minute)
		equal(t, "attempts", len(o.attempts()), 1)
		if n := l.tried.Load(); n > 60*60+10 {
			t.Errorf("tried %d times in an hour", n)
		}
		l.fail(nil)
		time.Sleep(2 * time.Second)
		equal(t, "states", b.states(id), []string{"anna settled"})
	})
}

// TestAnswerIsRecordedOnceTheLedgerCan: what a mailbox said is kept as well.
func TestAnswerIsRecordedOnceTheLedgerCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice()
		o.delay = 10 * time.Second
		b, l := faultyBed(t, settings(toCloud(o.losesReplies()), o))
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		l.fail(ledger.ErrNoSpace)
		time.Sleep(20 * time.Minute)
		l.fail(nil)
		time.Sleep(2 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// TestStopWithABrokenLedger: what cannot be recorded stays Sending and is asked for by the next process.
func TestStopWithABrokenLedger(t *testing.T) {
	for _, broken := range []error{ledger.ErrNoSpace, ledger.ErrClosed} {
		t.Run(broken.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice()
				b, l := faultyBed(t, settings(toCloud(o), o))
				l.fail(broken)
				id := b.mustTake(to("anna@example.com"))
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if err := b.courier.Stop(ctx); (err == nil) != errors.Is(broken, ledger.ErrClosed) {
					t.Errorf("Stop: %v", err)
				}
				if !b.logged("could not record") {
					t.Error("the log does not say so")
				}
				equal(t, "after Stop", b.states(id), []string{"anna sending"})
				b.restart(settings(toCloud(o), o))
				time.Sleep(10 * time.Second)
				equal(t, "in the next process", b.states(id), []string{"anna settled"})
				equal(t, "attempts", o.attempts(), []string{"[anna]"})
			})
		})
	}
}

// TestCaptureThatCannotBeRead does not keep others from going.
func TestCaptureThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, relay.CourierConfig{})
		bad, good := b.mustTake(to("anna@example.com")), b.mustTake(to("anna@example.com"))
		o := newOffice()
		cfg := settings(toCloud(o), nil)
		cfg.Ledger = unreadable{b.ledger, string(bad)}
		b.restart(cfg)
		time.Sleep(time.Minute)
		equal(t, "good", b.states(good), []string{"anna settled"})
		if d := b.of(bad)[0]; d.State != ledger.Due || !strings.Contains(d.Reply, "damaged") || !d.Next.After(time.Now().Add(-10*time.Second)) {
			t.Errorf("bad: %+v", d)
		}
		if n := len(b.log.AllEntries()); n > 40 {
			t.Errorf("%d lines in the log", n)
		}
	})
}

// unreadable is a ledger one of whose captures is damaged.
type unreadable struct {
	ledger.Captures
	bad string
}

func (l unreadable) Capture(ctx context.Context, id cutover.CaptureID) (ledger.Capture, error) {
	if string(id) == l.bad {
		return ledger.Capture{}, errors.New("row is damaged")
	}
	return l.Captures.Capture(ctx, id)
}

func (l unreadable) Captured(ctx context.Context, ids []cutover.CaptureID) (map[cutover.CaptureID]ledger.Captured, error) {
	if slices.Contains(ids, cutover.CaptureID(l.bad)) {
		return nil, errors.New("row is damaged")
	}
	return l.Captures.Captured(ctx, ids)
}

// TestBodyThatIsGone: the destination hears of it, and nothing is sent in its place.
func TestBodyThatIsGone(t *testing.T) {
	var err error
	cloud := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
		_, err = c.Body.Open()
		return answers(c, later)
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, relay.CourierConfig{})
		id := b.mustTake(to("anna@example.com").with(strings.Repeat("a line of text\r\n", ledger.MaxOctets/16+1)))
		cfg := settings(toCloud(cloud), nil)
		cfg.Ledger = bodiless{b.ledger}
		b.restart(cfg)
		synctest.Wait()
		if !errors.Is(err, ledger.ErrNotFound) || !strings.Contains(err.Error(), string(id)) {
			t.Errorf("got %v", err)
		}
	})
}

type bodiless struct{ ledger.Captures }

func (l bodiless) OpenBody(context.Context, cutover.CaptureID) (io.ReadSeekCloser, error) {
	return nil, ledger.ErrNotFound
}

// TestLedgerThatIsClosed: what cannot be read is logged, not spun on, and nothing can be started on it.
func TestLedgerThatIsClosed(t *testing.T) {
	running(t, settings(toCloud(newOffice()), nil), func(t *testing.T, b *bed) {
		if err := b.ledger.Close(); err != nil {
			t.Fatal(err)
		}
		b.courier.Hint()
		time.Sleep(time.Minute)
		if n := len(b.log.AllEntries()); n == 0 || n > 200 {
			t.Errorf("%d lines in the log", n)
		}
		if _, err := relay.NewCourier(t.Context(), relay.CourierConfig{Ledger: b.ledger, Clock: clock.Real(), Log: b.logger}); !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("NewCourier: %v", err)
		}
		if _, err := relay.NewIntake(t.Context(), relay.IntakeConfig{Ledger: b.ledger}); !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("NewIntake: %v", err)
		}
	})
}

func TestStartOnAClosedLedger(t *testing.T) {
	b := planBed(t, relay.Plan{})
	if err := b.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.courier.Start(t.Context()); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("Start: %v", err)
	}
}
