package sqlite

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"posthouse/ledger"
)

func generation(t *testing.T, folder string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, generationFile))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// backUp copies the database of a closed ledger and returns how to put it back.
func backUp(t *testing.T, folder string) (restore func()) {
	t.Helper()
	path := filepath.Join(folder, databaseFile)
	copied, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return func() { write(t, path, string(copied)) }
}

func TestRestartsAreNoRollback(t *testing.T) {
	folder := t.TempDir()
	last := 0
	for range 4 {
		l := openIn(t, folder, Options{})
		if l.RolledBack() {
			t.Fatal("a restart counts as rolled back")
		}
		if n := generation(t, folder); n <= last {
			t.Errorf("generation %d after %d", n, last)
		} else {
			last = n
		}
		mustClose(t, l)
	}
}

func TestRolledBack(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, folder string, restore func())
	}{
		{"an older database", func(t *testing.T, folder string, restore func()) { restore() }},
		{"no generation file", func(t *testing.T, folder string, _ func()) { os.Remove(filepath.Join(folder, generationFile)) }},
		{"garbage in the generation file", func(t *testing.T, folder string, _ func()) { write(t, filepath.Join(folder, generationFile), "x") }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			mustClose(t, openIn(t, folder, Options{}))
			restore := backUp(t, folder)
			mustClose(t, openIn(t, folder, Options{}))
			test.damage(t, folder, restore)
			checkRolledBack(t, folder)
		})
	}
}

// checkRolledBack opens three times: found out, remembered, and over once it is reconciled.
func checkRolledBack(t *testing.T, folder string) {
	t.Helper()
	for range 2 {
		l := openIn(t, folder, Options{})
		if !l.RolledBack() {
			t.Fatal("not noticed")
		}
		mustClose(t, l)
	}
	l := openIn(t, folder, Options{})
	if err := l.Reconciled(t.Context()); err != nil || l.RolledBack() {
		t.Fatalf("after Reconciled: %v, %v", l.RolledBack(), err)
	}
	mustClose(t, l)
	if openIn(t, folder, Options{}).RolledBack() {
		t.Error("Reconciled was forgotten")
	}
}

// TestRolledBackLedgerDoubts restores a database that knows a capture as due and another one not at all.
func TestRolledBackLedgerDoubts(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	if err := keepBody(t.Context(), l, "old", []byte("x"), ledger.Due); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	restore := backUp(t, folder)
	l = openIn(t, folder, Options{})
	if err := keepBody(t.Context(), l, "new", make([]byte, 100<<10), ledger.Due); err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
	restore()

	l = openIn(t, folder, Options{})
	if n, err := l.Reopen(t.Context(), noon); err != nil || n != 1 {
		t.Errorf("Reopen put %d in doubt, %v; want the one that was due", n, err)
	}
	if kept, _ := filepath.Glob(filepath.Join(folder, orphanFolder, "*.eml")); len(kept) != 1 {
		t.Errorf("the body of the capture that the restored database does not know: %v", kept)
	}
}

func TestGenerationCountsOnWhileRunning(t *testing.T) {
	folder := t.TempDir()
	l := openIn(t, folder, Options{})
	before := generation(t, folder)
	if err := l.SetFact(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	if n := generation(t, folder); n != before {
		t.Errorf("generation %d after %d within the first minute", n, before)
	}
	if err := l.change(t.Context(), func(*tx) error { l.mark.every = 0; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := l.SetFact(t.Context(), "a", "c"); err != nil {
		t.Fatal(err)
	}
	// A further change is answered only after the writer finished the group before it, file included.
	if err := l.SetFact(t.Context(), "a", "d"); err != nil {
		t.Fatal(err)
	}
	if n := generation(t, folder); n <= before {
		t.Errorf("generation %d, want more than %d", n, before)
	}
}
