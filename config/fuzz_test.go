package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// Whatever the bytes: no panic, and either a configuration or problems with places inside the file.
func FuzzParse(f *testing.F) {
	seeds(f, "posthouse.toml", func(data []byte) { f.Add(data) })
	f.Add([]byte(Example()))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "/") {
			return // no wandering about the file system
		}
		cfg, err := Parse(filepath.Join(dir, "posthouse.toml"), data)
		if (cfg == nil) == (err == nil) {
			t.Fatalf("%v, %v", cfg, err)
		}
		var all *Errors
		if err != nil && (!errors.As(err, &all) || len(all.Problems) == 0) {
			t.Fatalf("%#v", err)
		}
		if err != nil {
			inside(t, all, data)
		} else if len(cfg.Domains) == 0 {
			t.Fatal("accepted without domains")
		}
	})
}

func inside(t *testing.T, all *Errors, data []byte) {
	t.Helper()
	lines := strings.Count(string(data), "\n") + 1
	for _, p := range all.Problems {
		if p.Line < 0 || p.Line > lines || p.Line > 0 && p.Column < 1 || p.Length < 0 || p.Text == "" {
			t.Fatalf("%+v", p)
		}
	}
}

func FuzzMailboxes(f *testing.F) {
	seeds(f, "mailboxes.csv", func(data []byte) { f.Add(data) })
	for _, s := range []string{ExampleMailboxes(), "EmailAddress,UserName,Password\na@example.com,a,p\n", "h1;u1;p1;h2;u2;p2\nlegacy;a;p;cloud;a@example.com;p\n"} {
		f.Add([]byte(s))
	}
	cfg := mustParse(f, "", "")
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "file:") || strings.Contains(string(data), "credential:") {
			return
		}
		c := *cfg
		c.Mailboxes = nil
		r := newRoster(&c, "mailboxes.csv")
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		r.read(file, data)
		lines := strings.Count(string(data), "\n") + 1
		for _, p := range r.problems {
			if p.Line < 0 || p.Line > lines || p.Text == "" {
				t.Fatalf("%+v", p)
			}
		}
		for _, m := range c.Mailboxes {
			if _, bad := checkAddress(m.Address); bad != nil || m.Line < 1 {
				t.Fatalf("%+v", m)
			}
		}
	})
}

// seeds takes the files of that name from the golden cases.
func seeds(f *testing.F, name string, add func([]byte)) {
	f.Helper()
	cases, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		a, err := txtar.ParseFile(c)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if strings.TrimSuffix(file.Name, ".0644") == name {
				add(file.Data)
			}
		}
	}
}
