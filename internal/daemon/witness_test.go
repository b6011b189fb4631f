package daemon

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/config"
	"posthouse/evidence"
	"posthouse/internal/clock"
	"posthouse/internal/web"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
	"posthouse/relay/listener"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newWitness(t testing.TB) *witness {
	t.Helper()
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &witness{d: &Daemon{ledger: l, cfg: &config.Config{}, opts: Options{Clock: clock.Real()}, metrics: web.NewMetrics(nil)}, covered: map[string]time.Time{}, contacts: map[string]time.Time{}}
}

// watched covers a listener and the mailboxes up to an instant.
func (w *witness) watched(t *testing.T, at time.Time) {
	t.Helper()
	if err := w.cover(t.Context(), map[string]time.Time{"mx": at, bridge.GrowthSource: at}); err != nil {
		t.Fatal(err)
	}
}

func (w *witness) spans(source string) evidence.Spans { return w.snapshot().Coverage(source) }

// A listener is watched from when we first say so; what grew while we did not run is found by the first look.
func TestCover(t *testing.T) {
	w := newWitness(t)
	w.watched(t, noon)
	if got := w.spans("mx"); len(got) != 0 {
		t.Errorf("the listener was watched before: %v", got)
	}
	if got := w.spans(bridge.GrowthSource); got.Length() != time.Second || !got.End().Equal(noon) {
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
	if got := w.spans(bridge.GrowthSource); got.Length() != 2*time.Hour+time.Second {
		t.Errorf("growth: %v", got)
	}
}

// While the ledger takes nothing we are blind: what we saw would not have been kept. That somebody reached us is still true.
func TestCoverThatFails(t *testing.T) {
	w := newWitness(t)
	until := func(at time.Time) map[string]time.Time { return map[string]time.Time{"mx": at} }
	if err := w.cover(t.Context(), until(noon)); err != nil {
		t.Fatal(err)
	}
	whole := w.d.ledger
	w.d.ledger = failing{whole}
	w.Connected(listener.Session{Listener: "mx", Remote: netip.MustParseAddrPort("192.0.2.7:1"), Local: netip.MustParseAddrPort("192.0.2.1:25")})
	if err := w.cover(t.Context(), until(noon.Add(time.Minute))); !errors.Is(err, ledger.ErrNoSpace) {
		t.Fatalf("%v", err)
	}
	if got := w.spans("mx"); len(got) != 0 {
		t.Errorf("what is not durable counts: %v", got)
	}
	w.d.ledger = whole
	if err := w.cover(t.Context(), until(noon.Add(2*time.Minute))); err != nil {
		t.Fatal(err)
	}
	if got := w.spans("mx"); got.Length() != time.Minute || !got.Begin().Equal(noon.Add(time.Minute)) {
		t.Errorf("%v", got)
	}
	if uses := w.snapshot().Uses(); len(uses) != 1 {
		t.Errorf("the contact is lost: %v", uses)
	}
}

// failing is a ledger on a full disk.
type failing struct{ ledger.Ledger }

func (failing) Testify(context.Context, []evidence.Observation, []evidence.Coverage, *ledger.Offset, ...evidence.LocalDelivery) error {
	return ledger.ErrNoSpace
}

// Connections from this machine's own address are no proof that the outside reaches the listener.
func TestConnected(t *testing.T) {
	for remote, want := range map[string]int{"192.0.2.7:1": 1, "192.0.2.1:999": 0, "[::ffff:192.0.2.1]:999": 0, "[2001:db8::1]:25": 1} {
		w := newWitness(t)
		for range 3 {
			w.Connected(listener.Session{Listener: "mx", Remote: netip.MustParseAddrPort(remote), Local: netip.MustParseAddrPort("192.0.2.1:25")})
		}
		if got := w.outside(); len(got) != want {
			t.Errorf("%s: %v", remote, got)
		}
	}
}
