package bridge_test

import (
	"fmt"
	"slices"
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

func TestVerifyNamesMissingAndExtra(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		for _, id := range []string{"kept", "lost", "doubled"} {
			w.old().Deliver(inbox, memstore.Message{Raw: mail(id, id), Date: date})
		}
		w.start()
		time.Sleep(10 * time.Second)
		for _, m := range w.new().Messages(inbox) {
			switch {
			case slices.Equal(m.Raw, mail("lost", "lost")):
				w.new().Remove(inbox, m.Ref)
			case slices.Equal(m.Raw, mail("doubled", "doubled")):
				w.new().Deliver(inbox, m)
			}
		}
		w.new().SetFault(func(op string, _ int) error {
			if op == memstore.OpPut {
				return bridge.ErrBusy
			}
			return nil
		})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("new", "new"), Date: date})
		report, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.stop()
		if report.Equal != 2 || !names(report.Missing, "<new>") || !names(report.Extra, "<doubled>") || !names(report.Removed, "<lost>") {
			t.Errorf("report %+v, want <new> missing, <doubled> extra and <lost> removed", report)
		}
	})
}

// A body that the cloud's server keeps and that is not what was put is told, once all bodies are compared.
func TestVerifyComparesBodies(t *testing.T) {
	eachPlacing(t, func(t *testing.T, options memstore.Options) {
		w := newWorld(t, memstore.Options{}, options)
		for i := range 30 {
			w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(i), "hello"), Date: time.Now()})
		}
		w.start()
		defer w.stop()
		time.Sleep(time.Minute)
		sampled, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || sampled.Bodies == 0 || sampled.Bodies >= 30 || len(sampled.Altered) != 0 {
			t.Errorf("%d bodies were compared, %v altered, %v", sampled.Bodies, sampled.Altered, err)
		}
		w.new().Alter(inbox, held(t, w.new(), inbox, "7").Ref, mail("7", "other"))
		full, err := w.bridge.VerifyFully(t.Context(), anna.ID)
		if err != nil || full.Bodies != 30 || full.Equal != 30 || !names(full.Altered, "<7>") {
			t.Errorf("%d bodies were compared, altered %+v, %v; want <7>", full.Bodies, full.Altered, err)
		}
	})
}

// names reports whether the findings are just this message.
func names(found []bridge.Finding, id string) bool {
	return len(found) == 1 && found[0].MessageID == id
}

// A system that writes no Date sends the same subject to the same person again and again: the next one, which came by the new way, is neither a second copy of the first nor a substitute for it.
func TestVerifyTellsDatelessMessagesApart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		nightly := func(id string) []byte {
			return []byte("Message-ID: <" + id + ">\r\nFrom: cron@other.example\r\nTo: anna@example.com\r\nSubject: done\r\n\r\n" + id + "\r\n")
		}
		date := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: nightly("first"), Date: date})
		w.start()
		time.Sleep(10 * time.Second)
		copied := w.new().Messages(inbox)[0]
		w.new().Deliver(inbox, memstore.Message{Raw: nightly("second"), Date: date})
		report, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || report.Equal != 1 || len(report.Missing)+len(report.Extra) != 0 {
			t.Errorf("with both: report %+v, %v", report, err)
		}
		w.new().Remove(inbox, copied.Ref)
		report, err = w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || !names(report.Removed, "<first>") {
			t.Errorf("without the copy: report %+v, %v, want <first> removed", report, err)
		}
		w.stop()
	})
}

func TestVerifyCountsCapturesOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: mail("twice sent", "hello"), Date: date})
		w.start()
		defer w.stop()
		time.Sleep(10 * time.Second)
		key, err := w.ledger.TraceKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		trace := cutover.TraceField + ": " + string(cutover.NewTrace(key, "01JD9F3K7Q0000000000000000")) + "\r\n"
		for want := range 2 {
			w.new().Deliver(inbox, memstore.Message{Raw: slices.Concat([]byte(trace), mail("twice sent", "hello")), Date: date})
			report, err := w.bridge.Verify(t.Context(), anna.ID)
			if err != nil {
				t.Fatal(err)
			}
			if report.Equal != 1 || len(report.Missing) != 0 || len(report.Extra) != want {
				t.Errorf("with the capture there %d times: %+v, want %d extra", want+1, report, want)
			}
		}
	})
}
