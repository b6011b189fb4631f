package bridge_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

var trash = cutover.FolderPath{"Trash"}

// binning is a world in which what is marked as deleted goes into the cloud's Trash: one message is, another is not.
func binning(t *testing.T, cloud memstore.Options) *world {
	t.Helper()
	w := newWorld(t, memstore.Options{}, cloud)
	w.discard = true
	w.new().AddFolder(cutover.Folder{Path: trash, Kind: cutover.Mail, Role: cutover.Trash})
	date := time.Now().Truncate(time.Second)
	w.old().Deliver(inbox, memstore.Message{Raw: mail("marked", "hello"), Date: date, Flags: cutover.NewFlags(`\Deleted`, `\Seen`)})
	w.old().Deliver(inbox, memstore.Message{Raw: mail("kept", "hello"), Date: date})
	w.run(time.Minute)
	return w
}

// wantBin demands the numbers of copies in INBOX and in Trash, and that verify finds all of them.
func (w *world) wantBin(inINBOX, inTrash int) {
	w.t.Helper()
	if a, b := len(w.new().Messages(inbox)), len(w.new().Messages(trash)); a != inINBOX || b != inTrash {
		w.t.Errorf("%d copies in INBOX and %d in Trash, want %d and %d", a, b, inINBOX, inTrash)
	}
	w.start()
	defer w.stop()
	time.Sleep(time.Minute)
	r, err := w.bridge.Verify(w.t.Context(), anna.ID)
	if err != nil || r.Equal != inINBOX+inTrash || r.Moved+len(r.Missing)+len(r.Extra)+len(r.Removed) != 0 {
		w.t.Errorf("verify: %+v, %v", r, err)
	}
	if p := w.bridge.Progress()[0]; p.Done != p.Total {
		w.t.Errorf("%d of %d are done", p.Done, p.Total)
	}
}

func TestWhatIsMarkedAsDeletedGoesToTheTrash(t *testing.T) {
	for name, options := range map[string]memstore.Options{"places are told": {}, "places are not told": {NoPlaces: true}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := binning(t, options)
				w.wantBin(1, 1)
				wantFlags(t, w.new(), trash, "marked", `\Seen`)
				flag(t, w.old(), "kept", `\Deleted`) // it was copied before
				w.wantBin(1, 1)
				flag(t, w.old(), "marked", `\Seen`, `\Flagged`)
				w.run(10 * time.Minute)
				w.wantBin(2, 0)
				wantFlags(t, w.new(), inbox, "marked", `\Seen`, `\Flagged`)
				flag(t, w.old(), "marked", `\Deleted`)
				w.run(10 * time.Minute)
				w.wantBin(2, 0)
			})
		})
	}
}

// The mark is taken away when the copy is no longer in the Trash: a purged one is put, one that its owner took out stays where it is.
func TestTheTrashIsEmptiedMeanwhile(t *testing.T) {
	for name, purge := range map[string]bool{"purged": true, "taken out": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := binning(t, memstore.Options{})
				ref := held(t, w.new(), trash, "marked").Ref
				w.new().AddFolder(cutover.Folder{Path: archive, Kind: cutover.Mail})
				if purge {
					w.new().Remove(trash, ref)
				} else {
					w.new().Move(trash, ref, archive)
				}
				flag(t, w.old(), "marked")
				w.run(10 * time.Minute)
				if a, b := len(w.new().Messages(inbox)), len(w.new().Messages(archive)); a+b != 2 || purge == (b == 1) {
					t.Errorf("%d copies in INBOX, %d where the owner put it", a, b)
				}
			})
		})
	}
}

// Marks come and go at random while everything fails: each message is in the cloud once.
func TestMarksAtRandom(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 7}, memstore.Options{Batch: 7, NoPlaces: seed%4 == 3})
				w.discard = true
				w.new().AddFolder(cutover.Folder{Path: trash, Kind: cutover.Mail, Role: cutover.Trash})
				if seed%2 == 0 {
					w.lens = func(s bridge.Store) bridge.Store { return bareFlags{s} }
				}
				u := &user{box: w.old(), random: rand.New(rand.NewPCG(seed, 7)), mu: &sync.Mutex{}, failing: true}
				const all = 30
				for n := range all {
					w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(n), "hello"), Date: time.Now().Truncate(time.Second), Flags: u.mark()})
				}
				for range 4 {
					w.old().SetFault(u.fault)
					w.new().SetFault(u.fault)
					w.start()
					for range 15 {
						time.Sleep(time.Duration(u.pick(3000)) * time.Millisecond)
						box := w.old().Messages(inbox)
						w.old().SetFlags(inbox, box[u.pick(len(box))].Ref, u.mark()...)
					}
					w.stop()
				}
				w.calm()
				for _, m := range w.old().Messages(inbox) {
					w.old().SetFlags(inbox, m.Ref)
				}
				w.calm()
				w.wantEqual(inbox)
				if n := len(w.new().Messages(trash)); n != 0 {
					t.Errorf("%d copies are left in the Trash", n)
				}
			})
		})
	}
}

func (u *user) mark() cutover.Flags {
	if u.pick(2) == 0 {
		return cutover.NewFlags(`\Deleted`)
	}
	return nil
}

// What is marked as deleted stays in the Trash, once, whatever becomes of it on the old side while it is marked.
func TestTheTrashKeepsWhatIsMarked(t *testing.T) {
	for name, c := range map[string]struct {
		act    func(w *world, ref cutover.Ref)
		copies int
	}{
		"new references": {func(w *world, _ cutover.Ref) { w.old().Renew(inbox) }, 1},
		"moved":          {func(w *world, ref cutover.Ref) { w.old().Move(inbox, ref, archive) }, 1},
		"copied":         {func(w *world, _ cutover.Ref) { w.old().Deliver(archive, held(w.t, w.old(), inbox, "marked")) }, 2},
		"moved, and its folder renamed": {func(w *world, ref cutover.Ref) {
			w.old().Move(inbox, ref, archive)
			time.Sleep(5 * time.Minute)
			w.old().RenameFolder(archive, cutover.FolderPath{"Renamed"})
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := binning(t, memstore.Options{})
				w.old().AddFolder(cutover.Folder{Path: archive, Kind: cutover.Mail})
				w.start()
				time.Sleep(5 * time.Minute)
				c.act(w, held(t, w.old(), inbox, "marked").Ref)
				time.Sleep(10 * time.Minute)
				w.stop()
				w.wantBin(1, c.copies)
			})
		})
	}
}

// Two equal messages come into one folder, where they are met together: one that was moved there while it was marked, and one that is new. Each has a copy of its own.
func TestTwoEqualMarkedMessagesMetTogether(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := binning(t, memstore.Options{})
		w.old().AddFolder(cutover.Folder{Path: archive, Kind: cutover.Mail})
		twin := held(t, w.old(), inbox, "marked")
		w.old().Move(inbox, twin.Ref, archive)
		w.old().Deliver(archive, twin)
		twin.Flags = nil
		w.old().Deliver(archive, twin)
		w.run(10 * time.Minute)
		if a, b := len(w.new().Messages(archive)), len(w.new().Messages(trash)); a != 1 || b != 2 {
			t.Errorf("%d copies in Archive and %d in Trash, want the one that is not marked, and the other two", a, b)
		}
	})
}

// The mark is taken away, and set again just when we look where the copy is: there is one copy all the same.
func TestAMarkThatComesBackAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := binning(t, memstore.Options{})
		flag(t, w.old(), "marked", `\Seen`)
		again := false
		w.old().SetFault(func(op string, _ int) error {
			if op == memstore.OpFlags && !again {
				again = true
				flag(t, w.old(), "marked", `\Seen`, `\Deleted`)
			}
			return nil
		})
		w.run(10 * time.Minute)
		w.wantBin(2, 0)
		if !again {
			t.Error("nobody asked for the flags")
		}
	})
}

// A backup of the old side is restored carelessly, and a reference that a message had which was marked as deleted is given to another such message: that one lies in the cloud's Trash, too.
func TestAReferenceOfAMarkedMessageIsGivenAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.discard = true
		for _, name := range []string{"first", "second"} {
			w.old().Deliver(inbox, memstore.Message{Raw: mail(name, "hello"), Date: time.Now(), Flags: cutover.NewFlags(`\Deleted`)})
			w.run(10 * time.Minute)
			held(t, w.new(), trash, name)
			w.old().Rollback(inbox, 0)
		}
	})
}
