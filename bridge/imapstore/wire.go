package imapstore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxLine bounds what is read of one response line, literals included. Responses to our own few commands are short; LIST lines may hold literals.
const maxLine = 64 << 10

var errLineTooLong = errors.New("server sent a response line that is too long")

// reply is one response line, taken apart as far as every kind of line allows.
type reply struct {
	tag  string // "*", "+" or the command's
	kind string // OK, NO, BAD, BYE, PREAUTH, CAPABILITY, LIST …, in upper case
	code string // response code in upper case, without brackets and arguments
	args string // the code's arguments
	text string // all that follows
}

// parseReply never fails: what is missing stays empty.
func parseReply(line string) reply {
	var r reply
	r.tag, line, _ = strings.Cut(line, " ")
	if r.tag == "+" {
		r.text = line
		return r
	}
	r.kind, r.text, _ = strings.Cut(line, " ")
	r.kind = strings.ToUpper(r.kind)
	if !strings.HasPrefix(r.text, "[") {
		return r
	}
	inside, after, closed := strings.Cut(r.text[1:], "]")
	if !closed {
		return r
	}
	r.code, r.args, _ = strings.Cut(inside, " ")
	r.code, r.text = strings.ToUpper(r.code), strings.TrimPrefix(after, " ")
	return r
}

// said is the reply as a person should read it: "NO [CODE] text".
func (r reply) said() string {
	said := r.kind
	if r.code != "" {
		said += " [" + strings.TrimSpace(r.code+" "+r.args) + "]"
	}
	return said + " " + r.text
}

// readLine reads one response line without its line end. A literal in it is put in as a quoted string, so that the line can be parsed as text.
func readLine(r *bufio.Reader) (string, error) {
	var line strings.Builder
	for {
		part, err := readPart(r, maxLine-line.Len())
		if err != nil {
			return "", err
		}
		before, size, ok := literalAt(part)
		if !ok {
			line.WriteString(part)
			return line.String(), nil
		}
		line.WriteString(before)
		if size > int64(maxLine-line.Len()) {
			return "", errLineTooLong
		}
		literal := make([]byte, size)
		if _, err := io.ReadFull(r, literal); err != nil {
			return "", err
		}
		line.WriteString(quoted(string(literal)))
	}
}

func readPart(r *bufio.Reader, room int) (string, error) {
	var part []byte
	for {
		chunk, err := r.ReadSlice('\n')
		if part = append(part, chunk...); len(part) > room {
			return "", errLineTooLong
		}
		if err == nil {
			return strings.TrimRight(string(part), "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
	}
}

// literalAt tells whether a line ends by announcing a literal, as {123} or {123+}.
func literalAt(line string) (before string, size int64, ok bool) {
	open := strings.LastIndexByte(line, '{')
	if open < 0 || !strings.HasSuffix(line, "}") {
		return "", 0, false
	}
	size, err := strconv.ParseInt(strings.TrimSuffix(line[open+1:len(line)-1], "+"), 10, 64)
	return line[:open], size, err == nil && size >= 0
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// refusal is a tagged NO or BAD, or the BYE of a server that does not let us in.
type refusal struct{ reply }

func (e refusal) Error() string { return fmt.Sprintf("server answered: %s", e.said()) }
