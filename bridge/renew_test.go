package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthouse/bridge"
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

// The reply to a put was lost, and then the message was moved and the old folder got new references: the row's names another message now, which is not what is compared with the copy.
func TestNewReferencesWhileACopyIsInDoubt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		first := w.old().Deliver(inbox, memstore.Message{Raw: mail("first", "hello"), Date: date})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("second", "hello"), Date: date})
		w.start()
		time.Sleep(time.Minute)
		lost := false
		w.new().SetFault(func(op string, _ int) error {
			if lost = lost || op == memstore.OpReply; lost {
				return bridge.ErrConnection
			}
			return nil
		})
		w.old().AddFolder(cutover.Folder{Path: projects, Kind: cutover.Mail})
		third := w.old().Deliver(inbox, memstore.Message{Raw: mail("third", "hello"), Date: date})
		time.Sleep(time.Minute)
		w.stop()
		w.old().Move(inbox, third, projects)
		w.old().Remove(inbox, first)
		w.old().Renew(inbox)
		for _, id := range []string{"fourth", "fifth"} {
			w.old().Deliver(inbox, memstore.Message{Raw: mail(id, "hello, hello"), Date: date})
		}
		w.new().SetFault(nil)
		w.run(10 * time.Minute)
		w.wantPlaces(4, 1) // the first is still there
	})
}

// Of two folders that lead to one cloud folder, which gets new references, each keeps its copies: what is the other's is not adopted.
func TestNewReferencesOfASharedTarget(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := binning(t, memstore.Options{}) // INBOX's bin leads there, and so does Trash
		w.old().AddFolder(cutover.Folder{Path: trash, Kind: cutover.Mail, Role: cutover.Trash})
		w.run(5 * time.Minute)
		w.new().Renew(trash)
		w.old().Deliver(trash, held(t, w.old(), inbox, "marked"))
		w.old().SetFlags(trash, held(t, w.old(), trash, "marked").Ref)
		w.run(10 * time.Minute)
		w.wantBin(1, 2)
	})
}

// Of two equal messages one is marked as deleted and in the Trash. Under new references each goes on with its own copy.
func TestNewReferencesOfEqualMessagesOneInTheTrash(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := binning(t, memstore.Options{})
		twin := held(t, w.old(), inbox, "marked")
		twin.Flags = cutover.NewFlags(`\Flagged`)
		w.old().Deliver(inbox, twin)
		w.run(5 * time.Minute)
		w.old().Renew(inbox)
		w.run(5 * time.Minute)
		w.wantBin(2, 1)
	})
}

// Flags could not be written into the cloud before the old side's references ended: they are written afterwards.
func TestFlagsThatWaitedForNewReferences(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, ref := moving(t, memstore.Options{})
		w.new().SetFault(func(op string, _ int) error {
			if op == memstore.OpFlags {
				return bridge.ErrConnection
			}
			return nil
		})
		w.old().SetFlags(inbox, ref, `\Flagged`)
		time.Sleep(time.Minute)
		w.stop()
		w.new().SetFault(nil)
		w.old().Renew(inbox)
		w.run(10 * time.Minute)
		wantFlags(t, w.new(), inbox, "moved", `\Flagged`)
	})
}

// References end while the next batch is read ahead, so that what is read next are other messages than those that were listed: none is put in the place of another. Two have one key.
func TestNewReferencesWhileReadingAhead(t *testing.T) {
	for name, id := range map[string]func(n int) string{"different messages": func(n int) string { return fmt.Sprint("message ", n) }, "one key": func(int) string { return "one" }} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 3}, memstore.Options{})
				first := w.old().Deliver(inbox, memstore.Message{Raw: mail("gone", "hello"), Date: time.Now()})
				for n := range 6 {
					w.old().Deliver(inbox, memstore.Message{Raw: mail(id(n), strings.Repeat("line\r\n", n)), Date: time.Now().Add(time.Duration(n) * time.Hour).Truncate(time.Second)})
				}
				w.old().Remove(inbox, first)
				w.old().SetFault(func(op string, n int) error {
					switch {
					case op == memstore.OpNext && n == 2:
						w.old().Renew(inbox)
					case op == memstore.OpFetch && n == 1:
						time.Sleep(time.Second) // until it was read ahead
					}
					return nil
				})
				w.run(10 * time.Minute)
				w.wantEqual(inbox)
			})
		})
	}
}
