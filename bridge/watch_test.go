package bridge_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// arrivesWithin delivers a message and demands it in the cloud soon.
func (w *world) arrivesWithin(d time.Duration, f cutover.FolderPath, name string) {
	w.t.Helper()
	w.old().Deliver(f, memstore.Message{Raw: mail(name, "hello"), Date: time.Now().Truncate(time.Second)})
	time.Sleep(d)
	if got := copies(w.new(), f); len(got) == 0 || len(got) != len(copies(w.old(), f)) {
		w.t.Errorf("%s: %s is not in the cloud after %s: %d messages there, %d on the old side", f, name, d, len(got), len(copies(w.old(), f)))
	}
}

// Rules file mail away: the folder where something arrived last is watched like the INBOX.
func TestABusyFolderIsWatched(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		work, quiet := cutover.FolderPath{"Work"}, cutover.FolderPath{"Quiet"}
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().AddFolder(cutover.Folder{Path: work})
		w.old().AddFolder(cutover.Folder{Path: quiet})
		w.start()
		defer w.stop()
		time.Sleep(10 * time.Minute)
		for n, f := range []cutover.FolderPath{work, quiet, work} {
			w.arrivesWithin(2*time.Minute, f, fmt.Sprint("polled", n)) // a poll is a minute
			time.Sleep(3 * time.Minute)
			w.arrivesWithin(2*time.Second, f, fmt.Sprint("hinted", n))
		}
	})
}

// blink loses its connection the first time that it waits.
type blink struct {
	bridge.Store
	lost *atomic.Int32
}

func (s blink) Wait(ctx context.Context, f cutover.Folder) error {
	if s.lost.Add(-1) >= 0 {
		return bridge.ErrConnection
	}
	return s.Store.Wait(ctx, f)
}

// An old server that restarts is watched again within seconds.
func TestAWatchThatBreaksIsTakenUpAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		var lost atomic.Int32
		lost.Store(3)
		w.eye = func(s bridge.Store) bridge.Store { return blink{s, &lost} }
		w.start()
		defer w.stop()
		time.Sleep(10 * time.Second)
		w.arrivesWithin(time.Second, inbox, "soon")
	})
}

// cutOff waits until the server goes away, and then cannot reach it.
type cutOff struct {
	bridge.Store
	gone chan struct{}
}

func (s cutOff) Wait(ctx context.Context, f cutover.Folder) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Store.Wait(ctx, f) }()
	select {
	case <-s.gone:
		cancel()
		<-ended
		return bridge.ErrConnection
	case err := <-ended:
		return err
	}
}

// An old server that goes away is told of at once, not at the next poll; and it is not asked more often for that.
func TestAServerThatGoesAwayIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		gone := make(chan struct{})
		w.eye = func(s bridge.Store) bridge.Store { return cutOff{s, gone} }
		w.start()
		defer w.stop()
		time.Sleep(85 * time.Second)
		var asked atomic.Int32
		w.old().SetFault(func(string, int) error { asked.Add(1); return bridge.ErrConnection })
		time.Sleep(5 * time.Second)
		if p := w.bridge.Progress()[0]; p.State != bridge.Following {
			t.Errorf("nobody asked yet, and it is %s: %s", p.State, p.Error)
		}
		close(gone)
		time.Sleep(time.Second)
		if p := w.bridge.Progress()[0]; p.State != bridge.Problem {
			t.Errorf("a second after the wait was cut off it is %s", p.State)
		}
		time.Sleep(10 * time.Minute)
		if n := asked.Load(); n > 40 {
			t.Errorf("asked %d times in ten minutes", n)
		}
		w.old().SetFault(nil)
	})
}

// away is a store whose waits fail while its server is away.
type away struct {
	bridge.Store
	is *atomic.Bool
}

func (s away) Wait(ctx context.Context, f cutover.Folder) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Store.Wait(ctx, f) }()
	for !s.is.Load() {
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Second):
		}
	}
	cancel()
	<-ended
	return bridge.ErrConnection
}

// An old server that was away is watched again as soon as it is reached again, not one pause of the watch later.
func TestAServerThatComesBackIsWatched(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		var gone atomic.Bool
		w.eye = func(s bridge.Store) bridge.Store { return away{s, &gone} }
		w.start()
		defer w.stop()
		for n := range 8 {
			time.Sleep(time.Duration(40+7*n) * time.Minute)
			gone.Store(true)
			w.old().SetFault(func(string, int) error { return bridge.ErrConnection })
			time.Sleep(time.Duration(20+9*n) * time.Second)
			gone.Store(false)
			w.old().SetFault(nil)
			for w.bridge.Progress()[0].State != bridge.Following {
				time.Sleep(time.Second)
			}
			time.Sleep(3 * time.Second)
			w.arrivesWithin(2*time.Second, inbox, fmt.Sprint("soon", n))
		}
	})
}
