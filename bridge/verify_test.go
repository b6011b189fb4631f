package bridge_test

import (
	"strings"
	"testing"
	"time"

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
