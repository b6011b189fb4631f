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
// line; real servers exceed it with their help texts. What is longer than a line
// or has more lines is read and forgotten, for its code is worth knowing: a yes
// that is not heard makes a second copy.
const (
	maxReply      = 256 << 10
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

// readLines reads one reply: its code and the text of each of its lines, of the
// first ones if they are many.
func readLines(r *bufio.Reader) (code int, lines []string, err error) {
	for left, first := maxReply, true; ; first = false {
		line, n, err := readLine(r, left)
		if err != nil {
			return 0, nil, err
		}
		left -= n
		c, last, text, err := parseLine(line)
		switch {
		case err != nil:
			return 0, nil, err
		case !first && c != code:
			return 0, nil, fmt.Errorf("%w: codes %d and %d in one", errProtocol, code, c)
		case len(lines) < maxReplyLines:
			lines = append(lines, text)
		}
		if code = c; last {
			return code, lines, nil
		}
	}
}

// readLine returns the beginning of a line, all of it if it is no longer than
// maxReplyLine, and how many octets it has. They must not be more than most.
func readLine(r *bufio.Reader, most int) (line string, n int, err error) {
	for {
		raw, err := r.ReadSlice('\n')
		if n += len(raw); n > most {
			return "", n, fmt.Errorf("%w: longer than %d bytes", errProtocol, maxReply)
		}
		if line == "" {
			line = string(raw)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && n > 0:
			err = io.ErrUnexpectedEOF
		}
		return strings.TrimRight(line, "\r\n"), n, err
	}
}

func parseLine(line string) (code int, last bool, text string, err error) {
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
