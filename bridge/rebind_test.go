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

// The cloud folder gets new references, and one of its messages does not come back: flags and moves go on to follow, a true duplicate is a message of its own, and nothing is put again.
func TestTheCloudsReferencesEnd(t *testing.T) {
	for name, running := range map[string]bool{"while it runs": true, "while it does not": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 7}, memstore.Options{})
				w.old().AddFolder(cutover.Folder{Path: archive, Kind: cutover.Mail})
				date := time.Now().Truncate(time.Second)
				for i := range 20 {
					w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(i), "hello"), Date: date})
					w.old().Deliver(inbox, memstore.Message{Raw: mail("twin", fmt.Sprint(i/2)), Date: date})
				}
				w.start()
				time.Sleep(time.Minute)
				if !running {
					w.stop()
				}
				w.new().Remove(inbox, w.new().Messages(inbox)[3].Ref) // so that none has the reference that it had
				gone := held(t, w.new(), inbox, "7")
				w.new().Remove(inbox, gone.Ref)
				w.new().Renew(inbox)
				if !running {
					w.start()
				}
				puts := w.puts()
				w.old().SetFlags(inbox, held(t, w.old(), inbox, "5").Ref, `\Flagged`)
				time.Sleep(2 * time.Minute)
				wantFlags(t, w.new(), inbox, "5", `\Flagged`)
				w.old().Move(inbox, held(t, w.old(), inbox, "9").Ref, archive)
				time.Sleep(2 * time.Minute)
				if n := len(w.new().Messages(archive)); n != 1 || puts.Load() != 0 {
					t.Errorf("%d messages in the folder that one was moved to, %d were put", n, puts.Load())
				}
				w.old().Deliver(inbox, memstore.Message{Raw: mail("twin", "0"), Date: date.Add(time.Hour)})
				time.Sleep(2 * time.Minute)
				if puts.Load() != 1 {
					t.Errorf("%d messages were put, want the one that is new", puts.Load())
				}
				r, err := w.bridge.Verify(t.Context(), anna.ID)
				if err != nil || len(r.Removed) != 2 || len(r.Missing)+len(r.Extra) != 0 || r.Moved != 0 || r.Equal != 39 {
					t.Errorf("verify: %+v, %v", r, err)
				}
				w.stop()
			})
		})
	}
}

// The cloud renders mail anew, and its references end: copies of messages without a Message-ID that came in one second are told apart by the rest of their headers, and moves go on to follow.
func TestTheCloudsReferencesEndWhereItRenders(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{Render: anew})
		w.old().AddFolder(cutover.Folder{Path: projects, Kind: cutover.Mail})
		date := time.Now().Truncate(time.Second)
		var last cutover.Ref
		for i := range 3 {
			raw := strings.Replace(string(bare(someDate, "the scan")), "alarm", fmt.Sprint("scan ", i), 1)
			last = w.old().Deliver(inbox, memstore.Message{Raw: []byte(raw), Date: date})
		}
		w.run(time.Minute)
		w.new().Renew(inbox)
		w.run(time.Minute)
		w.old().Move(inbox, last, projects)
		w.run(10 * time.Minute)
		w.wantPlaces(2, 1)
	})
}

// Before anything happened in the folder verify knows what is what already.
func TestVerifyAfterTheCloudsReferencesEnded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := copied(t, memstore.Options{}, "touched", "other")
		w.new().Remove(inbox, held(t, w.new(), inbox, "touched").Ref)
		w.new().Renew(inbox)
		w.start()
		defer w.stop()
		time.Sleep(time.Minute)
		r, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || r.Equal != 1 || r.Moved != 0 || !slices.ContainsFunc(r.Removed, func(f bridge.Finding) bool { return f.MessageID == "<touched>" }) {
			t.Errorf("verify: %+v, %v", r, err)
		}
	})
}
