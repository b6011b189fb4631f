package bridge_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/ledger"
)

// tellsKept calls kept before items become durable.
type tellsKept struct {
	bridge.Ledger
	kept func()
}

func (l tellsKept) Intend(ctx context.Context, items []ledger.Item) ([]ledger.Item, error) {
	l.kept()
	return l.Ledger.Intend(ctx, items)
}

func (l tellsKept) Settle(ctx context.Context, f ledger.FolderID, items []ledger.Item, c *ledger.Cursor) ([]ledger.Item, error) {
	if len(items) > 0 {
		l.kept()
	}
	return l.Ledger.Settle(ctx, f, items, c)
}

// A message that came late is reported before the ledger knows it: whoever is killed in between sees it anew, while one that is known is news to nobody.
func TestUseIsReportedBeforeItsItemIsKnown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		var late, checked atomic.Bool
		w.book = func(l bridge.Ledger) bridge.Ledger {
			return tellsKept{l, func() {
				if late.Load() && !checked.Swap(true) && len(w.seen) != 1 {
					t.Errorf("the item is kept with %d reports", len(w.seen))
				}
			}}
		}
		w.start()
		time.Sleep(time.Minute)
		synctest.Wait()
		late.Store(true)
		w.old().Deliver(inbox, memstore.Message{Raw: mail("late", "hello"), Date: time.Now()})
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		w.stop()
		if !checked.Load() || len(w.seen) != 1 {
			t.Errorf("kept: %v, reported %d times", checked.Load(), len(w.seen))
		}
	})
}
