package bridge_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
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
	"posthouse/ledger"
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

func TestCopiesEverythingAndFollows(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		paths := w.fill(1, 400)
		w.start()
		time.Sleep(10 * time.Second)
		w.wantEqual(paths...)
		late := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: mail("late", "hello"), Date: late})
		time.Sleep(2 * time.Second)
		w.wantEqual(paths...)
		w.old().SetFlags(inbox, w.old().Messages(inbox)[0].Ref, `\Seen`, `\Flagged`)
		time.Sleep(2 * time.Minute)
		w.wantEqual(paths...)
		w.stop()
		if len(w.seen) != 1 || w.seen[0].Channel != evidence.Arriving {
			t.Errorf("use of the old server: %+v, want the one late message", w.seen)
		}
	})
}

func TestASecondRunChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		paths := w.fill(2, 150)
		w.run(10 * time.Second)
		puts := 0
		w.new().SetFault(func(op string, _ int) error {
			if op == memstore.OpPut {
				puts++
			}
			return nil
		})
		w.run(10 * time.Minute)
		w.wantEqual(paths...)
		if puts != 0 {
			t.Errorf("second run put %d messages", puts)
		}
	})
}

func TestAdoptsWhatTheCloudHolds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		paths := w.fill(3, 150)
		for i, m := range w.old().Messages(inbox) {
			if i%2 == 0 {
				w.new().Deliver(inbox, memstore.Message{Raw: m.Raw, Flags: m.Flags, Date: m.Date})
			}
		}
		w.run(10 * time.Second)
		w.wantEqual(paths...)
	})
}

func TestTwoMailsWithOneMessageIDBothArrive(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		for _, body := range []string{"one", "two", "two", "six"} {
			w.old().Deliver(inbox, memstore.Message{Raw: mail("same", body), Date: date})
		}
		w.new().Deliver(inbox, memstore.Message{Raw: mail("same", "six"), Date: date})
		w.new().Deliver(inbox, memstore.Message{Raw: mail("probe", "puts the cloud to the test"), Date: date})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("probe", "puts the cloud to the test"), Date: date})
		w.run(10 * time.Second)
		w.wantEqual(inbox)
	})
}

func TestMarkedAsDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		marked := w.old().Deliver(inbox, memstore.Message{Raw: mail("marked", "hello"), Date: date, Flags: cutover.NewFlags(`\Deleted`)})
		kept := w.old().Deliver(inbox, memstore.Message{Raw: mail("kept", "hello"), Date: date})
		w.run(10 * time.Second)
		if n := len(w.new().Messages(inbox)); n != 1 {
			t.Fatalf("%d messages in the cloud, want only the one that is not marked", n)
		}
		w.old().SetFlags(inbox, marked, `\Seen`)
		w.old().SetFlags(inbox, kept, `\Deleted`, `\Seen`)
		w.run(10 * time.Minute)
		for _, m := range w.new().Messages(inbox) {
			if !m.Flags.Equal(cutover.NewFlags(`\Seen`)) {
				t.Errorf("flags %v in the cloud, want only \\Seen", m.Flags)
			}
		}
		if n := len(w.new().Messages(inbox)); n != 2 {
			t.Errorf("%d messages in the cloud, want both", n)
		}
	})
}

// The legacy server loses its references, or is restored from a backup: nothing is put a second time.
func TestReferencesThatEnd(t *testing.T) {
	for name, upset := range map[string]func(*memstore.Mailbox){
		"new validity":    func(b *memstore.Mailbox) { b.Renew(inbox) },
		"restored backup": func(b *memstore.Mailbox) { b.Rollback(inbox, 20) },
		"restored backup, and mail since": func(b *memstore.Mailbox) {
			b.Rollback(inbox, 20)
			for i := range 15 {
				b.Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(100+i), "later"), Date: time.Now().Truncate(time.Second)})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 10}, memstore.Options{})
				date := time.Now().Truncate(time.Second)
				for i := range 30 {
					w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(i%25), "hello"), Date: date.Add(time.Duration(i) * time.Second)})
				}
				w.run(10 * time.Second)
				upset(w.old())
				for i := range 15 {
					if strings.Contains(name, "since") {
						break // they are there
					}
					w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(100+i), "later"), Date: date})
				}
				w.run(10 * time.Minute)
				if n := len(w.new().Messages(inbox)); n != 45 {
					t.Errorf("%d messages in the cloud, want the 30 of before and 15 later ones", n)
				}
				w.run(10 * time.Minute)
				if n := len(w.new().Messages(inbox)); n != 45 {
					t.Errorf("%d messages in the cloud after another run, want 45", n)
				}
			})
		})
	}
}

// Every step of either store fails at random, replies are lost after the put, and the process ends and begins again: in the end both sides hold the same multiset.
func TestExactlyOnceWhateverFails(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t, memstore.Options{Batch: 7}, memstore.Options{Batch: 7, OutOfOrder: seed%2 == 0, NoPlaces: seed%4 == 3})
				paths := w.fill(seed+100, 120)
				random := rand.New(rand.NewPCG(seed, 1))
				var mu sync.Mutex // both stores ask, from goroutines of their own
				fault := func(string, int) error {
					mu.Lock()
					defer mu.Unlock()
					if random.IntN(12) == 0 {
						return fmt.Errorf("cut: %w", bridge.ErrConnection)
					}
					return nil
				}
				for range 6 {
					w.old().SetFault(fault)
					w.new().SetFault(fault)
					mu.Lock()
					span := time.Duration(random.IntN(60)+1) * time.Second
					mu.Unlock()
					w.run(span)
				}
				w.old().SetFault(nil)
				w.new().SetFault(nil)
				w.run(10 * time.Minute)
				w.wantEqual(paths...)
			})
		})
	}
}

func TestARefusedItemIsSavedAndNamed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{MaxSize: 2000})
		date := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: mail("small", "fits"), Date: date})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("big", string(make([]byte, 3000))), Date: date})
		w.start()
		time.Sleep(10 * time.Second)
		tally, err := w.ledger.Tally(t.Context(), anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		if tally.Items[cutover.Refused] != 1 || tally.Items[cutover.Copied] != 1 {
			t.Errorf("dispositions %v, want one copied and one refused", tally.Items)
		}
		report, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		if report.Equal != 1 || len(report.Missing) != 1 || !strings.Contains(report.Missing[0].Why, "saved as") || len(report.Extra) != 0 {
			t.Errorf("report %+v", report)
		}
		w.stop()
	})
}

func TestVerifyNamesMissingAndExtra(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		for _, id := range []string{"kept", "lost", "doubled"} {
			w.old().Deliver(inbox, memstore.Message{Raw: mail(id, id), Date: date})
		}
		w.start()
		time.Sleep(10 * time.Second)
		for _, m := range w.new().Messages(inbox) {
			switch {
			case slices.Equal(m.Raw, mail("lost", "lost")):
				w.new().Remove(inbox, m.Ref)
			case slices.Equal(m.Raw, mail("doubled", "doubled")):
				w.new().Deliver(inbox, m)
			}
		}
		w.new().SetFault(func(op string, _ int) error {
			if op == memstore.OpPut {
				return bridge.ErrBusy
			}
			return nil
		})
		w.old().Deliver(inbox, memstore.Message{Raw: mail("new", "new"), Date: date})
		report, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.stop()
		if report.Equal != 2 || !names(report.Missing, "<new>") || !names(report.Extra, "<doubled>") || !names(report.Removed, "<lost>") {
			t.Errorf("report %+v, want <new> missing, <doubled> extra and <lost> removed", report)
		}
	})
}

// A body that the cloud's server keeps and that is not what was put is told, once all bodies are compared.
func TestVerifyComparesBodies(t *testing.T) {
	eachPlacing(t, func(t *testing.T, options memstore.Options) {
		w := newWorld(t, memstore.Options{}, options)
		for i := range 30 {
			w.old().Deliver(inbox, memstore.Message{Raw: mail(fmt.Sprint(i), "hello"), Date: time.Now()})
		}
		w.start()
		defer w.stop()
		time.Sleep(time.Minute)
		sampled, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || sampled.Bodies == 0 || sampled.Bodies >= 30 || len(sampled.Altered) != 0 {
			t.Errorf("%d bodies were compared, %v altered, %v", sampled.Bodies, sampled.Altered, err)
		}
		w.new().Alter(inbox, held(t, w.new(), inbox, "7").Ref, mail("7", "other"))
		full, err := w.bridge.VerifyFully(t.Context(), anna.ID)
		if err != nil || full.Bodies != 30 || full.Equal != 30 || !names(full.Altered, "<7>") {
			t.Errorf("%d bodies were compared, altered %+v, %v; want <7>", full.Bodies, full.Altered, err)
		}
	})
}

// names reports whether the findings are just this message.
func names(found []bridge.Finding, id string) bool {
	return len(found) == 1 && found[0].MessageID == id
}

// A system that writes no Date sends the same subject to the same person again and again: the next one, which came by the new way, is neither a second copy of the first nor a substitute for it.
func TestVerifyTellsDatelessMessagesApart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		nightly := func(id string) []byte {
			return []byte("Message-ID: <" + id + ">\r\nFrom: cron@other.example\r\nTo: anna@example.com\r\nSubject: done\r\n\r\n" + id + "\r\n")
		}
		date := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: nightly("first"), Date: date})
		w.start()
		time.Sleep(10 * time.Second)
		copied := w.new().Messages(inbox)[0]
		w.new().Deliver(inbox, memstore.Message{Raw: nightly("second"), Date: date})
		report, err := w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || report.Equal != 1 || len(report.Missing)+len(report.Extra) != 0 {
			t.Errorf("with both: report %+v, %v", report, err)
		}
		w.new().Remove(inbox, copied.Ref)
		report, err = w.bridge.Verify(t.Context(), anna.ID)
		if err != nil || !names(report.Removed, "<first>") {
			t.Errorf("without the copy: report %+v, %v, want <first> removed", report, err)
		}
		w.stop()
	})
}

func TestVerifyCountsCapturesOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		date := time.Now().Truncate(time.Second)
		w.old().Deliver(inbox, memstore.Message{Raw: mail("twice sent", "hello"), Date: date})
		w.start()
		defer w.stop()
		time.Sleep(10 * time.Second)
		key, err := w.ledger.TraceKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		trace := cutover.TraceField + ": " + string(cutover.NewTrace(key, "01JD9F3K7Q0000000000000000")) + "\r\n"
		for want := range 2 {
			w.new().Deliver(inbox, memstore.Message{Raw: slices.Concat([]byte(trace), mail("twice sent", "hello")), Date: date})
			report, err := w.bridge.Verify(t.Context(), anna.ID)
			if err != nil {
				t.Fatal(err)
			}
			if report.Equal != 1 || len(report.Missing) != 0 || len(report.Extra) != want {
				t.Errorf("with the capture there %d times: %+v, want %d extra", want+1, report, want)
			}
		}
	})
}

func TestARefusedLoginShowsItsReason(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().SetFault(func(string, int) error { return fmt.Errorf("bad password: %w", bridge.ErrLogin) })
		w.start()
		time.Sleep(time.Second)
		p := w.bridge.Progress()[0]
		w.stop()
		if p.State != bridge.Problem || !p.Login || p.Next.IsZero() {
			t.Errorf("progress %+v, want a refused login and the time of the next try", p)
		}
	})
}

func TestDepositAndFind(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.start()
		defer w.stop()
		raw := mail("deposited", "hello")
		id := cutover.IdentityOf(raw)
		if seen, err := w.bridge.Find(t.Context(), anna.ID, cutover.Cloud, []cutover.Identity{id}); err != nil || len(seen) != 0 {
			t.Fatalf("before: %v, %v", seen, err)
		}
		for range 2 {
			if _, err := w.bridge.Deposit(t.Context(), anna.ID, id, time.Now(), memstore.NewContent(raw)); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(w.new().Messages(inbox)); n != 1 {
			t.Errorf("%d copies after two deposits, want 1", n)
		}
		if _, err := w.bridge.Deposit(t.Context(), "nobody@example.com", id, time.Now(), memstore.NewContent(raw)); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("deposit for nobody: %v", err)
		}
	})
}

func TestAMailboxWithoutAServerIsNotFollowed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		var asked atomic.Int32
		w.old().SetFault(func(string, int) error { asked.Add(1); return fmt.Errorf("nothing configured: %w", bridge.ErrNoServer) })
		w.start()
		time.Sleep(time.Hour)
		p := w.bridge.Progress()[0]
		w.stop()
		if p.State != bridge.Unfollowed || p.Error == "" {
			t.Errorf("progress %+v, want a mailbox that is not followed, and why", p)
		}
		if n := asked.Load(); n > 4 {
			t.Errorf("asked %d times for a server that is not there", n)
		}
	})
}
