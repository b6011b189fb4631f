package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const hidden = "hunter2"

// write makes a file of exactly that mode and returns its path.
func write(t testing.TB, dir, name, content string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestParseSecret(t *testing.T) {
	for _, ref := range []string{"file:/etc/x", "file:relative", "env:NAME", "credential:cloud-secret"} {
		s, err := ParseSecret(ref)
		if err != nil || s.String() != ref || s.IsZero() {
			t.Errorf("ParseSecret(%q) = %v, %v", ref, s, err)
		}
	}
	for _, bad := range []string{hidden, "", "file:", "env:", "credential:", "credential:../" + hidden, "credential:..", "File:" + hidden, ":" + hidden} {
		_, err := ParseSecret(bad)
		if err == nil {
			t.Errorf("ParseSecret(%q): want an error", bad)
		} else if strings.Contains(err.Error(), hidden) {
			t.Errorf("the error repeats what was given: %v", err)
		}
	}
}

func TestRevealFile(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, content string
		mode          fs.FileMode
		want          string
		err           string
	}{
		{"plain", hidden, 0o600, hidden, ""},
		{"newline", hidden + "\n", 0o600, hidden, ""},
		{"crlf", hidden + "\r\n", 0o600, hidden, ""},
		{"blanks", " " + hidden + " \n", 0o600, " " + hidden + " ", ""},
		{"group", hidden, 0o640, hidden, ""},
		{"others", hidden, 0o604, "", "readable by everybody (mode 0604)"},
		{"all", hidden, 0o644, "", "readable by everybody (mode 0644)"},
		{"empty", "\n", 0o600, "", "is empty"},
		{"large", strings.Repeat("x", maxSecret+1), 0o600, "", "too large"},
	} {
		s, err := ParseSecret("file:" + write(t, dir, c.name, c.content, c.mode))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Reveal()
		if got != c.want || c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: Reveal() = %q, %v, want %q, %q", c.name, got, err, c.want, c.err)
		}
	}
}

func TestRevealWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, pipe, "/dev/null"} {
		if _, err := (Secret{ref: "file:" + path}).Reveal(); err == nil || !strings.Contains(err.Error(), "is not a file") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := (Secret{ref: "file:" + dir + "/absent"}).Reveal(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	if _, err := (Secret{}).Reveal(); !errors.Is(err, ErrNoSecret) {
		t.Errorf("zero: %v", err)
	}
}

// The mode that counts is the file's, not the link's, which is always 0777.
func TestRevealThroughLink(t *testing.T) {
	dir := t.TempDir()
	for mode, refused := range map[fs.FileMode]bool{0o600: false, 0o644: true} {
		target := write(t, dir, fmt.Sprintf("target%o", mode), hidden, mode)
		link := target + ".link"
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		_, err := Secret{ref: "file:" + link}.Reveal()
		if errors.Is(err, ErrWorldReadable) != refused {
			t.Errorf("link to mode %o: %v", mode, err)
		}
	}
}

func TestRevealReadsAnew(t *testing.T) {
	path := write(t, t.TempDir(), "secret", "old", 0o600)
	s := Secret{ref: "file:" + path}
	for _, want := range []string{"old", "new"} {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Reveal(); got != want || err != nil {
			t.Errorf("Reveal() = %q, %v, want %q", got, err, want)
		}
	}
}

func TestRevealEnvironment(t *testing.T) {
	t.Setenv("POSTHOUSE_TEST_SECRET", hidden+"\n")
	s := Secret{ref: "env:POSTHOUSE_TEST_SECRET"}
	if got, err := s.Reveal(); got != hidden || err != nil {
		t.Errorf("Reveal() = %q, %v", got, err)
	}
	t.Setenv("POSTHOUSE_TEST_SECRET", "")
	if _, err := s.Reveal(); err == nil || !strings.Contains(err.Error(), "POSTHOUSE_TEST_SECRET is not set") {
		t.Errorf("empty: %v", err)
	}
}

func TestRevealCredential(t *testing.T) {
	s := Secret{ref: "credential:cloud"}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if _, err := s.Reveal(); err == nil || !strings.Contains(err.Error(), "LoadCredential=cloud:PATH") {
		t.Errorf("outside the service: %v", err)
	}
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	path := write(t, dir, "cloud", hidden+"\n", 0o400)
	if got, err := s.Reveal(); got != hidden || err != nil {
		t.Errorf("Reveal() = %q, %v", got, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reveal(); !errors.Is(err, ErrWorldReadable) {
		t.Errorf("readable by all: %v", err)
	}
}

// Whatever is printed or encoded, at whatever depth, never shows the secret.
func TestSecretIsNeverPrinted(t *testing.T) {
	s := LiteralSecret(hidden)
	type inner struct {
		Public Secret
		hidden Secret
	}
	things := []any{s, &s, inner{s, s}, &inner{s, s}, []Secret{s}, map[string]Secret{"a": s}, Account{Password: s}, struct{ m Mailbox }{Mailbox{Cloud: Account{Password: s}}}}
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
			if out := fmt.Sprintf(verb, thing); strings.Contains(out, hidden) || strings.Contains(out, fmt.Sprintf("%x", hidden)) {
				t.Errorf("%s of %T shows it: %s", verb, thing, out)
			}
		}
		out, err := json.Marshal(thing)
		if err != nil || strings.Contains(string(out), hidden) {
			t.Errorf("JSON of %T: %s, %v", thing, out, err)
		}
	}
	text, err := s.MarshalText()
	if err != nil || string(text) != "(hidden)" || s.GoString() != "(hidden)" {
		t.Errorf("MarshalText() = %s, %v; GoString() = %s", text, err, s.GoString())
	}
}

func TestSecretEqual(t *testing.T) {
	ref := Secret{ref: "env:A"}
	for _, c := range []struct {
		a, b Secret
		want bool
	}{
		{Secret{}, Secret{}, true},
		{ref, Secret{ref: "env:A"}, true},
		{ref, Secret{ref: "env:B"}, false},
		{LiteralSecret("a"), LiteralSecret("a"), true},
		{LiteralSecret("a"), LiteralSecret("b"), false},
		{LiteralSecret("a"), Secret{}, false},
		{ref, LiteralSecret("a"), false},
	} {
		if got := c.a.Equal(c.b); got != c.want {
			t.Errorf("%v.Equal(%v) = %v", c.a, c.b, got)
		}
	}
}

func TestSecretWithin(t *testing.T) {
	for _, c := range []struct{ ref, want string }{
		{"file:/a/b", "file:/a/b"}, {"file:b", "file:/dir/b"}, {"env:b", "env:b"}, {"credential:b", "credential:b"},
	} {
		if got := (Secret{ref: c.ref}).within("/dir").String(); got != c.want {
			t.Errorf("%s within /dir = %s, want %s", c.ref, got, c.want)
		}
	}
}
