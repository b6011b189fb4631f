package bridge_test

import (
	"fmt"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
)

// A put whose reply was lost is settled although mail arrives in the same cloud folder all the time.
func TestDoubtEndsInABusyFolder(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: mail("ours", "in doubt"), Date: date})
		w.new().SetFault(func(op string, n int) error {
			if op == memstore.OpPut && n == 1 {
				return fmt.Errorf("the reply was lost: %w", bridge.ErrUnknown)
			}
			return nil
		})
		w.start()
		for i := range 60 {
			w.new().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint("other ", i), "busy"), Date: date})
			time.Sleep(2 * time.Second)
		}
		w.stop()
		if got := len(w.new().Messages(inbox)); got != 61 {
			t.Errorf("%d messages in the cloud, want the one and 60 others", got)
		}
	})
}
