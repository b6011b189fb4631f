package sqlite

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"posthouse/cutover"
	"posthouse/ledger"
)

// crashFolder and crashRound tell a copy of this test binary to be the victim.
const (
	crashFolder = "POSTHOUSE_TEST_CRASH_FOLDER"
	crashRound  = "POSTHOUSE_TEST_CRASH_ROUND"
)

// itemBatch is how many items the victim settles in one change: fewer or more is a torn change.
const itemBatch = 10

func TestMain(m *testing.M) {
	if folder := os.Getenv(crashFolder); folder != "" {
		fmt.Fprintln(os.Stderr, victim(folder, os.Getenv(crashRound)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// victim commits from many goroutines until it is killed, and says each acknowledged change on stdout.
func victim(folder, round string) error {
	ctx := context.Background()
	l, err := Open(ctx, folder, Options{})
	if err != nil {
		return err
	}
	p, err := l.Pair(ctx, ledger.FolderPair{Mailbox: "anna@example.com", Kind: cutover.Mail, Legacy: cutover.FolderPath{round}})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for caller := range 6 {
		go func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%s-%d-%d", round, caller, n)
				if err := keepBody(ctx, l, id, pattern(id, sizeOf(n)), ledger.Sending); err != nil {
					failed <- err
				}
				os.Stdout.WriteString("capture " + id + "\n")
			}
		}()
	}
	go func() {
		for n := 0; ; n++ {
			if err := settleBatch(ctx, l, p.ID, n); err != nil {
				failed <- err
			}
			os.Stdout.WriteString(fmt.Sprintf("items %d\n", n))
		}
	}()
	return <-failed
}

// sizeOf mixes blobs and files.
func sizeOf(n int) int { return []int{300, 4 << 10, 50 << 10, 70 << 10, 300 << 10}[n%5] }

func settleBatch(ctx context.Context, l *Ledger, f ledger.FolderID, n int) error {
	rows := make([]ledger.Item, itemBatch)
	for i := range rows {
		rows[i] = ledger.Item{Folder: f, Legacy: ledger.Place{Validity: "1", Ref: cutover.Ref(fmt.Sprint(n*itemBatch + i))}, Size: 1}
	}
	rows, err := l.Intend(ctx, rows)
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].Disposition = cutover.Copied
	}
	cursor := ledger.Cursor(fmt.Sprint(n))
	_, err = l.Settle(ctx, f, rows, &cursor)
	return err
}

// TestCrash kills the victim at random moments, several times in one folder, and compares what it said with what is there.
func TestCrash(t *testing.T) {
	folder := t.TempDir()
	var captures []string
	batches := map[string]int{}
	for round := range 6 {
		name := fmt.Sprint("round", round)
		said := kill(t, folder, name, 1+rand.IntN(200))
		for _, line := range said {
			if id, ok := strings.CutPrefix(line, "capture "); ok {
				captures = append(captures, id)
			} else {
				batches[name]++
			}
		}
		checkAfterCrash(t, folder, captures, batches)
	}
	t.Logf("%d captures and batches of items in %v were acknowledged and are there", len(captures), batches)
}

// kill runs a victim until it has said so many lines, kills it, and returns all that it said.
func kill(t *testing.T, folder, round string, lines int) (said []string) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), crashFolder+"="+folder, crashRound+"="+round)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	shoot := sync.OnceFunc(func() { c.Process.Signal(syscall.SIGKILL) })
	defer func() { shoot(); c.Wait() }()
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF {
			break // what stands before it without a line end was cut off while being said
		}
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, strings.TrimSpace(line))
		if len(said) >= lines {
			shoot()
		}
	}
	if len(said) < lines {
		t.Fatalf("the victim ended by itself after %d lines: %s", len(said), complaint.String())
	}
	return said
}

func checkAfterCrash(t *testing.T, folder string, captures []string, batches map[string]int) {
	t.Helper()
	l := openIn(t, folder, Options{})
	defer mustClose(t, l)
	if l.RolledBack() {
		t.Error("a crash counts as rolled back")
	}
	for _, id := range captures {
		if _, err := l.Capture(t.Context(), cutover.CaptureID(id)); err != nil {
			t.Errorf("acknowledged, but lost: %v", err)
		}
	}
	checkWhole(t, l, folder)
	for _, p := range get(l.Pairs(t.Context(), "anna@example.com"))(t) {
		checkItems(t, l, p, batches[p.Legacy.String()])
	}
	if verdict := ask[string](t, l, "PRAGMA integrity_check"); verdict != "ok" {
		t.Errorf("integrity check: %s", verdict)
	}
	if n := ask[int](t, l, "SELECT count(*) FROM pragma_foreign_key_check"); n != 0 {
		t.Errorf("%d rows refer to nothing", n)
	}
}

// checkWhole reads everything that is there, acknowledged or not: each capture has its body, one delivery and one observation.
func checkWhole(t *testing.T, l *Ledger, folder string) {
	t.Helper()
	deliveries, err := l.Deliveries(t.Context(), ledger.DeliveryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, d := range deliveries {
		id := string(d.Capture)
		n := 0
		fmt.Sscanf(id[strings.LastIndexByte(id, '-')+1:], "%d", &n)
		if got, err := bodyOf(t.Context(), l, id); err != nil || !bytes.Equal(got, pattern(id, sizeOf(n))) {
			t.Errorf("the body of %s: %d octets of %d, %v", id, len(got), sizeOf(n), err)
		}
		if sizeOf(n) > maxBlob {
			files++
		}
	}
	if n := ask[int](t, l, "SELECT count(*) FROM captures"); n != len(deliveries) {
		t.Errorf("%d captures, %d deliveries", n, len(deliveries))
	}
	if n := ask[int](t, l, "SELECT count(*) FROM observations"); n != len(deliveries) {
		t.Errorf("%d observations, %d captures", n, len(deliveries))
	}
	if found := bodyFiles(t, folder); len(found) != files {
		t.Errorf("%d body files, %d captures that have one", len(found), files)
	}
}

// checkItems compares rows, cursor and tally of a folder with the batches acknowledged: there may be one more, but it must be whole.
func checkItems(t *testing.T, l *Ledger, p ledger.FolderPair, acknowledged int) {
	t.Helper()
	count := map[cutover.Disposition]int{}
	err := l.All(t.Context(), p.ID, func(i ledger.Item) bool { count[i.Disposition]++; return true })
	if err != nil {
		t.Fatal(err)
	}
	batches := count[cutover.Copied] / itemBatch
	if count[cutover.Copied]%itemBatch != 0 || count[cutover.Intended]%itemBatch != 0 || batches < acknowledged || batches > acknowledged+1 {
		t.Errorf("%s: %v after %d acknowledged batches of %d", p.Legacy, count, acknowledged, itemBatch)
	}
	cursor, err := l.Cursor(t.Context(), p.ID)
	if want := fmt.Sprint(batches - 1); err != nil || batches > 0 && string(cursor) != want {
		t.Errorf("%s: the cursor is %q, %v; want %s", p.Legacy, cursor, err, want)
	}
	if n := ask[int](t, l, "SELECT coalesce(sum(items), 0) FROM tallies WHERE folder = ?", int64(p.ID)); n != count[cutover.Copied]+count[cutover.Intended] {
		t.Errorf("%s: the tally says %d, there are %v", p.Legacy, n, count)
	}
}

// get is a call's result or the end of the test.
func get[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
