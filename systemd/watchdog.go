package systemd

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// WatchdogInterval is WatchdogSec= of the unit this process runs in: how long
// systemd waits for a sign of life before it kills. It is 0 where none is
// expected.
func WatchdogInterval() (time.Duration, error) {
	d, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0, fmt.Errorf("reading the watchdog interval: %w", err)
	}
	return d, nil
}

// Watchdog feeds systemd's watchdog while every loop of the daemon proves
// itself alive, and stops feeding when one does not.
//
// A loop registers under a name, with the longest time it may need between two
// proofs, and calls [Beat.Alive] on each turn. A loop that may wait long for
// work wakes itself by a timer and beats then too. What is slow for a reason
// outside (a full disk, a dead cloud) is no hang: the loop keeps turning, and
// beats, while its work fails.
//
// Register, Beat's methods and Check may be called from any goroutine.
type Watchdog struct {
	interval time.Duration
	notify   func(state string) error

	mu    sync.Mutex
	beats map[*Beat]struct{}
}

// NewWatchdog returns a watchdog for systemd's interval (see
// [WatchdogInterval]). With an interval of 0 beats are taken and Check answers,
// but Run feeds nothing.
func NewWatchdog(interval time.Duration) *Watchdog {
	return &Watchdog{interval: interval, notify: Notify, beats: make(map[*Beat]struct{})}
}

// Beat is one loop's proof of life.
type Beat struct {
	watchdog *Watchdog
	name     string
	maxAge   time.Duration
	last     time.Time // guarded by watchdog.mu
}

// Register adds a loop, alive from now on, that promises to call Alive at least
// every maxAge. Names are for people; two loops may share one.
func (w *Watchdog) Register(name string, maxAge time.Duration) *Beat {
	b := &Beat{watchdog: w, name: name, maxAge: maxAge, last: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beats[b] = struct{}{}
	return b
}

// Alive proves that the loop turns.
func (b *Beat) Alive() {
	b.watchdog.mu.Lock()
	defer b.watchdog.mu.Unlock()
	b.last = time.Now()
}

// End takes the loop out, when it ends as it should. It may be called twice.
func (b *Beat) End() {
	b.watchdog.mu.Lock()
	defer b.watchdog.mu.Unlock()
	delete(b.watchdog.beats, b)
}

// Stalled is one loop that has not proved itself alive in time.
type Stalled struct {
	Name   string
	Silent time.Duration // since its last proof
	MaxAge time.Duration // what it promised
}

// StalledError names the loops for whose sake the watchdog is not fed, the
// longest silent first.
type StalledError struct{ Loops []Stalled }

func (e *StalledError) Error() string {
	parts := make([]string, len(e.Loops))
	for i, l := range e.Loops {
		parts[i] = fmt.Sprintf("%s silent for %s (at most %s)", l.Name, l.Silent.Round(time.Millisecond), l.MaxAge)
	}
	return "watchdog not fed: " + strings.Join(parts, ", ")
}

// Check returns nil, or a *StalledError when a loop's last proof is older than
// it promised.
func (w *Watchdog) Check() error {
	if stalled := w.stalled(time.Now()); len(stalled) > 0 {
		return &StalledError{Loops: stalled}
	}
	return nil
}

func (w *Watchdog) stalled(now time.Time) []Stalled {
	w.mu.Lock()
	defer w.mu.Unlock()
	var stalled []Stalled
	for b := range w.beats {
		if silent := now.Sub(b.last); silent > b.maxAge {
			stalled = append(stalled, Stalled{Name: b.name, Silent: silent, MaxAge: b.maxAge})
		}
	}
	sort.Slice(stalled, func(i, j int) bool { return stalled[i].Silent > stalled[j].Silent })
	return stalled
}

// Run feeds systemd twice per interval until ctx ends, which is when it
// returns. What keeps it from feeding, a *StalledError or a failed
// notification, goes to report, each time, from Run's own goroutine.
func (w *Watchdog) Run(ctx context.Context, report func(error)) {
	if w.interval <= 0 {
		<-ctx.Done()
		return
	}
	ticker := time.NewTicker(w.interval / 2)
	defer ticker.Stop()
	for {
		if err := w.feed(); err != nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (w *Watchdog) feed() error {
	if err := w.Check(); err != nil {
		return err
	}
	return w.notify(daemon.SdNotifyWatchdog)
}
