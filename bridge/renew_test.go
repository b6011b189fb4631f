package bridge_test

import (
	"testing"
	"time"

	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// What changed on the old side together with the references is seen all the same: flags follow, and what was left out as marked is copied once it is so no longer.
func TestChangesWithNewReferences(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		marked := w.old().Deliver(inbox, memstore.Message{Raw: mail("marked", "hello"), Date: date, Flags: cutover.NewFlags(`\Deleted`)})
		read := w.old().Deliver(inbox, memstore.Message{Raw: mail("read", "hello"), Date: date})
		w.run(time.Minute)
		w.old().SetFlags(inbox, marked)
		w.old().SetFlags(inbox, read, `\Seen`)
		w.old().Renew(inbox)
		w.run(10 * time.Minute)
		w.wantEqual(inbox)
	})
}

// Of two equal messages one is marked as deleted. Whichever the rows of before go to, nothing stands still.
func TestNewReferencesOfEqualMessages(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{Batch: 1}, memstore.Options{})
		same := memstore.Message{Raw: mail("same", "hello"), Date: time.Now().Truncate(time.Second)}
		first := w.old().Deliver(inbox, same)
		same.Flags = cutover.NewFlags(`\Deleted`)
		w.old().Deliver(inbox, same)
		w.run(time.Minute)
		w.old().Renew(inbox)
		w.old().SetFlags(inbox, first, `\Deleted`)
		w.run(10 * time.Minute)
		for _, m := range w.old().Messages(inbox) {
			w.old().SetFlags(inbox, m.Ref)
		}
		w.old().Renew(inbox)
		w.run(10 * time.Minute)
		w.wantEqual(inbox)
	})
}

// A message was moved out of a folder, and another one with its key stayed there, before the folder got new references: it is a move still.
func TestAMoveBeforeNewReferences(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, ref := moving(t, memstore.Options{})
		twin := memstore.Message{Raw: mail("moved", "another"), Date: time.Now().Add(time.Hour).Truncate(time.Second)}
		w.old().Deliver(inbox, twin)
		time.Sleep(10 * time.Second)
		w.stop()
		w.old().Move(inbox, ref, projects)
		w.old().Renew(inbox)
		w.run(10 * time.Minute)
		w.wantPlaces(1, 2)
	})
}
