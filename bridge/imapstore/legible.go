package imapstore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// legible is what go-imap reads: the server's octets, with those response lines put right over which go-imap would give the connection up, and with it a whole folder, although what is odd
// in them is nothing that we need. Literals, and with them bodies and headers, pass untouched.
type legible struct {
	from *bufio.Reader
	// out is what was read of a line and not yet handed on.
	out     []byte
	literal int64  // octets left of it
	before  []byte // the end of what was read of a line whose end has not come
}

const legibleBuffer = 16 << 10

func newLegible(from io.Reader) *legible {
	return &legible{from: bufio.NewReaderSize(from, legibleBuffer)}
}

func (l *legible) Read(p []byte) (int, error) {
	if len(l.out) == 0 && l.literal > 0 {
		n, err := l.from.Read(p[:min(int64(len(p)), l.literal)])
		l.literal -= int64(n)
		return n, err
	}
	if len(l.out) == 0 {
		if err := l.line(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}

// line reads a line, or a part of one that is too long to be put right.
func (l *legible) line() error {
	line, err := l.from.ReadSlice('\n')
	begun := len(l.before) > 0
	l.before = append(l.before, line[max(0, len(line)-len("{18446744073709551615+}\r\n")):]...)
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		l.out = line
		return nil
	case err != nil && len(line) == 0:
		return err
	case err == nil && !begun:
		line = mended(line)
	}
	l.out = line
	if _, size, announced := literalAt(strings.TrimRight(string(l.before), "\r\n")); announced && !isStatus(line) {
		l.literal = size
	}
	l.before = l.before[:0]
	return nil
}

// isStatus reports whether a line ends with text for people, where braces are no announcement.
func isStatus(line []byte) bool {
	r := parseReply(string(line[:min(len(line), 64)]))
	return r.kind == "OK" || r.kind == "NO" || r.kind == "BAD" || r.kind == "BYE"
}

// mended puts one whole line right.
func mended(line []byte) []byte {
	if !bytes.HasPrefix(line, []byte("* ")) {
		return line
	}
	r := parseReply(strings.TrimRight(string(line), "\r\n"))
	if _, err := strconv.ParseUint(r.kind, 10, 64); err == nil {
		return mendedCount(line, r)
	}
	switch r.kind {
	case "FLAGS":
		return []byte("* FLAGS ()\r\n") // what messages may have is told by PERMANENTFLAGS
	case "OK", "NO", "BAD":
		return mendedStatus(line, r)
	}
	return line
}

// mendedStatus keeps of the codes in untagged responses (RFC 9051 §7.1, COPYUID as RFC 6851 §4.3 has it) those that are used and can be read.
func mendedStatus(line []byte, r reply) []byte {
	_, err := strconv.ParseUint(r.args, 10, map[string]int{"UIDVALIDITY": 32, "UIDNEXT": 32, "HIGHESTMODSEQ": 63}[r.code])
	switch {
	case r.code == "PERMANENTFLAGS":
		return fmt.Appendf(nil, "* %s [PERMANENTFLAGS (%s)] flags\r\n", r.kind, strings.Join(readableFlags(r.args), " "))
	case r.code == "NOMODSEQ", r.code == "CAPABILITY", r.code == "COPYUID", err == nil && (r.code == "UIDVALIDITY" || r.code == "UIDNEXT" || r.code == "HIGHESTMODSEQ"):
		return line
	case r.code == "" && !strings.HasPrefix(r.text, "["):
		return line
	}
	return fmt.Appendf(nil, "* %s %s\r\n", r.kind, strings.TrimLeft(r.text, "["))
}

// readableFlags are the flags of a list, but for those that are no atoms (RFC 9051 §9, flag): nobody could set them either.
func readableFlags(list string) []string {
	var kept []string
	for flag := range strings.FieldsSeq(strings.Trim(list, "()")) {
		if flag == `\*` || flag != `\` && !strings.ContainsFunc(strings.TrimPrefix(flag, `\`), notAtom) && !strings.Contains(flag, "[") && flag != "NIL" {
			kept = append(kept, flag)
		}
	}
	return kept
}

// mendedCount is for responses that begin with a number.
func mendedCount(line []byte, r reply) []byte {
	what, _, _ := strings.Cut(r.text, " ")
	switch strings.ToUpper(what) {
	case "RECENT":
		return []byte("* 0 RECENT\r\n")
	case "FETCH":
		return mendedFetch(line)
	}
	return line
}

// mendedFetch puts right the details of a message before its content, which may be a string on the same line.
func mendedFetch(line []byte) []byte {
	details, content := string(line), ""
	if i := strings.Index(details, "BODY["); i >= 0 {
		details, content = details[:i], details[i:]
	}
	details = strings.TrimRight(details, "\r\n")
	right := mendedDetail(details, "FLAGS ", legibleFlags)
	right = mendedDetail(right, "INTERNALDATE ", legibleDate)
	right = mendedDetail(right, "RFC822.SIZE ", legibleSize)
	if right == details {
		return line
	}
	if content == "" {
		content = "\r\n"
	}
	return []byte(right + content)
}

// mendedDetail gives what stands behind a name to legible, which returns how much of it is the value, and the name with another value, or nothing, in its place.
func mendedDetail(details, name string, legible func(value string) (length int, instead string)) string {
	i := strings.Index(details, name)
	if i < 1 || details[i-1] != ' ' && details[i-1] != '(' {
		return details
	}
	value := details[i+len(name):]
	length, instead := legible(value)
	if length == 0 {
		return details
	}
	after := value[length:]
	if instead == "" {
		return details[:i] + strings.TrimPrefix(after, " ")
	}
	return details[:i] + name + instead + after
}

func legibleFlags(value string) (int, string) {
	if strings.HasPrefix(value, "NIL") {
		return len("NIL"), "()"
	}
	end := strings.Index(value, ")")
	if !strings.HasPrefix(value, "(") || end < 0 {
		return 0, ""
	}
	flags := readableFlags(value[:end])
	if len(flags) == len(strings.Fields(value[1:end])) {
		return 0, ""
	}
	return end + 1, "(" + strings.Join(flags, " ") + ")"
}

// legibleDate leaves out a date that is none: the date written in the message stands for it.
func legibleDate(value string) (int, string) {
	if strings.HasPrefix(value, "NIL") {
		return len("NIL"), ""
	}
	end := strings.Index(strings.TrimPrefix(value, `"`), `"`)
	if !strings.HasPrefix(value, `"`) || end < 0 {
		return 0, ""
	}
	if at, err := time.Parse(strings.Trim(internalDate, `"`), value[1:end+1]); err == nil && !at.IsZero() {
		return 0, ""
	}
	return end + 2, ""
}

func legibleSize(value string) (int, string) {
	word := value
	if end := strings.IndexAny(value, " )"); end >= 0 {
		word = value[:end]
	}
	if _, err := strconv.ParseInt(word, 10, 64); err == nil && !strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "+") {
		return 0, ""
	}
	return len(word), "0"
}

// uidsOf lists a set that a server told, rising; 0, which is no UID, is left out. go-imap would panic over it, and list a range up to the last number there is.
func uidsOf(set imap.NumSet, most uint64) ([]imap.UID, error) {
	ranges, _ := set.(imap.UIDSet)
	var count uint64
	for _, r := range ranges {
		if (r.Start == 0) != (r.Stop == 0) {
			return nil, errors.New("server told a range without an end")
		}
		count += uint64(max(r.Start, r.Stop)-min(r.Start, r.Stop)) + 1
	}
	if count > most {
		return nil, fmt.Errorf("server told of %d messages, %d are believed at the most", count, most)
	}
	uids := make([]imap.UID, 0, count)
	for _, r := range ranges {
		for uid := max(uint64(min(r.Start, r.Stop)), 1); uid <= uint64(max(r.Start, r.Stop)); uid++ {
			uids = append(uids, imap.UID(uid))
		}
	}
	return uids, nil
}
