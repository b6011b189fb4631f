package bridge_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
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

// A clock that is set forward does not cut short the time for which a copy may still be on its way.
func TestDoubtWhileTheClockIsSet(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		ours := memstore.Message{Raw: mail("ours", "in doubt"), Date: time.Now().Truncate(time.Second)}
		w.old().Deliver(inbox, ours)
		w.new().SetFault(func(op string, n int) error {
			if op == memstore.OpPut && n == 1 {
				return fmt.Errorf("the connection broke: %w", bridge.ErrUnknown)
			}
			return nil
		})
		w.start()
		time.Sleep(5 * time.Second)
		w.clock.Set(time.Hour)
		time.Sleep(3 * time.Second)
		w.new().Deliver(inbox, ours) // the server went on reading what it was sent
		time.Sleep(5 * time.Minute)
		w.stop()
		if got := len(w.new().Messages(inbox)); got != 1 {
			t.Errorf("%d messages in the cloud, want one", got)
		}
	})
}

// estimating is a legacy mailbox that tells wrong sizes, as Exchange does.
type estimating struct{ bridge.Store }

func (s estimating) Next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (bridge.Batch, error) {
	b, err := s.Store.Next(ctx, f, c)
	for i := range b.Changes {
		b.Changes[i].Item.Size += 100
	}
	return b, err
}

// A put's reply is lost, and its message is moved on the old side before anybody can ask: its copy follows, though the old server tells wrong sizes.
func TestALostReplyOfWhatWasMovedMeanwhile(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.lens = func(s bridge.Store) bridge.Store { return estimating{s} }
		archive := cutover.FolderPath{"Projects"}
		w.old().AddFolder(cutover.Folder{Path: archive})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("first", "hello"), Date: time.Now().Truncate(time.Second)})
		w.run(time.Minute) // the cloud is found to keep bytes
		ref := w.old().Deliver(inbox, memstore.Message{Raw: mail("x", "hello"), Date: time.Now().Truncate(time.Second)})
		lost := w.loseReply(bridge.ErrUnknown, func() { w.old().Move(inbox, ref, archive) })
		w.run(10 * time.Minute)
		if in, at := len(w.new().Messages(inbox)), len(w.new().Messages(archive)); in != 1 || at != 1 || !lost() {
			t.Errorf("%d copies where the first is, %d where the other was moved to", in, at)
		}
	})
}
