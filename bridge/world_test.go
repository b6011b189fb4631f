package bridge_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/clock/clocktest"
	"posthouse/internal/testserver/corpus"
	"posthouse/ledger/sqlite"
)

var (
	inbox  = cutover.FolderPath{"INBOX"}
	anna   = cutover.Mailbox{ID: "anna@example.com", Primary: "anna@example.com", Home: cutover.Legacy, Legacy: cutover.Account{Server: "legacy"}, Cloud: cutover.Account{Server: "cloud"}}
	routes = bridge.Rules{}
)

// world is one mailbox on two servers, a ledger, and the bridge between them, which can be ended and begun again.
type world struct {
	t             *testing.T
	legacy, cloud *memstore.Server
	state         string
	ledger        *sqlite.Ledger
	bridge        *bridge.Bridge
	seen          []evidence.Observation
	discard       bool // what is marked as deleted goes to the cloud's Trash
	// lens, if set, is what the bridge sees the legacy mailbox through.
	lens func(bridge.Store) bridge.Store
	// glass is the same for the cloud mailbox.
	glass func(bridge.Store) bridge.Store
	eye   func(bridge.Store) bridge.Store // what the legacy mailbox is watched through
	// book, if set, is what the bridge sees the ledger through.
	book  func(bridge.Ledger) bridge.Ledger
	clock *clocktest.Clock
	// mailboxes are those that are copied; anna's if there is none.
	mailboxes []cutover.Mailbox
	// rules are those of a mailbox; if nil, routes.
	rules func(cutover.MailboxID) bridge.Rules
}

func newWorld(t *testing.T, legacy, cloud memstore.Options) *world {
	return &world{t: t, legacy: memstore.NewServer(legacy), cloud: memstore.NewServer(cloud), state: t.TempDir(), clock: clocktest.New()}
}

func (w *world) start() {
	w.t.Helper()
	w.open()
	w.bridge.Start()
}

// open makes ledger and bridge, which does nothing yet.
func (w *world) open() {
	w.t.Helper()
	l, err := sqlite.Open(w.t.Context(), w.state, sqlite.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := l.TraceKey(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	w.ledger = l
	book := bridge.Ledger(l)
	if w.book != nil {
		book = w.book(l)
	}
	w.bridge = bridge.New(bridge.Config{
		Ledger: book, TraceKey: key, Clock: w.clock, Log: log, Parallel: 2,
		Poll: time.Minute, Pause: time.Second, Settle: 10 * time.Second, Saved: w.state + "/refused", Rules: w.rulesFor,
		Open: func(m cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
			if side == cutover.Legacy && w.lens != nil {
				return w.lens(w.legacy.Open(login(m))), nil
			}
			if side == cutover.Legacy {
				return w.legacy.Open(login(m)), nil
			}
			if w.glass != nil {
				return w.glass(w.cloud.Open(string(m.ID))), nil
			}
			return w.cloud.Open(string(m.ID)), nil
		},
		Watch: func(m cutover.Mailbox, _ bool) (bridge.Store, error) {
			if w.eye != nil {
				return w.eye(w.legacy.Open(login(m))), nil
			}
			return w.legacy.Open(login(m)), nil
		},
	}, w.copied())
}

// login is whose legacy mailbox is seen.
func login(m cutover.Mailbox) string { return cmp.Or(m.Legacy.Login, string(m.ID)) }

func (w *world) copied() []cutover.Mailbox {
	if w.mailboxes == nil {
		return []cutover.Mailbox{anna}
	}
	return w.mailboxes
}

func (w *world) rulesFor(m cutover.MailboxID) bridge.Rules {
	if w.rules != nil {
		return w.rules(m)
	}
	r := routes
	r.Mailbox, r.Discard = m, w.discard
	return r
}

// stop ends the bridge and the ledger as an orderly end does.
func (w *world) stop() {
	w.t.Helper()
	if err := w.bridge.Stop(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	w.seen = nil
	err := w.ledger.Observations(context.Background(), time.Time{}, func(o evidence.Observation) bool { w.seen = append(w.seen, o); return true })
	if err := errors.Join(err, w.ledger.Close()); err != nil {
		w.t.Fatal(err)
	}
}

// run lets the bridge work for a while of fake time.
func (w *world) run(span time.Duration) {
	w.t.Helper()
	w.start()
	time.Sleep(span)
	synctest.Wait()
	w.stop()
}

func (w *world) old() *memstore.Mailbox { return w.legacy.Mailbox(string(anna.ID)) }
func (w *world) new() *memstore.Mailbox { return w.cloud.Mailbox(string(anna.ID)) }

// copies is the multiset of what a folder holds: bytes, flags and date of each message.
func copies(b *memstore.Mailbox, path cutover.FolderPath) map[string]int {
	found := map[string]int{}
	for _, m := range b.Messages(path) {
		found[fmt.Sprintf("%x %s %d", sha256.Sum256(m.Raw), m.Flags, m.Date.Unix())]++
	}
	return found
}

func (w *world) wantEqual(paths ...cutover.FolderPath) {
	w.t.Helper()
	for _, path := range paths {
		old, now := copies(w.old(), path), copies(w.new(), path)
		if !maps.Equal(old, now) {
			w.t.Errorf("%s: %d different messages on the old side, %d on the new", path, len(old), len(now))
			for k, n := range old {
				if now[k] != n {
					w.t.Errorf("  %s: %d times on the old side, %d on the new", k, n, now[k])
				}
			}
			for k, n := range now {
				if old[k] == 0 {
					w.t.Errorf("  %s: %d times on the new side only", k, n)
				}
			}
		}
	}
}

// inBubble runs a test in fake time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// fill puts a generated mailbox into the legacy one and returns its folders.
func (w *world) fill(seed uint64, n int) []cutover.FolderPath {
	g := corpus.New(seed)
	g.MaxSize = 40 << 10
	var paths []cutover.FolderPath
	for _, f := range g.Mailbox(n) {
		path := cutover.FolderPath(splitPath(f.Path))
		if f.Path != "INBOX" {
			w.old().AddFolder(cutover.Folder{Path: path, Kind: cutover.Mail, Role: roleOf(f.Use)})
		}
		for _, m := range f.Messages {
			w.old().Deliver(path, memstore.Message{Raw: m.Bytes, Flags: undeleted(m.Flags), Date: m.Internal})
		}
		paths = append(paths, path)
	}
	return paths
}

func undeleted(flags []string) cutover.Flags {
	return cutover.NewFlags(slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return f == `\Deleted` })...)
}

func splitPath(s string) []string {
	var parts []string
	for {
		i := slices.Index([]byte(s), '/')
		if i < 0 {
			return append(parts, s)
		}
		parts, s = append(parts, s[:i]), s[i+1:]
	}
}

func roleOf(use string) cutover.FolderRole {
	return map[string]cutover.FolderRole{`\Sent`: cutover.Sent, `\Drafts`: cutover.Drafts, `\Junk`: cutover.Junk, `\Trash`: cutover.Trash, `\Archive`: cutover.Archive}[use]
}

func mail(id, body string) []byte {
	return []byte("Message-ID: <" + id + ">\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: carl@other.example\r\nTo: anna@example.com\r\nSubject: " + id + "\r\n\r\n" + body + "\r\n")
}

// loseReply makes the cloud keep what is put next without saying so: the put ends with err, a connection's or an item's. What is to happen then does, and the result tells whether it came to it.
func (w *world) loseReply(err error, then ...func()) (lost func() bool) {
	var once atomic.Bool
	w.new().SetFault(func(op string, _ int) error {
		if op != memstore.OpReply || once.Swap(true) {
			return nil
		}
		for _, do := range then {
			do()
		}
		return err
	})
	return once.Load
}
