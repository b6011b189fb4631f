package sendercheck

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// What is read of a header: libraries do work that grows with the square of it.
const (
	maxHeader = 128 << 10
	maxLines  = 4000
)

// header is that of a message.
type header struct {
	raw    []byte // with the empty line
	fields []field
}

// field is one, as it stands there.
type field struct {
	name string // in lower case
	at   int
	raw  []byte // folds and line end included
}

// value is what stands behind the colon.
func (f field) value() string {
	_, v, _ := bytes.Cut(f.raw, []byte(":"))
	return string(v)
}

var errHeader = errors.New("the header cannot be read in one way only")

// readHeader reads up to and with the empty line and not an octet more.
func readHeader(message *bufio.Reader) (header, error) {
	var raw []byte
	for lines, start := 0, 0; ; {
		part, err := message.ReadSlice('\n')
		raw = append(raw, part...)
		switch {
		case len(raw) > maxHeader, lines > maxLines:
			return header{}, errHeader
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return parse(raw) // without an empty line there is no body
		case err != nil:
			return header{}, err
		case string(raw[start:]) == "\r\n":
			return parse(raw)
		}
		lines, start = lines+1, len(raw)
	}
}

// parse divides a header into its fields, up to the empty line.
func parse(raw []byte) (header, error) {
	h := header{raw: raw}
	at := 0
	for line := range bytes.Lines(raw) {
		text, ended := bytes.CutSuffix(line, []byte("\r\n"))
		name, _, colon := bytes.Cut(text, []byte(":"))
		folded := len(text) > 0 && isSpace(text[0])
		switch {
		case !ended || bytes.ContainsAny(text, "\r\n") || len(text) > 0 && !folded && !colon || folded && len(h.fields) == 0:
			return h, errHeader
		case len(text) == 0:
			return h, nil
		case folded:
			last := &h.fields[len(h.fields)-1]
			last.raw = raw[last.at : at+len(line)]
		default:
			h.fields = append(h.fields, field{strings.ToLower(string(bytes.TrimRight(name, " \t"))), at, line})
		}
		at += len(line)
	}
	h.raw = append(bytes.Clone(raw), "\r\n"...)
	return h, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// all are the values of the fields of a name, from above.
func (h header) all(name string) []string {
	var found []string
	for _, f := range h.fields {
		if f.name == name {
			found = append(found, f.value())
		}
	}
	return found
}
