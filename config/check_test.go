package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestChecks(t *testing.T) {
	d := &decoder{dir: "/etc/posthouse"}
	for _, c := range []struct{ as, text, want string }{
		{"", "anything", "anything"},
		{"path", "state", "/etc/posthouse/state"},
		{"path", "../state", "/etc/state"},
		{"path", "/state", "/state"},
		{"path", "", ""},
		{"address", "Anna.Smith@Example.COM", "anna.smith@example.com"},
		{"address", "o'hara+x@example.com", "o'hara+x@example.com"},
		{"address", "jürgen@müller.example", "jürgen@xn--mller-kva.example"},
		{"mailbox", "anna@example.com.", "anna@example.com"},
		{"domain", "Example.COM.", "example.com"},
		{"domain", "müller.example", "xn--mller-kva.example"},
		{"domain", "localhost", "localhost"},
		{"@domain", "@Example.com", "@example.com"},
		{"hostport", "mail.example.com:993", "mail.example.com:993"},
		{"hostport", "[2001:db8::1]:25", "[2001:db8::1]:25"},
		{"listen", ":25", ":25"},
		{"listen", "127.0.0.1:0", "127.0.0.1:0"},
		{"listen", "", ""},
		{"url", "https://login.example.com/token", "https://login.example.com/token"},
		{"url", "http://127.0.0.1:8080/token", "http://127.0.0.1:8080/token"},
		{"fingerprint", strings.Repeat("AB:", 31) + "AB", strings.Repeat("ab", 32)},
		{"timezone", "UTC", "UTC"},
		{"a|b", "b", "b"},
	} {
		got, bad := d.check(c.as, c.text)
		if bad != nil || got != c.want {
			t.Errorf("%s %q = %q, %v, want %q", c.as, c.text, got, bad, c.want)
		}
	}
}

func TestChecksRefuse(t *testing.T) {
	d := &decoder{dir: "/"}
	for _, c := range []struct{ as, text string }{
		{"address", "anna"}, {"address", "@example.com"}, {"address", "anna@"}, {"address", "an na@example.com"},
		{"address", "anna@exa mple.com"}, {"address", "<anna@example.com>"}, {"address", ".anna@example.com"},
		{"address", "an..na@example.com"}, {"address", "anna@example..com"}, {"address", strings.Repeat("a", 65) + "@example.com"},
		{"address", "\"anna\"@example.com"}, {"address", "anna@b@example.com"}, {"address", "anna\r\n@example.com"},
		{"domain", ""}, {"domain", "anna@example.com"}, {"domain", "-example.com"}, {"domain", "example-.com"},
		{"domain", strings.Repeat("a", 64) + ".com"}, {"domain", strings.Repeat("a.", 127) + "com"}, {"domain", "exa/mple"},
		{"@domain", "example.com"}, {"@domain", "@"},
		{"hostport", "mail.example.com"}, {"hostport", ":993"}, {"hostport", "mail.example.com:0"}, {"hostport", "mail.example.com:imaps"},
		{"hostport", "mail.example.com:65536"}, {"hostport", "https://mail:1"},
		{"listen", "25"}, {"listen", ":smtp"}, {"listen", "a b:25"},
		{"url", "login.example.com"}, {"url", "http://login.example.com/token"}, {"url", "https://u:p@login.example.com/"}, {"url", "ftp://127.0.0.1/"},
		{"fingerprint", "abcd"}, {"fingerprint", strings.Repeat("g", 64)},
		{"timezone", "Mars/Olympus"},
		{"a|b", "c"}, {"a|b", "a|b"}, {"a|b", ""},
	} {
		if got, bad := d.check(c.as, c.text); bad == nil || bad.warning {
			t.Errorf("%s %q = %q, want it refused", c.as, c.text, got)
		}
	}
}

func TestParseNetwork(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"10.0.4.0/24", "10.0.4.0/24"}, {"192.0.2.1", "192.0.2.1/32"}, {"2001:db8::/32", "2001:db8::/32"},
		{"::1", "::1/128"}, {"::ffff:192.0.2.1", "192.0.2.1/32"},
	} {
		if got, err := parseNetwork(c.text); err != nil || got != netip.MustParsePrefix(c.want) {
			t.Errorf("parseNetwork(%q) = %v, %v", c.text, got, err)
		}
	}
	for _, bad := range []string{"", "10.0.4", "10.0.4.0/33", "10.0.4.1/24", "fe80::1%eth0", "mail.example.com"} {
		if got, err := parseNetwork(bad); err == nil {
			t.Errorf("parseNetwork(%q) = %v, want an error", bad, got)
		}
	}
}

func TestTooWide(t *testing.T) {
	for text, want := range map[string]bool{
		"0.0.0.0/0": true, "128.0.0.0/1": true, "10.0.0.0/8": false, "192.0.2.1/32": false, "::/0": true, "fc00::/7": false,
	} {
		if got := tooWide(netip.MustParsePrefix(text)); got != want {
			t.Errorf("tooWide(%s) = %v", text, got)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.25": true, "::1": true, "localhost": true, "": false, "0.0.0.0": false, "10.0.0.1": false, "localhost.example": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("isLoopback(%q) = %v", host, got)
		}
	}
}

func TestReadableFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path    string
		private bool
		want    string
	}{
		{"", true, ""},
		{write(t, dir, "public", "x", 0o644), false, ""},
		{write(t, dir, "group", "x", 0o640), true, ""},
		{write(t, dir, "open", "x", 0o644), true, "is readable by everybody (mode 0644)"},
		{dir, false, "is not a file"},
		{pipe, false, "is not a file"},
		{dir + "/absent", false, "does not exist"},
		{dir + "/open/below", false, "not a directory"},
	} {
		bad := readableFile(c.path, c.private)
		if (bad == nil) != (c.want == "") || bad != nil && !strings.Contains(bad.text, c.want) {
			t.Errorf("readableFile(%s, %v) = %v, want %q", c.path, c.private, bad, c.want)
		}
	}
}

// What this user may not read, the service may: it is a warning, with the group that would help.
func TestForbiddenFileIsAWarning(t *testing.T) {
	path := write(t, t.TempDir(), "key", "x", 0o640)
	bad := openFault(path, &os.PathError{Op: "open", Path: path, Err: syscall.EACCES})
	if !bad.warning || !strings.Contains(bad.hint, "SupplementaryGroups=") {
		t.Errorf("%+v", bad)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if hint := groupHint(path); !strings.Contains(hint, "let the service's group read it") {
		t.Errorf("no group may read it, but the hint is %q", hint)
	}
}

func TestSocketPath(t *testing.T) {
	for _, c := range []struct {
		text string
		bad  bool
	}{
		{"[control]\nsocket = \"/" + strings.Repeat("s", 106) + "\"", false},
		{"[control]\nsocket = \"/" + strings.Repeat("s", 107) + "\"", true},
		{"state = \"/" + strings.Repeat("s", 93) + "\"\n", false},
		{"state = \"/" + strings.Repeat("s", 94) + "\"\n", true},
	} {
		text := base + c.text
		if strings.HasPrefix(c.text, "state") {
			text = c.text + base
		}
		_, err := Parse("posthouse.toml", []byte(text))
		if bad := err != nil && strings.Contains(err.Error(), "control socket's path"); bad != c.bad {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}
