package sqlite

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// bodyFiles are those that hold something: the spare ones are empty.
func bodyFiles(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, bodiesFolder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(file string) bool {
		info, err := os.Stat(file)
		return err != nil || info.Size() == 0
	})
}

func TestWhereBodiesLie(t *testing.T) {
	for _, test := range []struct{ size, files int }{{maxBlob, 0}, {maxBlob + 1, 1}} {
		folder := t.TempDir()
		l := openIn(t, folder, Options{})
		if err := keepBody(t.Context(), l, "a", make([]byte, test.size), ledger.Due); err != nil {
			t.Fatal(err)
		}
		if files := bodyFiles(t, folder); len(files) != test.files {
			t.Errorf("%d octets lie in %d files, want %d", test.size, len(files), test.files)
		}
		if blobs := ask[int](t, l, "SELECT count(*) FROM bodies"); blobs != 1-test.files {
			t.Errorf("%d octets lie in %d blobs, want %d", test.size, blobs, 1-test.files)
		}
	}
}

func TestFailedCommitLeavesNoFile(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	large := make([]byte, 200<<10)
	if err := keepBody(t.Context(), l, "a", large, ledger.Due); err != nil {
		t.Fatal(err)
	}
	if err := keepBody(t.Context(), l, "a", large, ledger.Due); !errors.Is(err, ledger.ErrExists) {
		t.Fatalf("got %v, want ErrExists", err)
	}
	if err := keepBody(t.Context(), l, "b", large, "nonsense"); err == nil {
		t.Fatal("a delivery in no known state was stored")
	}
	b, err := l.NewBody(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Write(large); err != nil {
		t.Fatal(err)
	}
	b.Abort()
	if files := bodyFiles(t, folder); len(files) != 1 {
		t.Errorf("%d files, want the first capture's only", len(files))
	}
}

func TestCaptureWithoutIDIsRefused(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	if err := keepBody(t.Context(), l, "", nil, ledger.Due); err == nil {
		t.Error("it was stored")
	}
}

func TestOrphansAreRemovedAtOpen(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	large := bytes.Repeat([]byte("0123456789"), 10<<10)
	if err := keepBody(t.Context(), l, "a", large, ledger.Due); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	write(t, filepath.Join(folder, bodiesFolder, "ORPHAN.eml"), "cut off in the middle of")
	l = openIn(t, folder, Options{})
	if files := bodyFiles(t, folder); len(files) != 1 || strings.Contains(files[0], "ORPHAN") {
		t.Errorf("files: %v", files)
	}
	if got, err := bodyOf(t.Context(), l, "a"); err != nil || !bytes.Equal(got, large) {
		t.Errorf("the body that has a row: %d octets, %v", len(got), err)
	}
}

func TestDamagedBodyIsRefused(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	if err := keepBody(t.Context(), l, "a", make([]byte, 100<<10), ledger.Due); err != nil {
		t.Fatal(err)
	}
	path := bodyFiles(t, folder)[0]
	if err := os.Truncate(path, 99<<10); err != nil {
		t.Fatal(err)
	}
	if _, err := bodyOf(t.Context(), l, "a"); err == nil || !strings.Contains(err.Error(), "101376 octets, 102400 were received") {
		t.Errorf("a cut body file: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := bodyOf(t.Context(), l, "a"); !errors.Is(err, ledger.ErrNotFound) || !strings.Contains(err.Error(), path) {
		t.Errorf("a lost body file: %v", err)
	}
}

func TestReserve(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{Reserve: 1 << 62})
	if _, err := l.NewBody(t.Context()); !errors.Is(err, ledger.ErrNoSpace) {
		t.Errorf("NewBody below the reserve: %v", err)
	}
	l.reserve = 0
	b, err := l.NewBody(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.reserve = 1 << 62
	if _, err := b.Write(make([]byte, maxBlob)); err != nil {
		t.Errorf("what fits the buffer needs no space yet: %v", err)
	}
	n, err := b.Write(make([]byte, 100))
	if n != 0 || !errors.Is(err, ledger.ErrNoSpace) {
		t.Errorf("a large body below the reserve: %d, %v", n, err)
	}
	l.reserve = 0
	if _, err := b.Write([]byte("x")); !errors.Is(err, ledger.ErrNoSpace) {
		t.Errorf("a body with a hole took more: %v", err)
	}
	_, err = b.Commit(t.Context(), ledger.Capture{ID: "a", Size: maxBlob}, nil, evidence.Observation{})
	if !errors.Is(err, ledger.ErrNoSpace) {
		t.Errorf("a body with a hole was committed: %v", err)
	}
}

func TestPruneGivesSpaceBack(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	const captures = pruneBatch + 50
	for n := range captures {
		if err := keepBody(t.Context(), l, string(rune('A'+n%26))+time.Duration(n).String(), make([]byte, 30<<10), ledger.Settled); err != nil {
			t.Fatal(err)
		}
	}
	before := ask[int](t, l, "PRAGMA page_count")
	if n, err := l.Prune(t.Context(), noon.Add(time.Second)); err != nil || n != captures {
		t.Fatalf("pruned %d, %v; want %d", n, err, captures)
	}
	if after := ask[int](t, l, "PRAGMA page_count"); after > before/10 {
		t.Errorf("the database had %d pages and has %d", before, after)
	}
	if free := ask[int](t, l, "PRAGMA freelist_count"); free != 0 {
		t.Errorf("%d pages lie free in the database", free)
	}
}

// TestPruneLooksAgain has a delivery released between the search and the removal.
func TestPruneLooksAgain(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	for _, id := range []string{"a", "b"} {
		if err := keepBody(t.Context(), l, id, []byte("hello"), ledger.Settled); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Update(t.Context(), ledger.Delivery{ID: 1, State: ledger.Due, Since: noon}); err != nil {
		t.Fatal(err)
	}
	n, err := l.pruneSome(t.Context(), []bodyPlace{{n: 1, at: micros(noon)}, {n: 2, at: micros(noon)}}, noon.Add(time.Second))
	if err != nil || n != 1 {
		t.Errorf("pruned %d, %v; want only the settled one", n, err)
	}
	if got, err := bodyOf(t.Context(), l, "a"); err != nil || string(got) != "hello" {
		t.Errorf("the released capture's body: %q, %v", got, err)
	}
}

func TestUnknownRecipientsAreBounded(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	err := l.change(t.Context(), func(tx *tx) error {
		_, err := tx.exec(`WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
			INSERT INTO unknown_recipients SELECT printf('u%05d@example.com', n), 2, n, n FROM n`, maxUnknown)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	l = openIn(t, folder, Options{})
	for _, a := range []cutover.Address{"new@example.com", "newer@example.com", "u05000@example.com"} {
		if err := l.NoteUnknown(t.Context(), a, noon); err != nil {
			t.Fatal(err)
		}
	}
	all, err := l.UnknownRecipients(t.Context())
	if err != nil || len(all) > maxUnknown || len(all) < maxUnknown*9/10 {
		t.Fatalf("%d are kept, %v; want at most %d", len(all), err, maxUnknown)
	}
	if all[0].Address != "u05000@example.com" || all[0].Count != 3 {
		t.Errorf("the most asked for is %+v", all[0])
	}
}
