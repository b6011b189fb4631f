package bridge_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/ledger"
)

// merging is a world with a cloud that keeps one of equal messages, and three equal ones and another on the old side.
func merging(t *testing.T, cloud memstore.Options) (w *world, equal []cutover.Ref) {
	t.Helper()
	cloud.Merge = true
	w = newWorld(t, memstore.Options{Batch: 2}, cloud)
	w.old().AddFolder(cutover.Folder{Path: projects, Kind: cutover.Mail})
	date := time.Now().Truncate(time.Second)
	for _, name := range []string{"equal", "other", "equal", "equal"} {
		ref := w.old().Deliver(inbox, memstore.Message{Raw: mail(name, "hello"), Date: date})
		if name == "equal" {
			equal = append(equal, ref)
		}
	}
	return w, equal
}

// eachPlacing runs a test with a cloud that tells places, and with one that does not.
func eachPlacing(t *testing.T, test func(t *testing.T, options memstore.Options)) {
	for name, options := range map[string]memstore.Options{"places are told": {}, "places are not told": {NoPlaces: true}} {
		t.Run(name, func(t *testing.T) { inBubble(t, func(t *testing.T) { test(t, options) }) })
	}
}

// wantMerged demands that everything is in the cloud, with so many copies, and that so many messages share one.
func (w *world) wantMerged(inINBOX, inProjects, merged int) {
	w.t.Helper()
	w.start()
	defer w.stop()
	time.Sleep(10 * time.Minute)
	w.wantPlaces(inINBOX, inProjects)
	if p := w.bridge.Progress()[0]; p.State != bridge.Following || p.Done < p.Total {
		w.t.Errorf("progress %+v", p)
	}
	all := len(w.old().Messages(inbox)) + len(w.old().Messages(projects))
	r, err := w.bridge.VerifyFully(w.t.Context(), anna.ID)
	if err != nil || r.Equal != all || r.Merged != merged || len(r.Missing)+len(r.Extra)+len(r.Altered)+len(r.Removed)+r.Moved > 0 {
		w.t.Errorf("verify: %+v, %v; want %d equal, %d of them merged", r, err, all, merged)
	}
}

func TestACloudThatMergesEqualMessages(t *testing.T) {
	eachPlacing(t, func(t *testing.T, options memstore.Options) {
		w, _ := merging(t, options)
		puts := w.puts()
		w.wantMerged(2, 0, 2)
		w.wantMerged(2, 0, 2)
		if n := puts.Load(); n != 4 {
			t.Errorf("%d puts, want one for each message", n)
		}
		w.old().Deliver(inbox, memstore.Message{Raw: mail("equal", "hello"), Date: time.Now().Truncate(time.Second)}) // long after: the first copy lies before the tail
		w.wantMerged(2, 0, 3)
	})
}

// Equal messages that the cloud takes only after a repair share the repaired copy.
func TestACloudThatMergesRepairedMessages(t *testing.T) {
	eachPlacing(t, func(t *testing.T, options memstore.Options) {
		options.Refuse, options.Merge = refusing(hatesZeros).Refuse, true
		w := newWorld(t, memstore.Options{}, options)
		w.old().AddFolder(cutover.Folder{Path: projects, Kind: cutover.Mail})
		for range 3 {
			w.old().Deliver(inbox, memstore.Message{Raw: mail("equal\x00", "z\x00ro"), Date: time.Now().Truncate(time.Second)})
		}
		w.old().Deliver(inbox, memstore.Message{Raw: mail("other", "hello"), Date: time.Now().Truncate(time.Second)})
		w.wantMerged(2, 0, 2)
	})
}

// A reply is lost: the copy that is there is another item's, and the message is put again, and merged.
func TestALostReplyOfACloudThatMerges(t *testing.T) {
	for lost := range 4 {
		eachPlacing(t, func(t *testing.T, options memstore.Options) {
			w, _ := merging(t, options)
			replies := 0
			w.new().SetFault(func(op string, _ int) error {
				if op == memstore.OpReply {
					if replies++; replies == lost+1 {
						return bridge.ErrConnection
					}
				}
				return nil
			})
			w.wantMerged(2, 0, 2)
		})
	}
}

// The copy stays where it is as long as one of the items that share it does, and goes with the last one.
func TestMovesOfWhatTheCloudMerged(t *testing.T) {
	eachPlacing(t, func(t *testing.T, options memstore.Options) {
		w, equal := merging(t, options)
		w.wantMerged(2, 0, 2)
		w.old().Move(inbox, equal[0], projects)
		w.wantMerged(2, 1, 1)
		w.old().Move(inbox, equal[1], projects)
		w.wantMerged(2, 1, 1)
		w.old().Move(inbox, equal[2], projects)
		w.wantMerged(1, 1, 2)
	})
}

// What the user removed in the cloud is that for all who shared it.
func TestVerifyNamesWhatWasMergedAndRemoved(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w, _ := merging(t, memstore.Options{})
		w.wantMerged(2, 0, 2)
		w.new().Remove(inbox, held(t, w.new(), inbox, "equal").Ref)
		w.start()
		defer w.stop()
		time.Sleep(10 * time.Minute)
		r, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || len(r.Removed) != 3 || len(r.Missing)+len(r.Extra) > 0 {
			t.Errorf("verify: %+v, %v; want three removed", r, err)
		}
	})
}

// Two folders of the old side lead to one in the cloud, which keeps one of the equal messages in them: it stays there when one of the two is moved.
func TestAMoveOfWhatTheCloudMergedFromTwoFolders(t *testing.T) {
	for _, moved := range []string{"Projects", "PROJECTS"} {
		t.Run(moved, func(t *testing.T) {
			eachPlacing(t, func(t *testing.T, options memstore.Options) {
				options.Merge, options.FoldNames = true, true
				w := newWorld(t, memstore.Options{}, options)
				refs, date := map[string]cutover.Ref{}, time.Now().Truncate(time.Second)
				for _, name := range []string{"Projects", "PROJECTS"} {
					w.old().AddFolder(cutover.Folder{Path: cutover.FolderPath{name}, Kind: cutover.Mail})
					refs[name] = w.old().Deliver(cutover.FolderPath{name}, memstore.Message{Raw: mail("equal", "hello"), Date: date})
				}
				w.run(10 * time.Minute)
				w.old().Move(cutover.FolderPath{moved}, refs[moved], inbox)
				w.run(10 * time.Minute)
				w.wantPlaces(1, 1)
			})
		})
	}
}

// A message in the Trash and an equal one that is marked as deleted share a copy in the cloud's Trash: it stays there for the second one when the first is marked too, and moved.
func TestAMoveOfWhatTheCloudMergedInTheTrash(t *testing.T) {
	eachPlacing(t, func(t *testing.T, options memstore.Options) {
		options.Merge = true
		w := newWorld(t, memstore.Options{}, options)
		w.discard = true
		for _, path := range []cutover.FolderPath{trash, projects} {
			w.old().AddFolder(cutover.Folder{Path: path, Kind: cutover.Mail})
		}
		equal := memstore.Message{Raw: mail("equal", "hello"), Date: time.Now().Truncate(time.Second)}
		ref := w.old().Deliver(trash, equal)
		w.run(10 * time.Minute)
		equal.Flags = cutover.NewFlags(`\Deleted`)
		w.old().Deliver(inbox, equal)
		w.run(10 * time.Minute)
		w.old().SetFlags(trash, ref, `\Deleted`)
		w.old().Move(trash, ref, projects)
		w.run(10 * time.Minute)
		w.wantPlaces(0, 0)
		held(t, w.new(), trash, "equal")
	})
}

// The cloud moves a copy to where an equal one lies, and merges the two; its reply is lost.
func TestALostReplyToAMoveOfACloudThatMerges(t *testing.T) {
	eachPlacing(t, func(t *testing.T, options memstore.Options) {
		w, equal := merging(t, options)
		w.old().Deliver(projects, held(t, w.old(), inbox, "equal"))
		w.old().Remove(inbox, equal[0])
		w.old().Remove(inbox, equal[1])
		w.run(10 * time.Minute)
		w.glass = func(of bridge.Store) bridge.Store { return &losesMoves{of, of.(bridge.Mover)} }
		w.old().Move(inbox, equal[2], projects)
		w.run(time.Minute)
		w.glass = nil
		w.wantMerged(1, 1, 1)
	})
}

// losesMoves is a store that moves, and whose connection breaks before it says so.
type losesMoves struct {
	bridge.Store
	mover bridge.Mover
}

func (l *losesMoves) Move(ctx context.Context, from cutover.Folder, refs []cutover.Ref, to cutover.Folder) (map[cutover.Ref]ledger.Place, error) {
	_, err := l.mover.Move(ctx, from, refs, to)
	return nil, errors.Join(bridge.ErrConnection, err)
}
