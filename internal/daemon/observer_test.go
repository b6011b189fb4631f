package daemon

import (
	"net/netip"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/config"
	"posthouse/evidence/witness"
	"posthouse/internal/clock"
	"posthouse/internal/web"
	"posthouse/ledger/sqlite"
	"posthouse/relay/listener"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// newWitness is a daemon that has a ledger and a witness, and nothing that runs.
func newWitness(t testing.TB) *Daemon {
	t.Helper()
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w, err := witness.Open(t.Context(), witness.Config{Ledger: l, Continuous: bridge.GrowthSource}, noon, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Daemon{ledger: l, witness: w, cfg: &config.Config{}, opts: Options{Clock: clock.Real()}, metrics: web.NewMetrics(nil)}
}

// Connections from this machine's own address are no proof that the outside reaches the listener.
func TestConnected(t *testing.T) {
	for remote, want := range map[string]int{"192.0.2.7:1": 1, "192.0.2.1:999": 0, "[::ffff:192.0.2.1]:999": 0, "[2001:db8::1]:25": 1} {
		d := newWitness(t)
		for range 3 {
			observer{d}.Connected(listener.Session{Listener: "mx", Remote: netip.MustParseAddrPort(remote), Local: netip.MustParseAddrPort("192.0.2.1:25")})
		}
		if err := d.witness.Cover(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if got := d.witness.Snapshot().Uses(); len(got) != want || want == 1 && got[0].Unwanted != 1 {
			t.Errorf("%s: %+v", remote, got)
		}
	}
}
