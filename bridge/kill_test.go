package bridge_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/bridge/storetest"
)

// Whichever write the process dies after: each message that comes into an old mailbox is recorded as use of the old server once, and is copied once.
func TestNoKillLosesUse(t *testing.T) {
	const news = 12
	for n, died := 1, true; died && !t.Failed(); n++ {
		t.Run(fmt.Sprintf("after write %d", n), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 5}, memstore.Options{Batch: 5})
				w.old().Deliver(inbox, memstore.Message{Raw: mail("before", "x"), Date: time.Now()})
				w.run(2 * time.Minute)
				k := storetest.KillAfter(n)
				w.book = k.Ledger
				step := func(string, int) error {
					if k.Dead() {
						return fmt.Errorf("dead: %w", bridge.ErrConnection)
					}
					return nil
				}
				w.old().SetFault(step)
				w.new().SetFault(step)
				for i := range news {
					w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint("late ", i), "x"), Date: time.Now()})
				}
				w.run(2 * time.Minute)
				died = k.Dead()
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
