package bridge_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

// filed is a message that is filed by a program that cannot move: a copy first, then a mark, then the end of the first.
type filed struct {
	*world
	first, second cutover.Ref
}

func (f *filed) copy() { f.second = f.old().Deliver(projects, held(f.t, f.old(), inbox, "moved")) }
func (f *filed) mark() { f.old().SetFlags(inbox, f.first, `\Seen`, `\Deleted`) }
func (f *filed) end()  { f.old().Remove(inbox, f.first) }

// want demands the numbers of copies, and that verify finds nothing wrong.
func (f *filed) want(inINBOX, inProjects, equal int) {
	f.t.Helper()
	time.Sleep(10 * time.Minute)
	f.wantPlaces(inINBOX, inProjects)
	r, err := f.bridge.VerifyFully(f.t.Context(), anna.ID)
	if err != nil || r.Equal != equal || r.Moved+len(r.Missing)+len(r.Extra)+len(r.Altered)+len(r.Removed) > 0 {
		f.t.Errorf("verify: %+v, %v; want %d equal", r, err, equal)
	}
	if p := f.bridge.Progress()[0]; p.Done < p.Total {
		f.t.Errorf("%d of %d are done", p.Done, p.Total)
	}
}

// Whenever we look while a message is filed by copying, marking and expunging, its copy is moved.
func TestFilingByProgramsThatCannotMove(t *testing.T) {
	for name, options := range map[string]memstore.Options{"places are told": {}, "places are not told": {NoPlaces: true}} {
		for _, discard := range []bool{false, true} {
			for when, file := range map[string]func(f *filed){
				"after all of it": func(f *filed) { f.copy(); f.mark(); f.end() },
				"after the mark":  func(f *filed) { f.copy(); f.mark(); f.want(0, 2, 2); f.end() },
				"after the mark, twice": func(f *filed) {
					f.mark()
					f.want(1, 1, 2)
					f.copy()
					f.old().SetFlags(projects, f.second, `\Seen`)
					f.want(0, 2, 2)
					f.end()
				},
				"before the mark": func(f *filed) { f.copy(); time.Sleep(time.Second); f.mark(); f.want(0, 2, 2); f.end() },
				"before the end":  func(f *filed) { f.copy(); time.Sleep(time.Second); f.mark(); f.end() },
			} {
				t.Run(name+", "+when, func(t *testing.T) {
					inBubble(t, func(t *testing.T) {
						w, ref := moving(t, options)
						w.stop()
						if w.discard = discard; discard {
							w.new().AddFolder(cutover.Folder{Path: trash, Kind: cutover.Mail, Role: cutover.Trash})
						}
						w.start()
						defer w.stop()
						time.Sleep(time.Minute)
						f := &filed{world: w, first: ref}
						file(f)
						f.want(0, 2, 2)
						if discard && len(w.new().Messages(trash)) != 0 {
							t.Error("a copy lies in the Trash")
						}
					})
				})
			}
		}
	}
}

// A copy that stays one for minutes is copied; when the first is deleted after all, its copy stays in the cloud, as what is deleted does, and verify knows it.
func TestFilingThatLastsLong(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, ref := moving(t, memstore.Options{})
		defer w.stop()
		f := &filed{world: w, first: ref}
		f.copy()
		f.want(1, 2, 3)
		f.mark()
		f.want(1, 2, 3)
		f.end()
		f.want(1, 2, 2)
	})
}

// The mark is taken back after the copy was moved: then there are two messages, and two copies, and either may go again.
func TestTheMarkOfWhatWasFiledIsTakenBack(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, ref := moving(t, memstore.Options{})
		defer w.stop()
		f := &filed{world: w, first: ref}
		f.copy()
		f.mark()
		f.want(0, 2, 2)
		f.old().SetFlags(inbox, ref, `\Seen`)
		f.want(1, 2, 3)
		f.mark()
		f.want(1, 2, 3)
	})
}

// What is marked and copied together with its mark is not moved for that: it is marked in both places.
func TestACopyOfWhatIsMarked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, ref := moving(t, memstore.Options{})
		defer w.stop()
		f := &filed{world: w, first: ref}
		f.mark()
		f.copy()
		f.want(1, 1, 2)
	})
}

// A message that was copied, then marked as deleted, and then moved with its mark: its copy stays, for it may be deleted for ever; when the mark is taken back the copy follows.
func TestAMarkedMessageIsMovedAndItsMarkTakenBack(t *testing.T) {
	for name, options := range map[string]memstore.Options{"places are told": {}, "places are not told": {NoPlaces: true}} {
		for _, discard := range []bool{false, true} {
			for _, bare := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, discard %t, bare %t", name, discard, bare), func(t *testing.T) {
					inBubble(t, func(t *testing.T) {
						w, ref := moving(t, options)
						w.stop()
						if w.discard = discard; discard {
							w.new().AddFolder(cutover.Folder{Path: trash, Kind: cutover.Mail, Role: cutover.Trash})
						}
						if bare {
							w.lens = func(s bridge.Store) bridge.Store { return bareFlags{s} }
						}
						w.start()
						defer w.stop()
						f := &filed{world: w, first: ref}
						f.mark()
						f.want(1, 1, 2)
						f.second = f.old().Move(inbox, ref, projects)
						if discard {
							f.want(0, 2, 2)
						} else {
							f.want(1, 1, 1)
						}
						f.old().SetFlags(projects, f.second, `\Flagged`)
						f.want(0, 2, 2)
						wantFlags(t, w.new(), projects, "moved", `\Flagged`)
					})
				})
			}
		}
	}
}

// deafToFlags never tells of changed flags.
type deafToFlags struct{ bridge.Store }

func (s deafToFlags) Next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (bridge.Batch, error) {
	b, err := s.Store.Next(ctx, f, c)
	b.Changes = slices.DeleteFunc(b.Changes, func(c bridge.Change) bool { return c.Kind == bridge.Flagged })
	return b, err
}

// What is no longer marked is missing as long as the old server has not told us so.
func TestVerifyNamesWhatIsNoLongerMarked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.lens = func(s bridge.Store) bridge.Store { return deafToFlags{s} }
		w.old().Deliver(inbox, memstore.Message{Raw: mail("marked", "hello"), Date: time.Now(), Flags: cutover.NewFlags(`\Deleted`)})
		w.start()
		defer w.stop()
		for _, unmarked := range []bool{false, true} {
			if unmarked {
				flag(t, w.old(), "marked", `\Seen`)
			}
			time.Sleep(10 * time.Minute)
			r, err := w.bridge.Verify(t.Context(), anna.ID)
			if err != nil || unmarked && (!names(r.Missing, "<marked>") || r.Skipped > 0) || !unmarked && (r.Skipped != 1 || len(r.Missing) > 0) {
				t.Errorf("unmarked %t: verify: %+v, %v", unmarked, r, err)
			}
		}
	})
}
