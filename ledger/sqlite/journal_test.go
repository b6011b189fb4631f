package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"posthouse/ledger"
)

// withJournal opens a ledger that has a journal already.
func withJournal(t *testing.T, folder string) *Ledger {
	t.Helper()
	l := openIn(t, folder, Options{})
	must(t, keepBody(t.Context(), l, "first", []byte("asks for a journal"), ledger.Due))
	must(t, l.SetFact(t.Context(), "a", "change that is answered once there is one"))
	if l.w.pending.journal == nil {
		t.Fatal("there is no journal")
	}
	return l
}

// killed is what the disk has of a ledger that runs, as if its process was killed now. Changes and its own taking in must not run.
func killed(t *testing.T, folder string) string {
	t.Helper()
	return copied(t, folder, os.Geteuid())
}

// An attempt that begins while the one before it is in the journal alone leaves that one's step in the history.
func TestHistoryOfAttemptsInAJournal(t *testing.T) {
	l := withJournal(t, t.TempDir())
	must(t, keepBody(t.Context(), l, "c", []byte("x"), ledger.Sending))
	d := ledger.Delivery{ID: 2, State: ledger.Due, Attempts: 1, Since: noon, Next: noon, Reply: "451 later"}
	must(t, l.Update(t.Context(), d))
	if begun := get(l.Begin(t.Context(), noon.Add(time.Second), d))(t); len(begun) != 1 {
		t.Fatalf("begun are %+v", begun)
	}
	d.State, d.Since, d.Reply = ledger.Settled, noon.Add(time.Minute), "250 ok"
	must(t, l.Update(t.Context(), d))
	steps := get(l.History(t.Context(), "c"))(t)
	if len(steps) != 2 || steps[0].Reply != "451 later" || steps[1].Reply != "250 ok" {
		t.Errorf("steps are %+v", steps)
	}
}

// Records that were not written whole count no more, nor does what stands after them.
func TestTornJournal(t *testing.T) {
	folder := t.TempDir()
	l := withJournal(t, folder)
	const captures = 8
	var ends []int
	for i := range captures {
		must(t, keepBody(t.Context(), l, fmt.Sprint("c", i), pattern("x", 100*i), ledger.Sending))
		ends = append(ends, len(l.w.pending.journal.octets))
	}
	image := killed(t, folder)
	for i, end := range ends {
		for name, damage := range map[string]func(octets []byte){
			"cut off": func(o []byte) { clear(o[journalHead+end-1:]) },
			"altered": func(o []byte) { o[journalHead+end-20] ^= 1 },
			"zeroed":  func(o []byte) { clear(o[journalHead+end-30 : journalHead+end]) },
		} {
			torn := copied(t, image, os.Geteuid())
			path := filepath.Join(torn, journalFile)
			octets := get(os.ReadFile(path))(t)
			damage(octets)
			must(t, os.WriteFile(path, octets, 0o600))
			l := openIn(t, torn, Options{})
			for k := range captures {
				_, err := bodyOf(t.Context(), l, fmt.Sprint("c", k))
				if there := err == nil; there != (k < i) {
					t.Errorf("record %d %s: capture %d: %v", i, name, k, err)
				}
			}
			// What stands behind the damage must not come back once the place is written anew.
			for k := range captures + 2 {
				must(t, keepBody(t.Context(), l, fmt.Sprint("new", k), pattern("x", 100*k), ledger.Sending))
			}
			n := ask[int](t, openIn(t, killed(t, torn), Options{}), "SELECT count(*) FROM captures")
			if want := 1 + i + captures + 2; n != want {
				t.Errorf("record %d %s: %d captures in the end, want %d", i, name, n, want)
			}
			mustClose(t, l)
		}
	}
}

// A journal that cannot be written refuses what it was to take, and the ledger works on without it.
func TestJournalThatCannotBeWritten(t *testing.T) {
	folder := t.TempDir()
	l := withJournal(t, folder)
	must(t, keepBody(t.Context(), l, "before", []byte("x"), ledger.Sending))
	must(t, l.w.pending.journal.file.Close())
	var inTheAct *commitError
	if err := keepBody(t.Context(), l, "lost", []byte("x"), ledger.Due); !errors.As(err, &inTheAct) {
		t.Errorf("got %v, want the failure of the commit", err)
	}
	must(t, keepBody(t.Context(), l, "after", []byte("x"), ledger.Due))
	for id, there := range map[string]bool{"before": true, "lost": false, "after": true} {
		if _, err := bodyOf(t.Context(), l, id); (err == nil) != there {
			t.Errorf("%s: %v", id, err)
		}
	}
	after := openIn(t, killed(t, folder), Options{})
	if n := ask[int](t, after, "SELECT count(*) FROM captures"); n != 3 {
		t.Errorf("%d captures are left, want 3", n)
	}
	mustClose(t, l)
}

// A record that may be on the disk though its sync found no room names a body that is still there: after a crash it is a message of ours, which its sender is told we have.
func TestBodyOfARecordThatMayBeThere(t *testing.T) {
	folder := t.TempDir()
	l := withJournal(t, folder)
	must(t, l.w.pending.journal.file.Close())
	full := get(unix.Open("/dev/full", unix.O_RDWR|unix.O_CLOEXEC, 0))(t)
	l.w.pending.journal.file = os.NewFile(uintptr(full), l.w.pending.journal.path()) // by whose name it is removed
	if err := keepBody(t.Context(), l, "large", pattern("x", 2*maxBlob), ledger.Due); !errors.Is(err, ledger.ErrNoSpace) {
		t.Fatalf("got %v, want that the disk is full", err)
	}
	if left := bodyFiles(t, folder); len(left) != 1 {
		t.Errorf("%d bodies are left, want 1", len(left))
	}
	must(t, l.Close())
	mustClose(t, openIn(t, folder, Options{}))
	if left := bodyFiles(t, folder); len(left) != 0 {
		t.Errorf("after a start without the record %d bodies are left", len(left))
	}
}

// What did not begin is due still, when the journal cannot be written: else nobody would send it before the next start.
func TestBeginningThatCannotBeWritten(t *testing.T) {
	l := withJournal(t, t.TempDir())
	must(t, keepBody(t.Context(), l, "c", []byte("x"), ledger.Due))
	must(t, l.w.pending.journal.file.Close())
	d := ledger.Delivery{ID: 2, State: ledger.Due, Since: noon}
	if begun, err := l.Begin(t.Context(), noon.Add(time.Second), d); err == nil {
		t.Fatalf("begun are %+v", begun)
	}
	if got := get(l.Delivery(t.Context(), 2))(t); got.State != ledger.Due || !got.Since.Equal(noon) {
		t.Errorf("got %+v", got)
	}
	if begun := get(l.Begin(t.Context(), noon.Add(time.Second), d))(t); len(begun) != 1 {
		t.Errorf("begun are %+v", begun)
	}
}

// After a commit of the database that failed nobody knows which epoch it names: the journal takes nothing until one succeeded.
func TestJournalAfterACommitThatFailed(t *testing.T) {
	l := withJournal(t, t.TempDir())
	fails := false
	set := func(to bool) func(*tx) error { return func(*tx) error { fails = to; return nil } }
	must(t, l.change(t.Context(), func(*tx) error {
		before := l.w.onGroup
		l.w.onGroup = func(t *tx) error {
			if !fails {
				return before(t)
			}
			fails = false
			if _, err := t.exec("PRAGMA defer_foreign_keys = ON"); err != nil {
				return err
			}
			_, err := t.exec("INSERT INTO bodies (capture, octets) VALUES (-1, x'')")
			return err
		}
		return nil
	}))
	must(t, l.change(t.Context(), set(true)))
	must(t, keepBody(t.Context(), l, "before", []byte("x"), ledger.Due))
	var inTheAct *commitError
	if err := l.SetFact(t.Context(), "a", "b"); !errors.As(err, &inTheAct) {
		t.Fatalf("got %v, want the failure of the commit", err)
	}
	must(t, keepBody(t.Context(), l, "after", []byte("x"), ledger.Due))
	if n := l.w.pending.count.Load(); n != 0 {
		t.Errorf("%d rows are in the journal alone", n)
	}
	must(t, keepBody(t.Context(), l, "later", []byte("x"), ledger.Due))
	if n := l.w.pending.count.Load(); n != 1 {
		t.Errorf("%d rows are in the journal once a commit succeeded, want 1", n)
	}
	if n := ask[int](t, l, "SELECT count(*) FROM captures"); n != 4 {
		t.Errorf("%d captures, want 4", n)
	}
}

// The statements of a journal are those of its writer: what stands in its head is run, before the schema is brought forward.
func TestJournalOfAnotherVersion(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	mustClose(t, l)
	foreign(t, folder, "UPDATE marker SET journal = 4711")
	payload, err := appendValues(nil, 0, []any{"said by", []byte("an older version")})
	must(t, err)
	octets := make([]byte, journalWhole)
	copy(octets, record(nil, 0, []byte(`["INSERT INTO facts (name, value) VALUES (?, CAST(? AS TEXT))"]`)))
	copy(octets[journalHead:], record(nil, 4711, payload))
	must(t, os.WriteFile(filepath.Join(folder, journalFile), octets, 0o600))
	l = openIn(t, folder, Options{})
	if got := get(l.Fact(t.Context(), "said by"))(t); got != "an older version" {
		t.Errorf("got %q", got)
	}
	mustClose(t, l)
	foreign(t, folder, "UPDATE marker SET journal = 4711")
	foreign(t, folder, "DELETE FROM facts")
	foreign(t, folder, "PRAGMA user_version = 1000")
	if _, err := Open(t.Context(), folder, Options{}); !errors.Is(err, ledger.ErrNewerSchema) {
		t.Errorf("got %v, want that the schema is newer", err)
	}
	foreign(t, folder, "DELETE FROM facts") // what it should not have taken in
	foreign(t, folder, fmt.Sprint("PRAGMA user_version = ", len(get(scripts())(t))))
	l = openIn(t, folder, Options{})
	if got := get(l.Fact(t.Context(), "said by"))(t); got != "an older version" {
		t.Errorf("after a posthouse that is too old was started, the journal was %q", got)
	}
	mustClose(t, l)
	clear(octets[:100])
	foreign(t, folder, "UPDATE marker SET journal = 4711")
	must(t, os.WriteFile(filepath.Join(folder, journalFile), octets, 0o600))
	if l, err := Open(t.Context(), folder, Options{}); err == nil {
		l.Close()
		t.Error("a journal whose head is gone was passed over, with what it holds")
	}
}

// On a full disk what the journal holds comes into the database: there is room kept for it.
func TestFullDiskWithAJournal(t *testing.T) {
	for _, size := range []int{1 << 10, 4 << 10, 60 << 10, 200 << 10} {
		t.Run(fmt.Sprintf("bodies of %d octets", size), func(t *testing.T) {
			folder, throwOff := smallDisk(t, 48<<20, 8<<20)
			fillTwice(t, withJournal(t, folder), size, throwOff)
		})
	}
}

// What is in the journal alone when others fill the disk is read all the same, and after a kill too.
func TestDiskThatOthersFill(t *testing.T) {
	folder, _ := smallDisk(t, 48<<20, 0)
	l := withJournal(t, folder)
	var stored []string
	for n := range 300 {
		id := fmt.Sprint("c", n)
		must(t, keepBody(t.Context(), l, id, pattern(id, 5000), ledger.Sending))
		stored = append(stored, id)
	}
	image := killed(t, folder)
	fillWith(t, filepath.Join(filepath.Dir(folder), "others"), 0)
	checkStored(t, l, 5000, stored)
	for n := range stored {
		d := ledger.Delivery{ID: ledger.DeliveryID(n + 2), State: ledger.Settled, Since: noon}
		must(t, l.Update(t.Context(), d))
	}
	mustClose(t, l)
	checkStored(t, openIn(t, image, Options{}), 5000, stored)
}

// A person who reads after a crash sees what became of what the database has as well.
func TestReadingOutcomesInAJournal(t *testing.T) {
	folder := t.TempDir()
	l := withJournal(t, folder)
	must(t, keepBody(t.Context(), l, "early", []byte("x"), ledger.Sending))
	if n := ask[int](t, l, "SELECT count(*) FROM captures"); n != 2 {
		t.Fatalf("%d captures", n)
	}
	must(t, keepBody(t.Context(), l, "late", []byte("y"), ledger.Sending))
	for id := range ledger.DeliveryID(2) {
		must(t, l.Update(t.Context(), ledger.Delivery{ID: 2 + id, State: ledger.Settled, Since: noon, Reply: "250 ok"}))
	}
	r := readIn(t, killed(t, folder))
	all := get(r.Deliveries(t.Context(), ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Settled}}))(t)
	if len(all) != 2 || all[0].Capture != "early" || all[1].Capture != "late" || all[1].Reply != "250 ok" {
		t.Errorf("settled are %+v", all)
	}
	if n := get(r.FindCaptures(t.Context(), ledger.CaptureFilter{}))(t); len(n) != 3 {
		t.Errorf("%d captures, want 3", len(n))
	}
}

// Reads that were given up take nothing of it from those after them.
func TestReadingAJournalAfterReadsThatEnded(t *testing.T) {
	folder := t.TempDir()
	l := withJournal(t, folder)
	const captures = 200
	for n := range captures {
		must(t, keepBody(t.Context(), l, fmt.Sprint("c", n), []byte("x"), ledger.Sending))
	}
	r := readIn(t, killed(t, folder))
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		_, _ = r.FindCaptures(ctx, ledger.CaptureFilter{Address: "nobody@example.com"})
	}
	if n := len(get(r.FindCaptures(t.Context(), ledger.CaptureFilter{}))(t)); n != captures+1 {
		t.Errorf("%d captures are left, want %d", n, captures+1)
	}
}

// Nothing is nothing, also after a crash: not octets of which there are none.
func TestNothingInAJournal(t *testing.T) {
	folder := t.TempDir()
	l := withJournal(t, folder)
	must(t, keepBody(t.Context(), l, "c", nil, ledger.Sending))
	const text = "SELECT group_concat(quote(prefix) || quote(sum)) FROM captures"
	after := ask[string](t, openIn(t, killed(t, folder), Options{}), text)
	if now := ask[string](t, l, text); after != now {
		t.Errorf("%s came to %s", now, after)
	}
}

// What goes the usual way, captured and delivered, costs the database one transaction for many.
func TestJournalSparesTransactions(t *testing.T) {
	l := withJournal(t, t.TempDir())
	groups := 0
	must(t, l.change(t.Context(), func(*tx) error {
		before := l.w.onGroup
		l.w.onGroup = func(t *tx) error { groups++; return before(t) }
		return nil
	}))
	for n := range pendingMany {
		must(t, keepBody(t.Context(), l, fmt.Sprint("c", n), []byte("x"), ledger.Sending))
		must(t, l.Update(t.Context(), ledger.Delivery{ID: ledger.DeliveryID(n + 2), State: ledger.Settled, Since: noon}))
	}
	mustClose(t, l)
	if groups > 20 { // one, and one more for each second that it takes
		t.Errorf("%d transactions", groups)
	}
}
