package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"

	"posthouse/ledger"
)

// keepTwo keeps a capture whose body lies in the database, and one whose body is a file.
func keepTwo(t *testing.T, l *Ledger) {
	t.Helper()
	must(t, keepBody(t.Context(), l, "SMALL", []byte("hello\r\n"), ledger.Held))
	must(t, keepBody(t.Context(), l, "LARGE", pattern("large", 100<<10), ledger.Due))
}

// copied is a folder as a crash leaves it: all that is durable, and nothing folded in. The files belong to owner.
func copied(t *testing.T, from string, owner int) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "state")
	must(t, os.CopyFS(to, os.DirFS(from)))
	must(t, os.RemoveAll(filepath.Join(to, databaseFile+"-shm")))
	must(t, filepath.WalkDir(to, func(path string, _ fs.DirEntry, err error) error { return errors.Join(err, os.Chown(path, owner, -1)) }))
	return to
}

// contents are all files of a folder but the lock, and what SQLite shares between processes.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockFile || d.Name() == databaseFile+"-shm" {
			return err
		}
		octets, err := os.ReadFile(path)
		found[path] = string(octets)
		return err
	}))
	return found
}

func readIn(t *testing.T, folder string) *Reading {
	t.Helper()
	r, err := Read(t.Context(), folder)
	must(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// checkTwo asks a reading everything that can be asked of it.
func checkTwo(t *testing.T, r *Reading) {
	t.Helper()
	ctx := t.Context()
	all, err := r.Deliveries(ctx, ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Held, ledger.Due}})
	if err != nil || len(all) != 2 || all[0].Capture != "SMALL" || all[0].State != ledger.Held {
		t.Errorf("deliveries %+v, %v", all, err)
	}
	if found, err := r.FindCaptures(ctx, ledger.CaptureFilter{Prefix: "LAR"}); err != nil || len(found) != 1 {
		t.Errorf("found %d, %v", len(found), err)
	}
	if c, err := r.Capture(ctx, "LARGE"); err != nil || c.Size < 100<<10 {
		t.Errorf("%+v, %v", c, err)
	}
	if steps, err := r.History(ctx, "SMALL"); err != nil || len(steps) != 1 {
		t.Errorf("steps %+v, %v", steps, err)
	}
	if said, err := r.Said(ctx, "<1@x>"); err != nil || len(said) > 0 {
		t.Errorf("said %v, %v", said, err)
	}
	if local, err := r.LocalDeliveries(ctx, ledger.LocalFilter{}); err != nil || len(local) > 0 {
		t.Errorf("delivered %v, %v", local, err)
	}
	body, err := r.OpenBody(ctx, "LARGE")
	must(t, err)
	defer body.Close()
	if octets, err := io.ReadAll(body); err != nil || !bytes.Equal(octets, pattern("large", 100<<10)) {
		t.Errorf("%d octets, %v", len(octets), err)
	}
}

func TestReading(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	keepTwo(t, l)
	mustClose(t, l)
	before := contents(t, folder)
	r := readIn(t, folder)
	checkTwo(t, r)
	must(t, r.Close())
	must(t, r.Close())
	if _, err := r.Capture(t.Context(), "LARGE"); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if !reflect.DeepEqual(contents(t, folder), before) {
		t.Error("reading changed the folder, or left something in it")
	}
	mustClose(t, openIn(t, folder, Options{})) // the lock is given back
}

// TestReadingAfterACrash: what is durable and not folded in is read, by root too, and the folder stays its owner's: else the service could not open it any more.
func TestReadingAfterACrash(t *testing.T) {
	owner := os.Geteuid()
	if owner == 0 {
		owner = 12345
	}
	running := t.TempDir()
	l := openIn(t, running, Options{})
	keepTwo(t, l)
	folder := copied(t, running, owner)
	before := contents(t, folder)
	r := readIn(t, folder)
	checkTwo(t, r)
	must(t, r.Close())
	if !reflect.DeepEqual(contents(t, folder), before) {
		t.Error("reading changed the folder, or left something in it")
	}
	must(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && int(info.Sys().(*syscall.Stat_t).Uid) != owner {
			t.Errorf("%s does not belong to the folder's owner any more", path)
		}
		return err
	}))
}

func TestReadingBesideAService(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	var locked *LockedError
	if _, err := Read(t.Context(), folder); !errors.As(err, &locked) || locked.Pid != os.Getpid() {
		t.Errorf("beside a service: %v", err)
	}
	mustClose(t, l)
	readIn(t, folder)
	if _, err := Open(t.Context(), folder, Options{}); !errors.As(err, &locked) || locked.Pid != os.Getpid() {
		t.Errorf("a service beside a reading: %v", err)
	}
}

// TestReadingMakesNothing: a folder without a lock file, as a backup may have it, stays so.
func TestReadingMakesNothing(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	keepTwo(t, l)
	mustClose(t, l)
	must(t, os.Remove(filepath.Join(folder, lockFile)))
	checkTwo(t, readIn(t, folder))
	if _, err := os.Stat(filepath.Join(folder, lockFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a lock was made: %v", err)
	}
}

// TestReadingWhereNothingCanBeWritten: a disk that fails is often one that can only be read any more.
func TestReadingWhereNothingCanBeWritten(t *testing.T) {
	folder, throwOff := smallDisk(t, 8<<20, 1)
	throwOff()
	l := openIn(t, folder, Options{})
	keepTwo(t, l)
	mustClose(t, l)
	must(t, syscall.Mount("", filepath.Dir(folder), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	checkTwo(t, readIn(t, folder))
}

func TestReadingRefuses(t *testing.T) {
	closed := func(t *testing.T, folder string) { mustClose(t, openIn(t, folder, Options{})) }
	for name, test := range map[string]struct {
		prepare func(t *testing.T, folder string)
		want    error
	}{
		"no folder":         {func(t *testing.T, folder string) { must(t, os.Remove(folder)) }, fs.ErrNotExist},
		"no ledger":         {func(*testing.T, string) {}, fs.ErrNotExist},
		"an empty database": {func(t *testing.T, folder string) { write(t, filepath.Join(folder, databaseFile), "") }, fs.ErrNotExist},
		"a newer schema":    {func(t *testing.T, folder string) { closed(t, folder); foreign(t, folder, "PRAGMA user_version = 99") }, ledger.ErrNewerSchema},
		"an older schema": {func(t *testing.T, folder string) {
			closed(t, folder)
			foreign(t, folder, fmt.Sprintf("PRAGMA user_version = %d", today(t)-1))
		}, ledger.ErrOlderSchema},
		"no database": {func(t *testing.T, folder string) {
			write(t, filepath.Join(folder, databaseFile), "garbage garbage garbage garbage garbage")
		}, ledger.ErrDamaged},
	} {
		folder := t.TempDir()
		test.prepare(t, folder)
		if _, err := Read(t.Context(), folder); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "no folder" {
			continue
		}
		lock, err := Lock(folder)
		if err != nil {
			t.Errorf("%s: the lock is still held: %v", name, err)
			continue
		}
		lock.Close()
	}
}
