package bridge_test

import (
	"slices"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// capturing is a world in which one message was captured and lies on both sides, traced in the cloud, as its delivery knows; on the old side, where it carries its trace if teed is set, it joined.
func capturing(t *testing.T, cloud memstore.Options, teed bool) (w *world, ref cutover.Ref) {
	t.Helper()
	w, _ = moving(t, cloud)
	raw := mail("captured", "hello")
	capture(t, w.ledger, captureID, raw, cutover.Cloud, false)
	at := w.new().Deliver(inbox, memstore.Message{Raw: w.traced(captureID, raw), Date: captureID.Time()})
	w.settle(captureID, "INBOX UID "+string(at))
	if teed {
		raw = w.traced(captureID, raw)
	}
	ref = w.old().Deliver(inbox, memstore.Message{Raw: raw, Date: captureID.Time().Add(time.Minute)})
	time.Sleep(5 * time.Minute)
	w.wantPlaces(2, 1)
	return w, ref
}

// wantCaptured demands the numbers of copies, and that verify finds nothing wrong.
func (w *world) wantCaptured(inINBOX, inProjects, equal, moved int) {
	w.t.Helper()
	time.Sleep(5 * time.Minute)
	w.wantPlaces(inINBOX, inProjects)
	r, err := w.bridge.VerifyFully(w.t.Context(), anna.ID)
	if err != nil || r.Equal != equal || r.Moved != moved || len(r.Missing)+len(r.Extra)+len(r.Altered)+len(r.Removed) > 0 {
		w.t.Errorf("verify: %+v, %v; want %d equal", r, err, equal)
	}
	if p := w.bridge.Progress()[0]; p.State != bridge.Following || p.Done != p.Total {
		w.t.Errorf("progress %+v", p)
	}
}

// eachTee runs a test with a message that came to the old side by us, and by the old route.
func eachTee(t *testing.T, test func(t *testing.T, teed bool)) {
	for _, teed := range []bool{true, false} {
		inBubble(t, func(t *testing.T) { test(t, teed) })
	}
}

// The copy that a delivery brought is moved with the message on the old side, again and again, and its flags stay the user's.
func TestAMoveOfWhatWasCaptured(t *testing.T) {
	eachTee(t, func(t *testing.T, teed bool) {
		w, ref := capturing(t, memstore.Options{}, teed)
		defer w.stop()
		w.old().SetFlags(inbox, ref, `\Seen`)
		ref = w.old().Move(inbox, ref, projects)
		w.wantCaptured(1, 2, 3, 0)
		wantFlags(t, w.new(), projects, "captured")
		w.old().SetFlags(projects, ref, `\Seen`, `\Flagged`)
		w.wantCaptured(1, 2, 3, 0)
		wantFlags(t, w.new(), projects, "captured")
		w.old().Move(projects, ref, inbox)
		w.wantCaptured(2, 1, 3, 0)
	})
}

// Where the copy lies is not told after a move: it stays there from then on.
func TestAMoveOfWhatWasCapturedWithoutPlaces(t *testing.T) {
	eachTee(t, func(t *testing.T, teed bool) {
		w, ref := capturing(t, memstore.Options{NoPlaces: true}, teed)
		defer w.stop()
		ref = w.old().Move(inbox, ref, projects)
		w.wantCaptured(1, 2, 3, 0)
		w.old().Move(projects, ref, inbox)
		w.wantCaptured(1, 2, 3, 0)
	})
}

// What its owner moved or removed in the cloud stays so, and nothing is put for it.
func TestAMoveOfWhatWasCapturedAndTouched(t *testing.T) {
	eachTee(t, func(t *testing.T, teed bool) {
		w, ref := capturing(t, memstore.Options{}, teed)
		defer w.stop()
		w.new().AddFolder(cutover.Folder{Path: archive, Kind: cutover.Mail})
		w.new().Move(inbox, held(t, w.new(), inbox, "captured").Ref, archive)
		w.old().Move(inbox, ref, projects)
		w.wantCaptured(1, 1, 3, 0)
		held(t, w.new(), archive, "captured")
	})
}

// The reference under which the copy was seen is another message's by now.
func TestAMoveOfWhatWasCapturedAfterTheCloudsReferencesEnded(t *testing.T) {
	eachTee(t, func(t *testing.T, teed bool) {
		w, ref := capturing(t, memstore.Options{}, teed)
		defer w.stop()
		w.new().Remove(inbox, held(t, w.new(), inbox, "moved").Ref)
		w.new().Deliver(inbox, memstore.Message{Raw: mail("other's", "hello"), Date: time.Now()})
		w.new().Renew(inbox)
		w.old().Move(inbox, ref, projects)
		time.Sleep(5 * time.Minute)
		w.wantPlaces(2, 1)
		held(t, w.new(), inbox, "other's")
	})
}

// The user copied the message on the old side, which stands for the same capture: the one copy stays as long as one of both does.
func TestAMoveOfOneOfTwoThatWereCaptured(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, ref := capturing(t, memstore.Options{}, true)
		defer w.stop()
		w.old().AddFolder(cutover.Folder{Path: archive, Kind: cutover.Mail})
		w.old().Deliver(archive, held(t, w.old(), inbox, "captured"))
		time.Sleep(5 * time.Minute)
		w.old().Move(inbox, ref, projects)
		time.Sleep(5 * time.Minute)
		w.wantPlaces(2, 1)
	})
}

// Whatever fails while the copy is moved: there is one in the end.
func TestAMoveOfWhatWasCapturedWhateverFails(t *testing.T) {
	for _, op := range []string{memstore.OpMove, memstore.OpScan, memstore.OpFlags, memstore.OpState, memstore.OpNext} {
		eachTee(t, func(t *testing.T, teed bool) {
			w, ref := capturing(t, memstore.Options{}, teed)
			defer w.stop()
			failed := false
			fail := func(o string, _ int) error {
				if o == op && !failed {
					failed = true
					return bridge.ErrConnection
				}
				return nil
			}
			w.new().SetFault(fail)
			w.old().SetFault(fail)
			w.old().Move(inbox, ref, projects)
			w.wantCaptured(1, 2, 3, 0)
			if !failed || !slices.ContainsFunc(w.new().Messages(projects), func(m memstore.Message) bool {
				return slices.Equal(m.Raw, w.traced(captureID, mail("captured", "hello")))
			}) {
				t.Errorf("failed %t", failed)
			}
		})
	}
}
