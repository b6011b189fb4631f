package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"posthouse/ledger"
)

// smallDisk mounts a file system of its own for the test, with a ballast on it that can be thrown off.
func smallDisk(t *testing.T, size, ballast int) (folder string, throwOff func()) {
	t.Helper()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("THE FULL DISK IS NOT TESTED: mounting a small file system is not permitted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	path := filepath.Join(disk, "ballast")
	if err := os.WriteFile(path, make([]byte, ballast), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(disk, "state"), func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func pattern(id string, size int) []byte {
	return bytes.Repeat([]byte(id+"\r\n"), size/(len(id)+2)+1)[:size]
}

// fill commits bodies of a size until there is no space, and returns what was acknowledged.
func fill(t *testing.T, l *Ledger, name string, size int) (stored []string) {
	t.Helper()
	for n := 0; ; n++ {
		id := fmt.Sprintf("%s %04d", name, n)
		err := keepBody(t.Context(), l, id, pattern(id, size), ledger.Due)
		if errors.Is(err, ledger.ErrNoSpace) {
			return stored
		}
		if err != nil {
			t.Fatalf("%s: %v; want ErrNoSpace", id, err)
		}
		stored = append(stored, id)
	}
}

// checkStored finds exactly what was acknowledged, whole.
func checkStored(t *testing.T, l *Ledger, size int, stored []string) {
	t.Helper()
	for _, id := range stored {
		if got, err := bodyOf(t.Context(), l, id); err != nil || !bytes.Equal(got, pattern(id, size)) {
			t.Errorf("%s: %d octets, %v", id, len(got), err)
		}
	}
	if n := ask[int](t, l, "SELECT count(*) FROM captures WHERE size = ?", size); n != len(stored) {
		t.Errorf("%d captures of %d octets are stored, %d were acknowledged", n, size, len(stored))
	}
	if n := ask[int](t, l, "SELECT count(*) FROM deliveries"); n != ask[int](t, l, "SELECT count(*) FROM captures") {
		t.Errorf("%d deliveries do not fit the captures", n)
	}
	if verdict := ask[string](t, l, "PRAGMA integrity_check"); verdict != "ok" {
		t.Errorf("integrity check: %s", verdict)
	}
}

func TestFullDisk(t *testing.T) {
	for _, size := range []int{4 << 10, 60 << 10, 200 << 10} {
		t.Run(fmt.Sprintf("bodies of %d octets", size), func(t *testing.T) {
			folder, throwOff := smallDisk(t, 12<<20, 4<<20)
			fillTwice(t, openIn(t, folder, Options{}), size, throwOff)
		})
	}
}

// fillTwice fills the disk, and again once there is space.
func fillTwice(t *testing.T, l *Ledger, size int, throwOff func()) {
	t.Helper()
	stored := fill(t, l, "before", size)
	if len(stored) < 5 {
		t.Fatalf("only %d fitted", len(stored))
	}
	checkStored(t, l, size, stored)
	throwOff()
	more := fill(t, l, "after", size)
	if len(more) < 5 {
		t.Fatalf("once there was space again only %d fitted", len(more))
	}
	checkStored(t, l, size, append(stored, more...))
	mustClose(t, l)
}

// TestFullDiskWithManyCallers fills the disk from many sides, so that groups die with all their members.
func TestFullDiskWithManyCallers(t *testing.T) {
	folder, throwOff := smallDisk(t, 12<<20, 4<<20)
	l := openIn(t, folder, Options{})
	const callers, size = 10, 20 << 10
	var mu sync.Mutex
	var stored []string
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			mine := fill(t, l, fmt.Sprint("caller", c), size)
			mu.Lock()
			defer mu.Unlock()
			stored = append(stored, mine...)
		})
	}
	wg.Wait()
	checkStored(t, l, size, stored)
	throwOff()
	stored = append(stored, fill(t, l, "after", size)...)
	checkStored(t, l, size, stored)
	mustClose(t, l)
}

// TestReserveKeepsTheLedgerGoing has the reserve refuse new mail while what is stored can still be settled and pruned.
func TestReserveKeepsTheLedgerGoing(t *testing.T) {
	folder, _ := smallDisk(t, 16<<20, 0)
	l := openIn(t, folder, Options{Reserve: 7 << 20})
	const size = 100 << 10
	stored := fill(t, l, "a", size)
	checkStored(t, l, size, stored)
	for round := range 10 {
		for n := range stored {
			d := ledger.Delivery{ID: ledger.DeliveryID(n + 1), State: ledger.Settled, Attempts: round, Since: noon, Reply: "250 2.0.0 Ok"}
			if err := l.Update(t.Context(), d); err != nil {
				t.Fatalf("settling within the reserve: %v", err)
			}
		}
	}
	if n, err := l.Prune(t.Context(), noon.Add(1)); err != nil || n != 0 {
		t.Errorf("pruned %d, %v, too early", n, err)
	}
	if n, err := l.Prune(t.Context(), noon.Add(1000)); err != nil || n != len(stored) {
		t.Errorf("pruned %d of %d: %v", n, len(stored), err)
	}
	if err := keepBody(t.Context(), l, "b", pattern("b", size), ledger.Due); err != nil {
		t.Errorf("after pruning there is no space: %v", err)
	}
	mustClose(t, l)
}

// TestOpenOnFullDisk restarts on a disk that others filled to the last octet.
func TestOpenOnFullDisk(t *testing.T) {
	folder, throwOff := smallDisk(t, 8<<20, 2<<20)
	l := openIn(t, folder, Options{})
	if err := keepBody(t.Context(), l, "a", []byte("hello"), ledger.Due); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	for _, left := range []int{0, 40 << 10} {
		fillWith(t, filepath.Join(filepath.Dir(folder), "others"), left)
		l, err := Open(context.Background(), folder, Options{})
		if err != nil {
			if left > 0 || !errors.Is(err, ledger.ErrNoSpace) {
				t.Errorf("with %d octets left: %v", left, err)
			}
			continue
		}
		if got, err := bodyOf(t.Context(), l, "a"); err != nil || string(got) != "hello" {
			t.Errorf("with %d octets left the body is %q, %v", left, got, err)
		}
		mustClose(t, l)
	}
	throwOff()
	l = openIn(t, folder, Options{})
	if l.RolledBack() {
		t.Error("a full disk counts as rolled back")
	}
	if err := keepBody(t.Context(), l, "b", []byte("x"), ledger.Due); err != nil {
		t.Error(err)
	}
	mustClose(t, l)
}

// fillWith writes a file until the disk is full, and then leaves this much.
func fillWith(t *testing.T, path string, left int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var size int64
	for part := make([]byte, 4096); ; {
		n, err := f.Write(part)
		size += int64(n)
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(size - int64(left)); err != nil {
		t.Fatal(err)
	}
}
