package bridge_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
)

// A mailbox whose login was refused rests for minutes, but not once somebody says that something was mended.
func TestRetryEndsARest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		var mended atomic.Bool
		w.old().SetFault(func(string, int) error {
			if mended.Load() {
				return nil
			}
			return fmt.Errorf("bad password: %w", bridge.ErrLogin)
		})
		w.start()
		time.Sleep(10 * time.Second)
		mended.Store(true)
		w.bridge.Retry()
		time.Sleep(10 * time.Second)
		p := w.bridge.Progress()[0]
		w.stop()
		if p.State != bridge.Following || p.Error != "" {
			t.Errorf("progress %+v, want it to follow", p)
		}
	})
}

// A refused login that says when it may be tried again is tried then, however often somebody says that something was mended.
func TestARefusedLoginSaysWhenToTryAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		next := time.Now().Add(3 * time.Minute)
		w.old().SetFault(func(string, int) error {
			if !time.Now().Before(next) {
				return nil
			}
			return &bridge.RefusedLogin{At: next.Add(-time.Hour), Next: next, Err: errors.New("bad password")}
		})
		w.start()
		for range 3 {
			time.Sleep(50 * time.Second)
			w.bridge.Retry()
			synctest.Wait()
			if p := w.bridge.Progress()[0]; !p.Next.Equal(next) || !p.Login || p.State != bridge.Problem {
				t.Errorf("progress %+v, want the next try at %s", p, next)
			}
		}
		time.Sleep(31 * time.Second)
		p := w.bridge.Progress()[0]
		w.stop()
		if p.State != bridge.Following {
			t.Errorf("progress %+v, want it to follow", p)
		}
	})
}
