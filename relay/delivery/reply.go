package delivery

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Limits on what a next hop may say. RFC 5321 §4.5.3.1.5 allows 512 octets a
// line; real servers exceed it with their help texts.
const (
	maxReplyLine  = 4096
	maxReplyLines = 128
	maxReplyText  = 2048
)

// Reply is an answer of the next hop.
type Reply struct {
	Code     int    // 200 to 599; 0 means none
	Enhanced string // RFC 3463, e.g. "4.7.1"; empty if it gave none
	Text     string // all its lines in one, without codes, unprintable bytes replaced
}

// Positive reports a 2xx code.
func (r Reply) Positive() bool { return r.Code/100 == 2 }

// Negative reports a 4xx or 5xx code.
func (r Reply) Negative() bool { return r.Code/100 == 4 || r.Code/100 == 5 }

func (r Reply) String() string {
	if r.Code == 0 {
		return "no reply"
	}
	s := fmt.Sprintf("%03d", r.Code)
	if r.Enhanced != "" {
		s += " " + r.Enhanced
	}
	if r.Text != "" {
		s += " " + r.Text
	}
	return s
}

// errProtocol wraps whatever is not SMTP.
var errProtocol = errors.New("not an SMTP reply")

// readLines reads one reply: its code and the text of each of its lines.
func readLines(r *bufio.Reader) (code int, lines []string, err error) {
	for {
		c, last, text, err := readLine(r)
		switch {
		case err != nil:
			return 0, nil, err
		case len(lines) > 0 && c != code:
			return 0, nil, fmt.Errorf("%w: codes %d and %d in one", errProtocol, code, c)
		case len(lines) == maxReplyLines:
			return 0, nil, fmt.Errorf("%w: more than %d lines", errProtocol, maxReplyLines)
		}
		code, lines = c, append(lines, text)
		if last {
			return code, lines, nil
		}
	}
}

func readLine(r *bufio.Reader) (code int, last bool, text string, err error) {
	raw, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) || len(raw) > maxReplyLine {
		return 0, false, "", fmt.Errorf("%w: line longer than %d bytes", errProtocol, maxReplyLine)
	}
	if err == io.EOF && len(raw) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, false, "", err
	}
	line := strings.TrimRight(string(raw), "\r\n")
	code, ok := replyCode(line)
	if !ok {
		return 0, false, "", fmt.Errorf("%w: %q", errProtocol, clip(printable(line), 80))
	}
	if len(line) == 3 {
		return code, true, "", nil
	}
	return code, line[3] == ' ', line[4:], nil
}

// replyCode accepts the codes of RFC 5321 §4.2.1 followed by a space, a hyphen
// or nothing.
func replyCode(line string) (int, bool) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, false
	}
	code := 0
	for i := range 3 {
		if line[i] < '0' || line[i] > '9' {
			return 0, false
		}
		code = code*10 + int(line[i]-'0')
	}
	return code, code >= 200 && code < 600
}

func newReply(code int, lines []string) Reply {
	r := Reply{Code: code}
	var text []string
	for _, line := range lines {
		enhanced, rest := cutEnhanced(code, line)
		if r.Enhanced == "" {
			r.Enhanced = enhanced
		}
		if rest = strings.TrimSpace(printable(rest)); rest != "" {
			text = append(text, rest)
		}
	}
	r.Text = clip(strings.Join(text, " "), maxReplyText)
	return r
}

// cutEnhanced splits off an enhanced code of the reply's own class (RFC 2034
// §4). Text that merely looks like one, such as an address, stays.
func cutEnhanced(code int, line string) (enhanced, rest string) {
	word, rest, _ := strings.Cut(line, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != fmt.Sprint(code/100) {
		return "", line
	}
	for _, p := range parts[1:] {
		if len(p) < 1 || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return "", line
		}
	}
	return word, rest
}

// printable replaces what could drive a terminal or break a log line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// clip shortens s to at most n bytes, on a character's boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
