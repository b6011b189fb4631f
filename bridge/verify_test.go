package bridge_test

import (
	"strings"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// What is left in the cloud of a folder that was deleted on the old side is no surplus, though the old side holds such a message elsewhere.
func TestVerifyKnowsDeletedFolders(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, _ := moving(t, memstore.Options{})
		w.old().Deliver(projects, held(t, w.old(), inbox, "moved"))
		time.Sleep(5 * time.Minute)
		w.old().RemoveFolder(projects)
		time.Sleep(5 * time.Minute)
		r, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || r.Equal != 1 || len(r.Missing)+len(r.Extra) != 0 {
			t.Errorf("verify: %+v, %v", r, err)
		}
		w.stop()
	})
}

// Of two messages with one Message-ID both were moved by the user in the cloud: verify compares each with its own copy.
func TestVerifyTellsCopiesApartByDate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.new().AddFolder(cutover.Folder{Path: archive, Kind: cutover.Mail})
		for n := range 2 {
			w.old().Deliver(inbox, memstore.Message{Raw: mail("same", strings.Repeat("x", n+1)), Date: time.Now().Add(time.Duration(n) * time.Hour)})
		}
		w.start()
		time.Sleep(time.Minute)
		for range 2 {
			w.new().Move(inbox, w.new().Messages(inbox)[0].Ref, archive)
		}
		r, err := w.bridge.VerifyFully(t.Context(), anna.ID)
		if err != nil || r.Equal != 2 || len(r.Missing)+len(r.Extra)+len(r.Altered) != 0 {
			t.Errorf("verify: %+v, %v", r, err)
		}
		w.stop()
	})
}

// A message that was copied is marked and moved on the old side, and the cloud folder gets new references: its copy is no surplus.
func TestVerifyKnowsWhatIsLeftUnderNewReferences(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, ref := moving(t, memstore.Options{})
		w.old().SetFlags(inbox, ref, `\Deleted`)
		w.old().Move(inbox, ref, projects)
		time.Sleep(5 * time.Minute)
		w.old().Deliver(projects, memstore.Message{Raw: mail("moved", "hello"), Date: time.Now().Add(time.Hour)})
		time.Sleep(5 * time.Minute)
		w.new().Renew(inbox)
		r, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || r.Equal != 2 || r.Skipped != 1 || len(r.Missing)+len(r.Extra) != 0 {
			t.Errorf("verify: %+v, %v", r, err)
		}
		w.stop()
	})
}

// A repaired copy that lies in the Trash, because its message is marked as deleted, is that message's and nobody else's.
func TestVerifyFindsRepairedCopiesInTheTrash(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, refusing(hatesZeros))
		w.discard = true
		w.new().AddFolder(cutover.Folder{Path: trash, Kind: cutover.Mail, Role: cutover.Trash})
		date := time.Now()
		w.old().Deliver(inbox, memstore.Message{Raw: mail("same", "z\x00ro"), Date: date, Flags: cutover.NewFlags(`\Deleted`)})
		w.start()
		defer w.stop()
		time.Sleep(time.Minute)
		r, err := w.bridge.VerifyFully(t.Context(), anna.ID)
		if err != nil || r.Equal != 1 || r.Moved+len(r.Missing)+len(r.Extra)+len(r.Altered) != 0 {
			t.Errorf("verify: %+v, %v", r, err)
		}
		w.new().SetFault(func(op string, _ int) error {
			if op == memstore.OpPut {
				return bridge.ErrBusy
			}
			return nil
		})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("same", "hello"), Date: date.Add(time.Hour)})
		if r, err = w.bridge.VerifyFully(t.Context(), anna.ID); err != nil || r.Equal != 1 || len(r.Missing) != 1 || r.Moved+len(r.Altered)+len(r.Removed) != 0 {
			t.Errorf("verify: %+v, %v", r, err)
		}
	})
}

// The cloud refused a message, and holds another one with its Message-ID, under new references: that is the other's copy.
func TestVerifyGivesNoCopyToWhatWasRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{MaxSize: 2000})
		for n, body := range []string{strings.Repeat("x", 3000), "hello"} {
			w.old().Deliver(inbox, memstore.Message{Raw: mail("same", body), Date: time.Now().Add(time.Duration(n) * time.Hour)})
		}
		w.start()
		defer w.stop()
		time.Sleep(time.Minute)
		w.new().Renew(inbox)
		for _, equal := range []int{1, 0} {
			r, err := w.bridge.VerifyFully(t.Context(), anna.ID)
			if err != nil || r.Equal != equal || len(r.Missing) != 1 || !strings.Contains(r.Missing[0].Why, "saved as") || len(r.Extra)+len(r.Altered)+len(r.Removed) != 0 {
				t.Errorf("verify: %+v, %v; want %d equal", r, err, equal)
			}
			if equal == 1 { // the copy of what is deleted on the old side stays
				w.old().Remove(inbox, w.old().Messages(inbox)[1].Ref)
			}
		}
	})
}
