package delivery

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
)

func parse(s string) (Reply, error) {
	code, lines, err := readLines(bufio.NewReaderSize(strings.NewReader(s), maxReplyLine))
	if err != nil {
		return Reply{}, err
	}
	return newReply(code, lines), nil
}

func TestReply(t *testing.T) {
	tests := []struct {
		in   string
		want Reply
	}{
		{"250 ok\r\n", Reply{250, "", "ok"}},
		{"250\r\n", Reply{250, "", ""}},
		{"250 \r\n", Reply{250, "", ""}},
		{"250 ok\n", Reply{250, "", "ok"}},
		{"550 5.1.1 unknown user\r\n", Reply{550, "5.1.1", "unknown user"}},
		{"550 5.1.1\r\n", Reply{550, "5.1.1", ""}},
		{"451 4.7.651 The mail server [192.0.2.1] has been temporarily rate limited\r\n", Reply{451, "4.7.651", "The mail server [192.0.2.1] has been temporarily rate limited"}},
		{"550-5.7.26 This mail\r\n550-5.7.26 is unauthenticated. For more\r\n550 5.7.26 information, go to\r\n", Reply{550, "5.7.26", "This mail is unauthenticated. For more information, go to"}},
		{"250-first\r\n250-\r\n250 last\r\n", Reply{250, "", "first last"}},
		{"550 4.1.1 class of another code\r\n", Reply{550, "", "4.1.1 class of another code"}},
		{"554 5.6.7.8 is an address\r\n", Reply{554, "", "5.6.7.8 is an address"}},
		{"554 5.1000.1 is no code\r\n", Reply{554, "", "5.1000.1 is no code"}},
		{"554 5..1 is no code\r\n", Reply{554, "", "5..1 is no code"}},
		{"250 tab\tand \x1b[31mred\x07 \xff\u202e\r\n", Reply{250, "", "tab and \uFFFD[31mred\uFFFD \uFFFD\uFFFD"}},
	}
	for _, tt := range tests {
		got, err := parse(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("%q: %+v, %v", tt.in, got, err)
		}
	}
}

func TestReplyThatIsNone(t *testing.T) {
	tests := []struct {
		name, in string
		want     error
	}{
		{"nothing", "", io.EOF},
		{"cut line", "250 o", io.ErrUnexpectedEOF},
		{"cut reply", "250-one\r\n", io.EOF},
		{"words", "hello there\r\n", errProtocol},
		{"short", "25\r\n", errProtocol},
		{"code too low", "199 x\r\n", errProtocol},
		{"code too high", "600 x\r\n", errProtocol},
		{"no separator", "2500 x\r\n", errProtocol},
		{"codes differ", "250-x\r\n251 x\r\n", errProtocol},
		{"long line", "250 " + strings.Repeat("x", maxReply) + "\r\n", errProtocol},
		{"long line without an end", "250 " + strings.Repeat("x", maxReplyLine), io.ErrUnexpectedEOF},
		{"many lines", strings.Repeat("250-x\r\n", maxReply/7) + "250 x\r\n", errProtocol},
		{"many lines of two codes", strings.Repeat("250-x\r\n", 2*maxReplyLines) + "550 x\r\n", errProtocol},
	}
	for _, tt := range tests {
		if _, err := parse(tt.in); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestReplyTextIsBounded(t *testing.T) {
	r, err := parse(strings.Repeat("250-"+strings.Repeat("ü", 500)+"\r\n", maxReplyLines-1) + "250 x\r\n")
	if err != nil || len(r.Text) > maxReplyText+len("…") || !strings.HasSuffix(r.Text, "…") {
		t.Errorf("%d bytes, %v", len(r.Text), err)
	}
}

func TestReplyString(t *testing.T) {
	for want, r := range map[string]Reply{
		"no reply":         {},
		"250":              {Code: 250},
		"250 2.0.0":        {Code: 250, Enhanced: "2.0.0"},
		"250 2.0.0 queued": {Code: 250, Enhanced: "2.0.0", Text: "queued"},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestKindNames(t *testing.T) {
	seen := map[string]bool{}
	for k := Unsent; k <= NotFit; k++ {
		if seen[k.String()] || strings.HasPrefix(k.String(), "kind") {
			t.Errorf("kind %d is called %q", int(k), k)
		}
		seen[k.String()] = true
	}
	if got := (NotFit + 1).String(); got != "kind 6" {
		t.Errorf("unknown kind is called %q", got)
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "550 5.1.1 x\r\n", "421", "250 \x1b\r\n", "250-\n250\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parse(s)
		if err != nil {
			return
		}
		if r.Code < 200 || r.Code > 599 {
			t.Errorf("code %d", r.Code)
		}
		if strings.ContainsFunc(r.Text, func(c rune) bool { return !unicode.IsPrint(c) && c != unicode.ReplacementChar }) {
			t.Errorf("unprintable text %q", r.Text)
		}
	})
}

// TestReplyThatIsLong: however much a next hop says along with its yes or no, within reason, it is heard, and what follows it is the next reply.
func TestReplyThatIsLong(t *testing.T) {
	for name, said := range map[string]string{
		"line":  "550 5.7.1 no " + strings.Repeat("x", 3*maxReplyLine),
		"lines": strings.Repeat("550-5.7.1 no\r\n", 3*maxReplyLines) + "550 5.7.1 no",
	} {
		r := bufio.NewReaderSize(strings.NewReader(said+"\r\n221 bye\r\n"), maxReplyLine)
		code, lines, err := readLines(r)
		if reply := newReply(code, lines); err != nil || code != 550 || reply.Enhanced != "5.7.1" || !strings.HasPrefix(reply.Text, "no") || len(lines) > maxReplyLines {
			t.Errorf("%s: %d, %d lines, %v", name, code, len(lines), err)
		}
		if code, _, err := readLines(r); code != 221 || err != nil {
			t.Errorf("%s: then %d, %v", name, code, err)
		}
	}
}
