package listener

import (
	"errors"
	"strings"
	"testing"
)

func TestParseCommand(t *testing.T) {
	for _, c := range []struct{ line, verb, arg string }{
		{"", "", ""},
		{"quit", "QUIT", ""},
		{"QUIT  ", "QUIT", ""},
		{"mail FROM:<a@b>", "MAIL", "FROM:<a@b>"},
		{"EHLO  host name", "EHLO", "host name"},
		{"Subject: hello", "SUBJECT:", "hello"},
		{"QUıT", "QUıT", ""},
		{"ſTARTTLS", "ſTARTTLS", ""},
	} {
		if got := parseCommand(c.line); got.verb != c.verb || got.arg != c.arg {
			t.Errorf("parseCommand(%q) = %q %q; want %q %q", c.line, got.verb, got.arg, c.verb, c.arg)
		}
	}
}

func TestCheckLine(t *testing.T) {
	for _, c := range []struct {
		line string
		want error
	}{
		{"NOOP\r\n", nil},
		{"\r\n", nil},
		{"NOOP\tx\r\n", nil},
		{"NOOP \xc3\xbc\r\n", nil},
		{"NOOP\n", errBareLineEnd},
		{"\n", errBareLineEnd},
		{"NOOP\r\r\n", errBareLineEnd},
		{"NO\rOP\r\n", errBareLineEnd},
		{"NO\x00OP\r\n", errOctets},
		{"NO\x1bOP\r\n", errOctets},
		{"NO\x7fOP\r\n", errOctets},
	} {
		if _, err := checkLine([]byte(c.line)); !errors.Is(err, c.want) {
			t.Errorf("checkLine(%q): %v; want %v", c.line, err, c.want)
		}
	}
}

func TestParseChunk(t *testing.T) {
	for _, c := range []struct {
		arg  string
		size int64
		last bool
	}{{"0", 0, false}, {"0 LAST", 0, true}, {"86 last", 86, true}, {" 4294967295 ", 1<<32 - 1, false}} {
		size, last, err := parseChunk(c.arg)
		if err != nil || size != c.size || last != c.last {
			t.Errorf("parseChunk(%q) = %d, %v, %v; want %d, %v", c.arg, size, last, err, c.size, c.last)
		}
	}
	for _, arg := range []string{"", "LAST", "10 FOO", "10 LAST x", "-1", "+1", "4294967296", "0x10", "1e3", "10 20"} {
		if size, last, err := parseChunk(arg); err == nil {
			t.Errorf("parseChunk(%q) = %d, %v; want an error", arg, size, last)
		}
	}
}

func TestParam(t *testing.T) {
	const params = "SIZE=10 envid=ab+2Bc  ORCPT=rfc822;x NOTIFY=NEVER ORCPT=rfc822;y SMTPUTF8"
	for name, want := range map[string]string{"SIZE": "10", "ENVID": "ab+2Bc", "ORCPT": "rfc822;y", "SMTPUTF8": "", "RET": ""} {
		if got := param(params, name); got != want {
			t.Errorf("param %s = %q; want %q", name, got, want)
		}
	}
}

func TestHeloName(t *testing.T) {
	for arg, want := range map[string]string{
		"mx.example.com":         "mx.example.com",
		"[IPv6:2001:db8::1]":     "[IPv6:2001:db8::1]",
		"MY PC":                  "MY",
		"a(b)<c>;\x80":           "a?b??c???",
		"büro":                   "b?ro",
		strings.Repeat("x", 999): strings.Repeat("x", maxHeloName),
	} {
		if got := heloName(arg); got != want {
			t.Errorf("heloName(%q) = %q; want %q", arg, got, want)
		}
	}
}

func FuzzCommand(f *testing.F) {
	for _, s := range []string{"MAIL FROM:<a@b>\r\n", "BDAT 10 LAST\r\n", "a\rb\r\n", "EHLO x y\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		body, err := checkLine(line)
		if err != nil {
			return
		}
		if strings.ContainsAny(string(body), "\r\n\x00") {
			t.Fatalf("%q passed with a line end or NUL inside", line)
		}
		cmd := parseCommand(string(body))
		if size, _, err := parseChunk(cmd.arg); err == nil && (size < 0 || size >= 1<<32) {
			t.Fatalf("%q: chunk of %d octets", line, size)
		}
		if name := heloName(cmd.arg); len(name) > maxHeloName || strings.ContainsAny(name, " ()<>\t") {
			t.Fatalf("%q: unfit name %q", line, name)
		}
	})
}
