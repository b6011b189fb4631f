package bridge_test

import (
	"errors"
	flags "flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/bridge/storetest"
	"posthouse/cutover"
)

var (
	firstWorld = flags.Uint64("world", 0, "the first world of TestEverythingAtOnce, and of TestEverythingAtOnceBetweenOddServers")
	worlds     = flags.Uint64("worlds", 6, "how many worlds of each there are")
	wild       = flags.Bool("wild", false, "references end in worlds where messages are copied, too: which of several equal ones is which can then be told for most only")
)

// TestEverythingAtOnce lets everything happen that may happen to a mailbox, in random order: on the old side messages come, are moved, copied, flagged, marked as deleted and no longer, expunged, folders
// are renamed and get new references; in the cloud some messages are refused, others only as they are, the user moves and removes some, folders get new references; replies are lost, steps of the
// stores and of the ledger fail, and the process dies between any two of them. In the end what is on the old side, and not marked, is in the cloud: once, in its folder, with its flags.
func TestEverythingAtOnce(t *testing.T) {
	everythingAtOnce(t, false)
}

func everythingAtOnce(t *testing.T, odd bool) {
	for seed := *firstWorld; seed < *firstWorld+*worlds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				l := newLife(t, seed, odd)
				for range 4 {
					l.live()
					l.calm()
					l.check("while it goes on")
				}
				l.unmark()
				l.calm()
				l.check("without marks")
			})
		})
	}
}

// life is a world in which everything happens.
type life struct {
	*world
	user
	seed    uint64
	folders []cutover.FolderPath
	tags    int
	ever    map[string]int  // how many of a tag there were on the old side
	removed map[string]int  // by the cloud's user
	touched map[string]bool // by the cloud's user
	purged  map[string]bool // by the cloud's user, from wherever
	dead    atomic.Bool
	renames int
	marked  string // the message that was flagged last: people take back what they did
	log     []string
	oddities
}

// aside is where the cloud's user puts messages.
var aside = cutover.FolderPath{"Only in the cloud"}

func newLife(t *testing.T, seed uint64, odd bool) *life {
	l := &life{seed: seed, ever: map[string]int{}, removed: map[string]int{}, touched: map[string]bool{}, purged: map[string]bool{}}
	l.legacyIs = memstore.Options{Batch: 5, NoHints: seed%4 == 1}
	l.cloudIs = memstore.Options{Batch: 5, NoPlaces: seed%5 == 3, OutOfOrder: seed%3 == 1, NoKeywords: seed%7 == 2, Refuse: func(raw []byte) error {
		if strings.Contains(string(raw), "hopeless") {
			return errors.New("NO")
		}
		return hatesZeros(raw)
	}}
	if odd {
		l.drawOddities(seed)
		t.Logf("the old server %+v, the cloud %+v, otherwise %+v", l.legacyIs, l.cloudIs, l.oddities)
	}
	l.world = newWorld(t, l.legacyIs, l.cloudIs)
	l.user = user{random: rand.New(rand.NewPCG(seed, 11)), mu: &sync.Mutex{}}
	l.discard = seed%2 == 1
	l.box = l.old()
	l.book = func(of bridge.Ledger) bridge.Ledger { return &storetest.Writes{Ledger: of, Through: l.write} }
	for path, role := range map[string]cutover.FolderRole{"Archive": cutover.Archive, "Projects": cutover.NoRole, "Trash": cutover.Trash, "Sent": cutover.Sent} {
		l.old().AddFolder(cutover.Folder{Path: cutover.FolderPath{path}, Kind: cutover.Mail, Role: role})
	}
	l.folders = []cutover.FolderPath{inbox, archive, projects, trash, {"Sent"}}
	l.new().AddFolder(cutover.Folder{Path: trash, Kind: cutover.Mail, Role: cutover.Trash})
	l.new().AddFolder(cutover.Folder{Path: aside, Kind: cutover.Mail})
	l.crowd()
	for range 25 {
		l.receive()
	}
	return l
}

func (l *life) note(format string, args ...any) {
	l.log = append(l.log, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// upset worlds are those where references end.
func (l *life) upset() bool { return l.seed%3 == 0 }

// step is asked before each step of a store.
func (l *life) step(op string, _ int) error {
	switch n := l.pick(1200); {
	case l.dead.Load():
		return fmt.Errorf("dead: %w", bridge.ErrConnection)
	case l.faultless:
	case n == 0:
		l.dead.Store(true)
		return fmt.Errorf("dead: %w", bridge.ErrConnection)
	case n < 20:
		return fmt.Errorf("cut: %w", bridge.ErrConnection)
	case n < 60 && op == memstore.OpReply:
		return bridge.ErrUnknown
	case n < 40 && op == memstore.OpPut:
		return bridge.ErrBusy
	case n < 400 && (op == memstore.OpFlags || op == memstore.OpFlagged) && l.seed%4 == 0: // so that flags wait, and change meanwhile
		return fmt.Errorf("cut: %w", bridge.ErrConnection)
	}
	return nil
}

var errLedger = errors.New("the disk is full")

// write is one into a ledger that fails now and then, and for ever once the process is dead.
func (l *life) write(do func() error) error {
	n := 100
	if l.failing {
		n = l.pick(100)
	}
	switch {
	case l.dead.Load() || n < 2 && !l.faultless:
		return errLedger
	case l.faultless:
	case n == 2:
		l.dead.Store(true)
		return errLedger
	case n == 3:
		err := do()
		l.dead.Store(true)
		return errors.Join(err, errLedger)
	}
	return do()
}

// live is a while in which everything happens, and the process dies and begins again.
func (l *life) live() {
	l.failing = true
	l.old().SetFault(l.step)
	l.new().SetFault(l.step)
	for range 3 {
		l.start()
		for range 12 {
			time.Sleep(time.Duration(l.pick(8000)) * time.Millisecond)
			synctest.Wait()
			l.act()
			if l.dead.Load() {
				break
			}
		}
		l.stop()
		l.note("stopped; dead: %t", l.dead.Load())
		l.dead.Store(false)
	}
	l.failing = false
}

func (l *life) calm() {
	l.world.calm()
	l.note("calm")
	if l.pick(2) == 0 {
		for range l.pick(6) {
			l.actInCloud()
		}
	}
	l.world.run(20 * time.Minute)
	l.note("calm")
}

// mayBeDoubled tells which messages only the old side's user touches, and may copy.
func mayBeDoubled(tag string) bool {
	return !strings.HasSuffix(tag, "0.") && !strings.HasSuffix(tag, "5.")
}

var tagged = regexp.MustCompile(`tag-\d+\.`)

func tagOf(m memstore.Message) string {
	return tagged.FindString(string(m.Raw))
}
