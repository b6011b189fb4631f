package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what came out into testdata")

// Each file of testdata is a folder with a posthouse.toml and what belongs to it, and in "want" what
// people are to read: the errors, or for what is accepted the warnings. A name that ends in .0644 is a
// file of that mode without it; all others are 0600.
func TestGolden(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("only %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { golden(t, file) })
	}
}

func golden(t *testing.T, file string) {
	file, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := unpack(t, archive)
	t.Chdir(dir)
	cfg, err := Load("posthouse.toml")
	refused := strings.Contains(file, "/refused/")
	if (err != nil) != refused {
		t.Errorf("error: %v", err)
	}
	compare(t, file, archive, strings.ReplaceAll(outcome(t, cfg, err), dir, "$DIR"))
}

func outcome(t *testing.T, cfg *Config, err error) string {
	t.Helper()
	var all *Errors
	switch {
	case errors.As(err, &all):
		return err.Error() + "\n" + all.Summary() + "\n"
	case err != nil:
		t.Fatalf("Load returned %T, not *Errors", err)
	}
	var b strings.Builder
	for _, w := range cfg.Warnings {
		b.WriteString(w.String() + "\n")
	}
	return b.String()
}

func unpack(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if name, open := strings.CutSuffix(f.Name, ".0644"); open {
			write(t, dir, name, string(f.Data), 0o644)
		} else if f.Name != "want" {
			write(t, dir, f.Name, string(f.Data), 0o600)
		}
	}
	return dir
}

func compare(t *testing.T, file string, a *txtar.Archive, got string) {
	t.Helper()
	if strings.Contains(got, hidden) {
		t.Errorf("a secret is shown:\n%s", got)
	}
	last := &a.Files[len(a.Files)-1]
	if last.Name != "want" {
		t.Fatal(`"want" must come last`)
	}
	if *update {
		last.Data = []byte(got)
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := string(last.Data); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
