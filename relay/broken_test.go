package relay_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
	"posthouse/relay"
)

func TestAbortLeavesNothing(t *testing.T) {
	b := planBed(t, relay.Plan{})
	m := b.complete(to("anna@example.com"))
	a, err := b.intake.Begin(t.Context(), m.peer, m.env)
	if err != nil {
		t.Fatal(err)
	}
	a.Write(make([]byte, 200<<10)) // large enough for a file
	a.Abort()
	equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 0)
	equal(t, "observations", len(b.observations()), 0)
	b.mustTake(m) // and is no earlier transaction
	equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 1)
}

// TestFailedCommit: whatever fails, the sender gets an error, nothing is stored, nothing is delivered, and the room that was taken is given back.
func TestFailedCommit(t *testing.T) {
	ended := func(t *testing.T) context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx
	}
	tests := []struct {
		name string
		ctx  func(*testing.T) context.Context
		fail string // the call that fails
		want error
	}{
		{"full disk at the commit", (*testing.T).Context, "Commit", ledger.ErrNoSpace},
		{"no answer about repeats", (*testing.T).Context, "Repeated", ledger.ErrClosed},
		{"no answer about an earlier capture", (*testing.T).Context, "Deliveries", ledger.ErrClosed},
		{"an earlier capture that cannot be read", (*testing.T).Context, "Capture", ledger.ErrClosed},
		{"client has left", ended, "", context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice()
			cfg := settings(toCloud(o), nil)
			cfg.Workers = 1
			running(t, cfg, func(t *testing.T, b *bed) {
				first := b.mustTake(to("room@example.com"))
				synctest.Wait()
				m := b.complete(b.again(first, to("anna@example.com")))
				failing := &broken{Captures: b.ledger, call: tt.fail, err: tt.want}
				b.config.Ledger = failing
				b.attach(b.courier)
				a, err := b.intake.Begin(t.Context(), m.peer, m.env)
				if err != nil {
					t.Fatal(err)
				}
				a.Write([]byte(m.body))
				id, err := a.Commit(tt.ctx(t))
				if id != "" || !errors.Is(err, tt.want) {
					t.Errorf("got %q, %v", id, err)
				}
				var refused *relay.Refusal
				if errors.As(err, &refused) {
					t.Errorf("a failure of ours is answered as a refusal: %v", refused)
				}
				time.Sleep(time.Minute)
				equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 1)
				equal(t, "attempts", o.attempts(), []string{"[room]"})
				failing.call = ""
				taken := b.mustTake(m)
				synctest.Wait()
				equal(t, "the same once more", b.states(taken), []string{"anna settled"})
			})
		})
	}
}

// broken is a ledger in which one call fails.
type broken struct {
	ledger.Captures
	call string
	err  error
}

func (l *broken) NewBody(ctx context.Context) (ledger.Body, error) {
	body, err := l.Captures.NewBody(ctx)
	return brokenBody{body, l}, err
}

func (l *broken) Repeated(ctx context.Context, d cutover.Digest, since time.Time) (cutover.CaptureID, bool, error) {
	if l.call == "Repeated" {
		return "", false, l.err
	}
	return l.Captures.Repeated(ctx, d, since)
}

func (l *broken) Deliveries(ctx context.Context, f ledger.DeliveryFilter) ([]ledger.Delivery, error) {
	if l.call == "Deliveries" {
		return nil, l.err
	}
	return l.Captures.Deliveries(ctx, f)
}

func (l *broken) Capture(ctx context.Context, id cutover.CaptureID) (ledger.Capture, error) {
	if l.call == "Capture" {
		return ledger.Capture{}, l.err
	}
	return l.Captures.Capture(ctx, id)
}

type brokenBody struct {
	ledger.Body
	l *broken
}

func (b brokenBody) Commit(ctx context.Context, c ledger.Capture, d []ledger.Delivery, o evidence.Observation) ([]ledger.Delivery, error) {
	if b.l.call == "Commit" {
		b.Abort()
		return nil, b.l.err
	}
	return b.Body.Commit(ctx, c, d, o)
}

// TestClosedLedger: every step fails in good order.
func TestClosedLedger(t *testing.T) {
	b := planBed(t, relay.Plan{})
	m := b.complete(to("anna@example.com"))
	a, err := b.intake.Begin(t.Context(), m.peer, m.env)
	if err != nil {
		t.Fatal(err)
	}
	a.Write([]byte(m.body))
	b.ledger.Close()
	if _, err := a.Commit(t.Context()); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("Commit: %v", err)
	}
	if _, err := b.take(m); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("Begin: %v", err)
	}
}

// TestReserveOfTheDisk: a disk without room for a body refuses before the body comes, and the error tells why.
func TestReserveOfTheDisk(t *testing.T) {
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Reserve: 1 << 60})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house()), Ledger: l}, relay.CourierConfig{})
	if _, err := b.take(to("anna@example.com")); !errors.Is(err, ledger.ErrNoSpace) {
		t.Errorf("got %v", err)
	}
}

// TestFailedWrite: a body that cannot be written is told at once.
func TestFailedWrite(t *testing.T) {
	b := planBed(t, relay.Plan{})
	m := b.complete(to("anna@example.com"))
	a, err := b.intake.Begin(t.Context(), m.peer, m.env)
	if err != nil {
		t.Fatal(err)
	}
	a.Abort()
	if _, err := a.Write([]byte("x")); err == nil {
		t.Error("written after Abort")
	}
	if _, err := a.Commit(t.Context()); err == nil {
		t.Error("committed after Abort")
	}
	equal(t, "deliveries", len(b.deliveries(ledger.DeliveryFilter{})), 0)
}
