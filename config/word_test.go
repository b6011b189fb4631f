package config

import (
	"os/exec"
	"testing"
)

func TestWord(t *testing.T) {
	for text, want := range map[string]string{
		"/etc/posthouse/posthouse.toml": "/etc/posthouse/posthouse.toml", "anna@example.com": "anna@example.com", "": "''", "/srv/two words/p.toml": "'/srv/two words/p.toml'",
		"it's": `'it'\''s'`, "$HOME": "'$HOME'", "a;b": "'a;b'", "*.toml": "'*.toml'", "~root": "'~root'", "größe": "'größe'", "a\nb": "'a\nb'", `a\b`: `'a\b'`,
	} {
		if got := Word(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
		if out, err := exec.Command("sh", "-c", "printf %s "+Word(text)).Output(); err != nil || string(out) != text {
			t.Errorf("%q: a shell reads %q, %v", text, out, err)
		}
	}
}
