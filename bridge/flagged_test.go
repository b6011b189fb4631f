package bridge_test

import (
	"context"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

// bareFlags tells of changed flags as IMAP does: a reference and its flags, nothing else.
type bareFlags struct{ bridge.Store }

func (s bareFlags) Next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (bridge.Batch, error) {
	batch, err := s.Store.Next(ctx, f, c)
	for i, change := range batch.Changes {
		if change.Kind == bridge.Flagged {
			batch.Changes[i].Item = cutover.Item{Ref: change.Item.Ref, Flags: change.Item.Flags}
		}
	}
	return batch, err
}

// A change that does not tell which item it is about is not about another item: nothing is put a second time.
func TestFlagsWithoutIdentity(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.lens = func(s bridge.Store) bridge.Store { return bareFlags{s} }
		paths := w.fill(3, 60)
		w.run(10 * time.Second)
		for _, m := range w.old().Messages(inbox) {
			w.old().SetFlags(inbox, m.Ref, `\Seen`, `\Answered`)
		}
		w.run(10 * time.Minute)
		w.wantEqual(paths...)
	})
}

// The mark as deleted is taken away, the put fails, and the server tells again of the flags alone: the message is not forgotten.
func TestAPutThatFailedAfterTheMarkWasTakenAway(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.lens = func(s bridge.Store) bridge.Store { return bareFlags{s} }
		ref := w.old().Deliver(inbox, memstore.Message{Raw: mail("marked", "hello"), Date: time.Now(), Flags: cutover.NewFlags(`\Deleted`)})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("other", "hello"), Date: time.Now()})
		w.run(time.Minute)
		w.old().SetFlags(inbox, ref, `\Seen`)
		w.new().SetFault(func(op string, n int) error {
			if op == memstore.OpPut && n == 1 {
				return bridge.ErrBusy
			}
			return nil
		})
		w.run(10 * time.Minute)
		w.wantEqual(inbox)
	})
}
