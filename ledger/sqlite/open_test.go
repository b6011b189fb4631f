package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"posthouse/ledger"
)

func TestFilesArePrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	folder := filepath.Join(t.TempDir(), "deep", "state")
	l := openIn(t, folder, Options{})
	if err := keepBody(t.Context(), l, "a", make([]byte, 100<<10), ledger.Due); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		seen++
		return err
	})
	// The folder, bodies and one in it, lock, generation, journal, database and its two side files; and spare files, of which some may be about to be made.
	if err != nil || seen < 9 || seen > 9+spareFiles {
		t.Errorf("saw %d files and folders, error %v; want 9 and spare files", seen, err)
	}
}

func TestOpenClosesFolderToOthers(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	openIn(t, folder, Options{})
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, error %v; want 0700", info.Mode(), err)
	}
}

func TestSettings(t *testing.T) {
	l := openIn(t, t.TempDir(), Options{})
	want := map[string]int{
		"page_size": 4096, "auto_vacuum": 2, "synchronous": 2, "foreign_keys": 1, "cache_size": -2048, "wal_autocheckpoint": 4000, "busy_timeout": 10000,
		"temp_store": 2,
	}
	err := l.change(t.Context(), func(tx *tx) error {
		for name, want := range want {
			if got, err := one(tx, value[int], "PRAGMA "+name); err != nil || got != want {
				t.Errorf("PRAGMA %s is %d, %v; want %d", name, got, err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if mode := ask[string](t, l, "PRAGMA journal_mode"); mode != "wal" {
		t.Errorf("journal mode %s", mode)
	}
	rows, err := view{t.Context(), l.reads}.query("DELETE FROM facts")
	if err == nil {
		rows.Close()
		t.Error("a read connection can write")
	}
}

func TestFolderNames(t *testing.T) {
	for _, name := range []string{"with blank", "ünï", "50%41", "a?mode=memory", "a#b", "a&b=c"} {
		folder := filepath.Join(t.TempDir(), name)
		l := openIn(t, folder, Options{})
		if err := l.SetFact(t.Context(), "name", name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		mustClose(t, l)
		if info, err := os.Stat(filepath.Join(folder, databaseFile)); err != nil || info.Size() == 0 {
			t.Errorf("%s: the database is not where it belongs: %v", name, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, folder string)
		want    string
	}{
		{"a folder that is a file", func(t *testing.T, folder string) { write(t, folder, "") }, "is not a folder"},
		{"a database that is none", func(t *testing.T, folder string) {
			write(t, filepath.Join(folder, databaseFile), strings.Repeat("not a database", 100))
		}, "not a database"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "state")
			test.prepare(t, folder)
			_, err := Open(t.Context(), folder, Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one that says %q", err, test.want)
			}
		})
	}
}

// write makes a file and the folders above it.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLock(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	_, err := Open(t.Context(), folder, Options{})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Pid != os.Getpid() {
		t.Fatalf("a second Open: %v", err)
	}
	want := "state folder " + folder + " is in use by posthouse with pid "
	if !strings.HasPrefix(err.Error(), want) {
		t.Errorf("the error says %q, want %q and the pid", err, want)
	}
	if _, err := Lock(folder); !errors.As(err, &locked) {
		t.Errorf("Lock beside an open ledger: %v", err)
	}
	mustClose(t, l)

	lock, err := Lock(folder)
	if err != nil {
		t.Fatal(err)
	}
	l = openIn(t, folder, Options{Lock: lock})
	mustClose(t, l)
	if err := lock.Close(); err != nil {
		t.Errorf("closing a lock that the ledger closed: %v", err)
	}
	openIn(t, folder, Options{})
}

func TestLockedErrorWithoutPid(t *testing.T) {
	folder := t.TempDir()
	lock, err := Lock(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	write(t, filepath.Join(folder, lockFile), "")
	_, err = Lock(folder)
	if want := "state folder " + folder + " is in use by another posthouse"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestOpenThatFailsGivesTheLockBack(t *testing.T) {
	folder := t.TempDir()
	mustClose(t, openIn(t, folder, Options{}))
	foreign(t, folder, "PRAGMA user_version = 99")
	if _, err := Open(t.Context(), folder, Options{}); !errors.Is(err, ledger.ErrNewerSchema) {
		t.Fatalf("got %v, want ErrNewerSchema", err)
	}
	lock, err := Lock(folder)
	if err != nil {
		t.Fatalf("the lock is still held: %v", err)
	}
	lock.Close()
}

func TestCloseFoldsTheLogIn(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	if err := keepBody(t.Context(), l, "a", []byte("x"), ledger.Due); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Backlog(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	if left, _ := filepath.Glob(filepath.Join(folder, databaseFile+"-*")); len(left) != 0 {
		t.Errorf("after Close there are still %v", left)
	}
}

// What is no database, or not a whole one, is said so: it is not to be mistaken for a full disk or a wrong configuration.
func TestDamage(t *testing.T) {
	for name, damage := range map[string]func(raw []byte){
		"no database":  func(raw []byte) { copy(raw, "garbage") },
		"a page of it": func(raw []byte) { clear(raw[100:4096]) },
	} {
		folder := t.TempDir()
		mustClose(t, openIn(t, folder, Options{}))
		path := filepath.Join(folder, databaseFile)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damage(raw)
		write(t, path, string(raw))
		if _, err := Open(t.Context(), folder, Options{}); !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A child that has inherited the lock's file does not keep the folder locked.
func TestLockIsGivenBackAtOnce(t *testing.T) {
	folder := t.TempDir()
	lock, err := Lock(folder)
	if err != nil {
		t.Fatal(err)
	}
	inherited, err := unix.Dup(int(lock.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(inherited)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Lock(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
