package bridge_test

import (
	"errors"
	flags "flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
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
	"posthouse/ledger"
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

func (l *life) receive() {
	l.tags++
	tag := fmt.Sprintf("tag-%d.", l.tags)
	id := tag
	if l.pick(6) == 0 && mayBeDoubled(tag) && (*wild || !l.upset()) {
		id = fmt.Sprint("shared ", l.pick(3))
	}
	body := tag
	switch l.pick(8) {
	case 0:
		body += " z\x00ro"
	case 1:
		if l.pick(3) == 0 {
			body += " hopeless"
		}
	}
	to := l.folders[l.pick(len(l.folders))]
	l.ever[tag]++
	l.note("%s comes into %s (%q)", tag, to, body)
	l.old().Deliver(to, memstore.Message{Raw: l.letter(tag, id, body), Flags: l.flags(), Date: l.date()})
}

func (l *life) flags() cutover.Flags {
	return cutover.NewFlags([][]string{{`\Seen`}, {`\Seen`, `\Answered`}, {`\Flagged`, "key"}, nil, {`\Deleted`, `\Seen`}}[l.pick(5)]...)
}

// mayBeDoubled tells which messages only the old side's user touches, and may copy.
func mayBeDoubled(tag string) bool {
	return !strings.HasSuffix(tag, "0.") && !strings.HasSuffix(tag, "5.")
}

var tagged = regexp.MustCompile(`tag-\d+\.`)

func tagOf(m memstore.Message) string {
	return tagged.FindString(string(m.Raw))
}

// act is one deed on the old side, or in the cloud.
func (l *life) act() {
	from, to := l.folders[l.pick(len(l.folders))], l.folders[l.pick(len(l.folders))]
	all := l.old().Messages(from)
	if len(all) == 0 {
		return
	}
	m := all[l.pick(len(all))]
	tag := tagOf(m)
	switch l.pick(l.deeds()) {
	case 0, 1:
		l.receive()
	case 2, 3, 4, 5:
		if !slices.Equal(from, to) {
			l.note("%s is moved from %s %s to %s", tag, from, m.Ref, to)
			l.old().Move(from, m.Ref, to)
		}
	case 6, 7:
		if mayBeDoubled(tag) && (*wild || !l.upset()) {
			l.ever[tag]++
			l.note("%s is copied from %s %s to %s", tag, from, m.Ref, to)
			l.old().Deliver(to, memstore.Message{Raw: m.Raw, Flags: m.Flags, Date: m.Date})
			if l.pick(2) == 0 && !m.Flags.Has(`\Deleted`) {
				l.note("%s in %s %s is marked: it was filed", tag, from, m.Ref)
				l.old().SetFlags(from, m.Ref, append(slices.Clone(m.Flags), `\Deleted`)...)
			}
		}
	case 8, 9:
		if l.pick(3) > 0 {
			from, m = l.again(from, m)
			tag = tagOf(m)
		}
		flags := l.flags()
		l.marked = tag
		l.note("%s in %s %s is flagged %v", tag, from, m.Ref, flags)
		l.old().SetFlags(from, m.Ref, flags...)
	case 10:
		if !m.Flags.Has(`\Deleted`) {
			l.note("%s in %s %s is marked", tag, from, m.Ref)
			l.old().SetFlags(from, m.Ref, append(slices.Clone(m.Flags), `\Deleted`)...)
		} else {
			l.note("%s in %s %s is expunged", tag, from, m.Ref)
			l.old().Remove(from, m.Ref)
		}
	case 11:
		l.rename(from)
	case 16:
		l.harm(from)
	case 12:
		if l.pick(3) == 0 && (*wild || l.upset()) {
			l.note("%s gets new references on the old side", from)
			l.old().Renew(from)
		}
	case 13:
		if l.pick(3) == 0 && (*wild || l.upset()) && l.exists(from) {
			l.note("%s gets new references in the cloud", from)
			l.new().Renew(from)
		}
	default:
		l.actInCloud()
	}
}

// again is the message that was flagged last, wherever it is now, or else the given one.
func (l *life) again(from cutover.FolderPath, m memstore.Message) (cutover.FolderPath, memstore.Message) {
	for _, path := range l.folders {
		for _, one := range l.old().Messages(path) {
			if tagOf(one) == l.marked {
				return path, one
			}
		}
	}
	return from, m
}

// fixed tells which folders nobody renames.
func (l *life) fixed(from cutover.FolderPath) bool {
	return slices.ContainsFunc([]cutover.FolderPath{inbox, archive, trash, {"Sent"}}, func(p cutover.FolderPath) bool { return slices.Equal(p, from) })
}

func (l *life) rename(from cutover.FolderPath) {
	if l.fixed(from) {
		return
	}
	l.renames++
	to := cutover.FolderPath{fmt.Sprint("renamed ", l.renames)}
	l.note("%s is renamed to %s", from, to)
	l.old().RenameFolder(from, to)
	i := slices.IndexFunc(l.folders, func(p cutover.FolderPath) bool { return slices.Equal(p, from) })
	l.folders[i] = to
	if l.pick(2) == 0 {
		l.note("%s is made anew", from)
		l.old().AddFolder(cutover.Folder{Path: from, Kind: cutover.Mail})
		l.folders = append(l.folders, from)
	}
}

func (l *life) exists(path cutover.FolderPath) bool {
	return slices.ContainsFunc(l.cloudFolders(), func(p cutover.FolderPath) bool { return slices.Equal(p, path) })
}

func (l *life) cloudFolders() (paths []cutover.FolderPath) {
	l.new().SetFault(nil)
	if l.failing {
		defer l.new().SetFault(l.step)
	}
	s := l.cloud.Open(string(anna.ID))
	defer s.Close()
	folders, err := s.Folders(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, f := range folders {
		paths = append(paths, f.Path)
	}
	return paths
}

// actInCloud is one deed of the cloud's user, on a message that he knows.
func (l *life) actInCloud() {
	paths := l.cloudFolders()
	from := paths[l.pick(len(paths))]
	for _, m := range l.new().Messages(from) {
		tag := tagOf(m)
		if mayBeDoubled(tag) || l.pick(3) > 0 || l.failing && !l.settledAt(tag) {
			continue
		}
		l.touched[tag] = true
		switch {
		case l.pick(3) == 0:
			l.note("cloud: %s is removed from %s", tag, from)
			if l.purged[tag] = true; !l.discard || !slices.Equal(from, trash) {
				l.removed[tag]++
			}
			l.new().Remove(from, m.Ref)
		case !slices.Equal(from, aside):
			l.note("cloud: %s is moved aside from %s", tag, from)
			l.new().Move(from, m.Ref, aside)
		}
		return
	}
}

// settledAt reports whether the ledger is sure of a message's copy.
func (l *life) settledAt(tag string) bool {
	settled := true
	pairs, err := l.ledger.Pairs(l.t.Context(), anna.ID)
	if err != nil {
		return false
	}
	for _, p := range pairs {
		err := l.ledger.All(l.t.Context(), p.ID, func(row ledger.Item) bool {
			if row.Disposition == cutover.Intended {
				settled = false
			}
			return settled
		})
		if err != nil {
			return false
		}
	}
	return settled
}

// unmark takes all marks away.
func (l *life) unmark() {
	for _, path := range l.folders {
		for _, m := range l.old().Messages(path) {
			if m.Flags.Has(`\Deleted`) {
				l.note("%s in %s %s is unmarked", tagOf(m), path, m.Ref)
				l.old().SetFlags(path, m.Ref, `\Seen`)
			}
		}
	}
}

func (l *life) check(when string) {
	l.t.Helper()
	failed := l.t.Failed()
	unmarked, there := map[string]int{}, map[string]int{}
	pool := map[string]int{}
	for _, path := range l.cloudFolders() {
		for _, m := range l.new().Messages(path) {
			there[tagOf(m)]++
			pool[l.one(path, m)]++
		}
	}
	for _, path := range l.folders {
		for _, m := range l.old().Messages(path) {
			tag := tagOf(m)
			if m.Flags.Has(`\Deleted`) || strings.Contains(string(m.Raw), "hopeless") {
				continue
			}
			unmarked[tag]++
			if l.touched[tag] {
				continue
			}
			if l.cloudIs.Merge && l.ever[tag] > 1 {
				if !l.liesIn(path, tag) {
					l.t.Errorf("%s: the cloud lacks %s in %s", when, tag, path)
				}
				continue
			}
			if pool[l.one(path, m)]--; pool[l.one(path, m)] < 0 {
				l.t.Errorf("%s: the cloud lacks %s", when, l.one(path, m))
			}
		}
	}
	for tag, ever := range l.ever {
		if n := there[tag]; n < unmarked[tag] && !l.touched[tag] && !l.cloudIs.Merge || n > ever || n > ever-l.removed[tag] && !l.discard {
			l.t.Errorf("%s: %s is in the cloud %d times, on the old side %d times, was there %d times, and the cloud's user removed %d", when, tag, n, unmarked[tag], ever, l.removed[tag])
		}
		if n := there[tag]; l.touched[tag] && n == 0 && !l.purged[tag] && unmarked[tag] > 0 {
			l.t.Errorf("%s: %s is nowhere", when, tag)
		}
	}
	l.start()
	time.Sleep(10 * time.Second)
	r, err := l.bridge.VerifyFully(l.t.Context(), anna.ID)
	p := l.bridge.Progress()[0]
	l.stop()
	if err != nil || len(r.Extra)+len(r.Altered) > 0 {
		l.t.Errorf("%s: verify: %+v, %v", when, r, err)
	}
	for _, f := range r.Missing {
		if !strings.Contains(f.Why, "saved as") {
			l.t.Errorf("%s: verify: missing %+v", when, f)
		}
	}
	for _, f := range r.Removed {
		if tag := l.tagAt(f); !l.touched[tag] && tag != "" {
			l.t.Errorf("%s: verify: removed %+v", when, f)
		}
	}
	if p.State != bridge.Following || p.Done < p.Total {
		l.t.Errorf("%s: progress %+v", when, p)
	}
	if l.t.Failed() && !failed {
		for _, line := range l.log {
			l.t.Log(line)
		}
		l.rows()
		l.t.FailNow()
	}
}

// tagAt is the tag of the message that verify names.
func (l *life) tagAt(f bridge.Finding) string {
	for _, path := range l.folders {
		if path.String() != f.Folder {
			continue
		}
		for _, m := range l.old().Messages(path) {
			if m.Ref == f.Ref {
				return tagOf(m)
			}
		}
	}
	return "?"
}

func (l *life) liesIn(path cutover.FolderPath, tag string) bool {
	return slices.ContainsFunc(l.new().Messages(path), func(m memstore.Message) bool { return tagOf(m) == tag })
}

func (l *life) rows() {
	l.open()
	defer l.ledger.Close()
	pairs, _ := l.ledger.Pairs(l.t.Context(), anna.ID)
	for _, p := range pairs {
		l.ledger.All(l.t.Context(), p.ID, func(row ledger.Item) bool {
			l.t.Logf("row %d %q>%q %x %s/%s %v -> %s/%s %v %q", row.ID, p.Legacy, p.Cloud, row.Identity.Match(), row.Legacy.Validity, row.Legacy.Ref, row.Flags, row.Disposition, row.Cloud, row.CloudFlags, row.Note)
			return true
		})
	}
	for _, path := range l.cloudFolders() {
		for _, m := range l.new().Messages(path) {
			l.t.Logf("cloud %s %s", m.Ref, l.one(path, m))
		}
	}
}

// one names a message with all that its copy has of it.
func (l *life) one(path cutover.FolderPath, m memstore.Message) string {
	flags := slices.DeleteFunc(slices.Clone(m.Flags), func(f string) bool { return f == `\Deleted` || l.cloudIs.NoKeywords && !strings.HasPrefix(f, `\`) })
	return fmt.Sprintf("%s: %s %v %s", path, tagOf(m), flags, m.Date.UTC().Format("15:04:05"))
}
