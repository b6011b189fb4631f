package config

import (
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestExampleValidates(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	path := filepath.Join(t.TempDir(), "posthouse.toml")
	cfg, err := Parse(path, []byte(Example()))
	if err != nil {
		t.Fatalf("the example is refused:\n%v", err)
	}
	if len(cfg.Servers) != 2 || len(cfg.Listeners) != 1 || cfg.Servers["cloud"].OAuth.Kind != OAuthClientCredentials {
		t.Errorf("%+v", cfg)
	}
	for _, w := range cfg.Warnings {
		if !strings.Contains(w.Text, "LoadCredential=") && !strings.Contains(w.Text, "there is no such file") && !strings.Contains(w.Text, "never filled in") {
			t.Errorf("the example warns: %v", w)
		}
	}
}

var commentedKey = regexp.MustCompile(`(?m)^#([a-z\["].*)$`)

// uncommented is the example with every key in force. What excludes one another is left out, and what
// must be a file is one.
func uncommented(t *testing.T, dir string) string {
	public, private := write(t, dir, "public", "x", 0o644), write(t, dir, "private", hidden, 0o600)
	text := commentedKey.ReplaceAllString(Example(), "$1")
	text = strings.Replace(text, `allow = ["10.0.4.0/24"]`, "", 1) // not for an MX
	text = strings.Replace(text, "[listeners.mx.devices]\n\"10.0.4.31\" = \"scanner-2\"\n", "", 1)
	for _, r := range [][2]string{
		{`(?m)^authzid = false$`, `authzid = true`}, // as master_user is given
		{`(tls_cert|ca_file|client_cert) = ".*"`, `$1 = "` + public + `"`},
		{`(tls_key|client_key|key_file) = ".*"`, `$1 = "` + private + `"`},
		{`tls_more = .*`, `tls_more = ["` + private + `"]`},
		{`"credential:.*"`, `"file:` + private + `"`},
		{`(?m)^virtual = ".*"$`, `virtual = "` + write(t, dir, "virtual", "web@example.com bob\n", 0o644) + `"`},
		{`"/var/log/mail.log"`, `"` + public + `"`},
	} {
		text = regexp.MustCompile(r[0]).ReplaceAllString(text, r[1])
	}
	return text
}

func TestExampleValidatesWithEveryKey(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "mailboxes.csv", ExampleMailboxes(), 0o600)
	text := uncommented(t, dir)
	cfg, err := Parse(filepath.Join(dir, "posthouse.toml"), []byte(text))
	if err != nil {
		t.Fatalf("%v", err)
	}
	if b := cfg.Bridge; b.Shared["sales"].Mailbox != "info@example.com" || b.Mailboxes["anna@example.com"].Folders["Notizen"] != "Notes" {
		t.Errorf("bridge: %+v", b)
	}
	if len(cfg.Listeners) != 4 || len(cfg.Evidence) != 3 || len(cfg.Mailboxes) != 4 || cfg.Recipients.Postmaster == "" || len(cfg.Recipients.Listed) != 1 || len(cfg.Recipients.Ask) != 2 || cfg.Verdict.MXSwitched.IsZero() {
		t.Errorf("%+v", cfg)
	}
}

var shownDefault = regexp.MustCompile(`(?m)^(# \((?:live|restart)\) Default: .*\n)#`)

// Defaults that the example shows are the defaults.
func TestExampleShowsTheDefaults(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "mailboxes.csv", "", 0o600)
	path := filepath.Join(dir, "posthouse.toml")
	text := strings.Replace(Example(), "#[evidence.maillog]", "[evidence.maillog]", 1)
	text = strings.Replace(text, "#file = ", "file = ", 1)
	plain, err := Parse(path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(shownDefault.FindAllString(Example(), -1)); n < 30 {
		t.Fatalf("only %d defaults are shown", n)
	}
	explicit, err := Parse(path, []byte(shownDefault.ReplaceAllString(text, "$1")))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range Diff(plain, explicit) {
		t.Errorf("the example shows another default: %s", c)
	}
}

func TestEveryKeyIsInTheExample(t *testing.T) {
	lines := map[string]bool{}
	for line := range strings.Lines(Example()) {
		key, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "#"), " = ")
		lines[key] = true
	}
	walkKeys(reflect.TypeFor[Config](), "", func(path string, f field) {
		switch {
		case isSection(f.typ):
		case isSections(f.typ):
			if !strings.Contains(Example(), "["+path+".") {
				t.Errorf("no [%s.NAME] in the example", path)
			}
		case f.typ.Kind() == reflect.Map:
			if !regexp.MustCompile(`\[` + strings.ReplaceAll(regexp.QuoteMeta(path), "NAME", `[^\]]+`) + `\]`).MatchString(Example()) {
				t.Errorf("no [%s] in the example", path)
			}
		case !lines[f.name]:
			t.Errorf("no %s in the example", path)
		}
	})
}

// The tags and comments that everything is made from are right.
func TestDefinitions(t *testing.T) {
	n := 0
	walkKeys(reflect.TypeFor[Config](), "", func(path string, f field) {
		n++
		if docOf(f) == "" {
			t.Errorf("%s has no comment", path)
		}
		if strings.Trim(f.name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("%s: the key has other letters", path)
		}
		if isPlain(f.typ) && !f.hasDef && f.example == "" {
			t.Errorf("%s has neither default nor example", path)
		}
		for _, as := range []string{f.as, f.keys} {
			if !knownCheck(as) {
				t.Errorf("%s: nothing checks %q", path, as)
			}
		}
		readableTags(t, path, f)
	})
	if n < 90 {
		t.Errorf("only %d keys were looked at", n)
	}
}

func knownCheck(as string) bool {
	named := []string{"", "path", "file", "secretfile", "@domain"}
	return slices.Contains(named, as) || checks[as] != nil || strings.Contains(as, "|")
}

func readableTags(t *testing.T, path string, f field) {
	t.Helper()
	typ := f.typ
	if typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	for _, text := range append(splitList(f.def), f.min, f.max) {
		if text == "" {
			continue
		}
		if err := setText(reflect.New(typ).Elem(), text); err != nil {
			t.Errorf("%s: %q: %v", path, text, err)
		}
	}
}

func TestLiteralOf(t *testing.T) {
	for _, c := range []struct {
		typ        reflect.Type
		text, want string
	}{
		{reflect.TypeFor[string](), "a \"b\"", `"a \"b\""`},
		{reflect.TypeFor[bool](), "true", "true"},
		{reflect.TypeFor[int](), "5", "5"},
		{reflect.TypeFor[float64](), "0.9", "0.9"},
		{durationType, "6h", `"6h"`},
		{sizeType, "1GB", `"1GB"`},
		{timeType, "2026-11-21T18:00:00+01:00", "2026-11-21T18:00:00+01:00"},
		{reflect.TypeFor[[]string](), "a, b", `["a", "b"]`},
		{reflect.TypeFor[[]string](), "", "[]"},
	} {
		if got := literalOf(c.typ, c.text); got != c.want {
			t.Errorf("literalOf(%s, %q) = %s, want %s", c.typ, c.text, got, c.want)
		}
	}
}

func TestElsewhere(t *testing.T) {
	for key, want := range map[string]string{
		"hold_after":   "it stands in [relay]",
		"organisation": "organisation stands at the top, above the first [table]",
		"required":     "",
		"nonsense":     "",
		"imap":         "it stands in [servers.NAME]",
	} {
		if got := elsewhere(key); got != want {
			t.Errorf("elsewhere(%q) = %q, want %q", key, got, want)
		}
	}
}
