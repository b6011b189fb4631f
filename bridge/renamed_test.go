package bridge_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// looks is how long a worker takes to look at all folders.
const looks = 3 * time.Minute

var oldProjects = cutover.FolderPath{"Projects", "Old"}

// renamedBack is what the cloud holds of folders that had another name for a while.
const renamedBack = "map[Archive:0 Archive / Old:0 INBOX:0 Projects:3 Projects / Old:1]"

// folderChange is what somebody does to folders on the old side.
type folderChange struct {
	change func(b *memstore.Mailbox)
	want   string // what the cloud holds then
	extra  int    // of it, what the old side does not hold any more
}

// try makes the change while the bridge is running, or not.
func (c folderChange) try(t *testing.T, running bool) {
	w := newWorld(t, memstore.Options{}, memstore.Options{})
	for _, path := range []cutover.FolderPath{projects, oldProjects} {
		w.old().AddFolder(cutover.Folder{Path: path})
	}
	for n := range 3 {
		w.old().Deliver(projects, memstore.Message{Raw: mail(fmt.Sprint(n), "hello"), Date: time.Now()})
	}
	w.old().Deliver(oldProjects, memstore.Message{Raw: mail("old", "hello"), Date: time.Now()})
	w.start()
	time.Sleep(looks)
	before := fmt.Sprint(w.holds(anna.ID))
	if !running {
		w.stop()
	}
	c.change(w.old())
	if !running {
		w.start()
	}
	time.Sleep(4 * looks)
	if got := fmt.Sprint(w.holds(anna.ID)); got != c.want && (running || c.want != renamedBack || got != before) {
		t.Errorf("the cloud holds %s, want %s", got, c.want)
	}
	r, err := w.bridge.Verify(t.Context(), anna.ID)
	if p := w.bridge.Progress()[0]; err != nil || len(r.Missing)+len(r.Extra)+len(r.Removed)+r.Moved > 0 || p.State != bridge.Following || p.Done < p.Total || p.Done > p.Total+c.extra {
		t.Errorf("verify: %+v, %v; progress %+v", r, err, p)
	}
	w.stop()
}

// What becomes of the copies of a legacy folder that is renamed, deleted, or made anew while it is followed. There are three messages in Projects and one in Projects / Old; times are so that
// the worker looks meanwhile, or does not.
func TestFoldersThatChangeOnTheOldSide(t *testing.T) {
	old, archive, fresh := oldProjects, cutover.FolderPath{"Archive"}, func(n int) memstore.Message {
		return memstore.Message{Raw: mail(fmt.Sprintf("fresh-%d", n), "hello"), Date: time.Now()}
	}
	for name, c := range map[string]folderChange{
		"renamed": {func(b *memstore.Mailbox) { b.RenameFolder(projects, archive) }, "map[Archive:3 Archive / Old:1 INBOX:0 Projects:0 Projects / Old:0]", 0},
		"renamed into another": {func(b *memstore.Mailbox) {
			b.RenameFolder(old, cutover.FolderPath{"Old"})
			b.RenameFolder(projects, cutover.FolderPath{"Old", "Projects"})
		}, "map[INBOX:0 Old:1 Old / Projects:3 Projects:0 Projects / Old:0]", 0},
		"renamed, and one made anew under its name": {func(b *memstore.Mailbox) {
			b.RenameFolder(projects, archive)
			b.AddFolder(cutover.Folder{Path: projects})
			b.Deliver(projects, fresh(1))
		}, "map[Archive:3 Archive / Old:1 INBOX:0 Projects:1 Projects / Old:0]", 0},
		"renamed, and one made anew with a message of it": {func(b *memstore.Mailbox) {
			b.RenameFolder(projects, archive)
			b.AddFolder(cutover.Folder{Path: projects})
			b.Deliver(projects, b.Messages(archive)[0])
		}, "map[Archive:3 Archive / Old:1 INBOX:0 Projects:1 Projects / Old:0]", 0},
		"two that change names": {func(b *memstore.Mailbox) {
			b.RenameFolder(old, archive)
			b.RenameFolder(projects, old)
			b.RenameFolder(archive, projects)
		}, "map[INBOX:0 Projects:1 Projects / Old:3]", 0},
		"renamed and renamed back": {func(b *memstore.Mailbox) {
			b.RenameFolder(projects, archive)
			time.Sleep(looks)
			b.RenameFolder(archive, projects)
		}, renamedBack, 0},
		"deleted": {func(b *memstore.Mailbox) { b.RemoveFolder(projects) }, "map[INBOX:0 Projects:3 Projects / Old:1]", 3},
		"deleted, and made anew with others": {func(b *memstore.Mailbox) {
			b.RemoveFolder(projects)
			b.AddFolder(cutover.Folder{Path: projects})
			for n := range 5 {
				b.Deliver(projects, fresh(n))
			}
		}, "map[INBOX:0 Projects:8 Projects / Old:1]", 3},
		"deleted, and later made anew with the same": {func(b *memstore.Mailbox) {
			all := b.Messages(projects)
			b.RemoveFolder(projects)
			time.Sleep(looks)
			b.AddFolder(cutover.Folder{Path: projects})
			for _, m := range all {
				b.Deliver(projects, m)
			}
		}, "map[INBOX:0 Projects:3 Projects / Old:1]", 0},
	} {
		for _, running := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, running %t", name, running), func(t *testing.T) {
				inBubble(t, func(t *testing.T) { c.try(t, running) })
			})
		}
	}
}

// Users rename folders at random while they are copied and followed, and make new ones under the old names, everything fails at random, and the process ends and begins again: in the end every folder
// holds what it holds on the old side, and no other one holds anything.
func TestUsersRenameFoldersAtRandom(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 7}, memstore.Options{Batch: 7, NoPlaces: seed%4 == 3})
				w.fill(seed+300, 80)
				random := rand.New(rand.NewPCG(seed, 4))
				var mu sync.Mutex // both stores ask, from goroutines of their own
				draw := func(n int) int {
					mu.Lock()
					defer mu.Unlock()
					return random.IntN(n)
				}
				fault := func(string, int) error {
					if seed%2 == 1 && draw(25) == 0 {
						return fmt.Errorf("cut: %w", bridge.ErrConnection)
					}
					return nil
				}
				w.old().SetFault(fault)
				w.new().SetFault(fault)
				for round := range 5 {
					w.start()
					for n := range 3 {
						time.Sleep(time.Duration(draw(90_000)) * time.Millisecond)
						synctest.Wait()
						w.renameAny(draw, fmt.Sprintf("renamed %d-%d", round, n))
					}
					w.stop()
				}
				w.old().SetFault(nil)
				w.new().SetFault(nil)
				w.run(30 * time.Minute)
				store := w.legacy.Open(string(anna.ID))
				folders, err := store.Folders(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				there := countsOf(t, store)
				for _, f := range folders {
					w.wantEqual(f.Path)
				}
				for path, n := range w.holds(anna.ID) {
					if n != there[path] {
						t.Errorf("%s holds %d messages, want %d", path, n, there[path])
					}
				}
			})
		})
	}
}

// renameAny renames one folder without a role, and often makes a new one under its old name.
func (w *world) renameAny(draw func(int) int, to string) {
	store := w.legacy.Open(string(anna.ID))
	defer store.Close()
	w.old().SetFault(nil)
	folders, err := store.Folders(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	f := folders[draw(len(folders))]
	if f.Role != cutover.NoRole {
		return
	}
	w.old().RenameFolder(f.Path, cutover.FolderPath{to})
	if draw(2) == 0 {
		w.old().AddFolder(cutover.Folder{Path: f.Path})
		w.old().Deliver(f.Path, memstore.Message{Raw: mail(to, "hello"), Date: time.Now()})
	}
}
