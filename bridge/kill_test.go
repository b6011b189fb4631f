package bridge_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/ledger"
)

// killed is a ledger whose process dies right after one of its writes.
type killed struct {
	bridge.Ledger
	mu   sync.Mutex
	left int // writes until then
	dead bool
}

func (k *killed) write(do func() error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return errLedger
	}
	err := do()
	if k.left--; k.left == 0 {
		k.dead = true
		return errLedger
	}
	return err
}

func (k *killed) step(string, int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return fmt.Errorf("dead: %w", bridge.ErrConnection)
	}
	return nil
}

func (k *killed) Intend(ctx context.Context, items []ledger.Item) (rows []ledger.Item, err error) {
	err = k.write(func() error { rows, err = k.Ledger.Intend(ctx, items); return err })
	return rows, err
}

func (k *killed) Settle(ctx context.Context, f ledger.FolderID, items []ledger.Item, cursor *ledger.Cursor) (rows []ledger.Item, err error) {
	err = k.write(func() error { rows, err = k.Ledger.Settle(ctx, f, items, cursor); return err })
	return rows, err
}

func (k *killed) Forget(ctx context.Context, ids []ledger.ItemID) error {
	return k.write(func() error { return k.Ledger.Forget(ctx, ids) })
}

// Whichever write the process dies after: each message that comes into an old mailbox is recorded as use of the old server once, and is copied once.
func TestNoKillLosesUse(t *testing.T) {
	const news = 12
	for n, died := 1, true; died; n++ {
		t.Run(fmt.Sprintf("after write %d", n), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 5}, memstore.Options{Batch: 5})
				w.old().Deliver(inbox, memstore.Message{Raw: mail("before", "x"), Date: time.Now()})
				w.run(2 * time.Minute)
				k := &killed{left: n}
				w.book = func(of bridge.Ledger) bridge.Ledger { k.Ledger = of; return k }
				w.old().SetFault(k.step)
				w.new().SetFault(k.step)
				for i := range news {
					w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint("late ", i), "x"), Date: time.Now()})
				}
				w.run(2 * time.Minute)
				died = k.dead
				w.book = nil
				w.old().SetFault(nil)
				w.new().SetFault(nil)
				w.run(10 * time.Minute)
				synctest.Wait()
				w.wantEqual(inbox)
				told := map[string]int{}
				for _, o := range w.seen {
					told[o.Message]++
				}
				for i := range news {
					if id := fmt.Sprintf("<late %d>", i); told[id] != 1 {
						t.Errorf("%s was recorded as use %d times", id, told[id])
					}
				}
				if len(w.seen) != news {
					t.Errorf("%d uses of %d messages", len(w.seen), news)
				}
			})
		})
	}
}
