package bridge_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

// What the ledger tells may be older than what was done: its backup was put back, or it was lost and begun anew. Everything is matched again by identity.

// backUp copies the state folder, and returns what puts the copy in its place.
func (w *world) backUp() (putBack func()) {
	w.t.Helper()
	saved := w.t.TempDir() + "/state"
	if err := os.CopyFS(saved, os.DirFS(w.state)); err != nil {
		w.t.Fatal(err)
	}
	return func() { w.state = saved }
}

// lose begins a new ledger.
func (w *world) lose() { w.state = w.t.TempDir() }

// user does on the old side what its owner and other senders do.
type user struct {
	box    *memstore.Mailbox
	paths  []cutover.FolderPath
	random *rand.Rand
	mu     *sync.Mutex
	sent   int
	// failing: every now and then a step of a store fails.
	failing bool
}

func (u *user) fault(string, int) error {
	if u.failing && u.pick(30) == 0 {
		return fmt.Errorf("cut: %w", bridge.ErrConnection)
	}
	return nil
}

func (u *user) pick(n int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.random.IntN(n)
}

// act moves, copies, flags or receives a message, now and then one that was received before.
func (u *user) act() {
	path := u.paths[u.pick(len(u.paths))]
	all := u.box.Messages(path)
	if len(all) == 0 {
		return
	}
	m := all[u.pick(len(all))]
	switch u.pick(5) {
	case 0:
		u.sent++
		u.box.Deliver(path, memstore.Message{Raw: mail(fmt.Sprint("later ", u.sent), "hello"), Date: time.Now().Truncate(time.Second)})
	case 1:
		u.box.Deliver(path, memstore.Message{Raw: m.Raw, Date: time.Now().Truncate(time.Second)})
	case 2:
		u.box.SetFlags(path, m.Ref, [][]string{{`\Seen`}, {`\Seen`, `\Answered`}, {`\Flagged`}, nil}[u.pick(4)]...)
	default:
		if to := u.paths[u.pick(len(u.paths))]; !slices.Equal(path, to) {
			u.box.Move(path, m.Ref, to)
		}
	}
}

// An older ledger is put back, or a new one begun, while everything fails at random: in the end every folder holds what it holds on the old side, flags included, and what happens afterwards
// follows.
func TestAnOlderLedger(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 7}, memstore.Options{Batch: 7, NoPlaces: seed%8 == 7})
				u := &user{box: w.old(), paths: w.fill(seed+300, 60), random: rand.New(rand.NewPCG(seed, 5)), mu: &sync.Mutex{}, failing: seed%2 == 1}
				w.run(time.Duration(u.pick(20)) * time.Second)
				putBack := w.backUp()
				if seed%4 >= 2 {
					putBack = w.lose
				}
				for range 2 {
					w.busy(u, 25)
					w.calm()
					w.wantEqual(u.paths...)
					putBack()
					w.busy(u, 0)
					w.calm()
					w.wantEqual(u.paths...)
				}
			})
		})
	}
}

// busy lets the user act, and everything fail, while the bridge runs and is ended in the middle of it.
func (w *world) busy(u *user, acts int) {
	w.old().SetFault(u.fault)
	w.new().SetFault(u.fault)
	w.start()
	for range acts {
		time.Sleep(time.Duration(u.pick(4000)) * time.Millisecond)
		synctest.Wait()
		u.act()
	}
	time.Sleep(time.Duration(u.pick(20)) * time.Second)
	w.stop()
}

// calm lets the bridge come to an end with everything.
func (w *world) calm() {
	w.t.Helper()
	w.old().SetFault(nil)
	w.new().SetFault(nil)
	w.run(6 * time.Minute)
}
