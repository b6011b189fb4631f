package bridge_test

import (
	"fmt"
	"sync/atomic"
	"testing"
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
