package arc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// field is one header field as it stands in the message, folds and line end included.
type field struct {
	name string // in lower case
	raw  []byte
}

// What is read of a header: it is held in memory, and the work of checking signatures, by us and by others, grows with fields times names in h=.
const (
	maxHeader = 256 << 10
	maxFields = 1000
)

// Errors about messages that are not sealed.
var (
	ErrHeader = errors.New("the header cannot be read in one way only")
	ErrEnded  = errors.New("the chain has ended: no set may follow")
)

// readHeader reads up to and with the empty line that ends the header.
func readHeader(r *bufio.Reader) ([]field, error) {
	var fields []field
	for size := 0; ; {
		line, err := readLine(r, maxHeader-size)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		size += len(line)
		text := bytes.TrimRight(line, "\r\n")
		switch {
		case len(text) == 0:
			return fields, nil
		case isSpace(text[0]):
			if len(fields) == 0 {
				return nil, ErrHeader
			}
			last := &fields[len(fields)-1]
			last.raw = append(last.raw, line...)
		default:
			name, _, ok := bytes.Cut(text, []byte(":"))
			if name = bytes.TrimRight(name, " \t"); !ok || !isName(name) {
				return nil, ErrHeader
			}
			if len(fields) == maxFields {
				return nil, fmt.Errorf("more than %d fields: %w", maxFields, ErrHeader)
			}
			fields = append(fields, field{strings.ToLower(string(name)), bytes.Clone(line)})
		}
		if err != nil {
			return fields, nil // a message without an empty line has no body
		}
	}
}

// readLine reads one line of at most so many octets, with its end.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > most:
			return nil, fmt.Errorf("header of more than %d octets: %w", maxHeader, ErrHeader)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil && !bytes.HasSuffix(line, []byte("\r\n")), err != nil && len(line) > 0:
			return nil, ErrHeader // a bare LF, or a header that ends in the middle of a line
		}
		return line, err
	}
}

// isName: RFC 5322 §3.6.8.
func isName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return len(name) > 0
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// value is what stands behind the colon.
func (f field) value() []byte {
	_, v, _ := bytes.Cut(f.raw, []byte(":"))
	return v
}

// relaxed is the field in the form of RFC 6376 §3.4.2, with its line end.
func (f field) relaxed() []byte {
	out := append([]byte(f.name), ':')
	start, space := len(out), false
	for _, c := range bytes.TrimRight(f.value(), " \t\r\n") {
		switch {
		case c == '\r' || c == '\n':
		case isSpace(c):
			space = true
		default:
			if space && len(out) > start {
				out = append(out, ' ')
			}
			space = false
			out = append(out, c)
		}
	}
	return append(out, "\r\n"...)
}

// canonical is the field in one of the two forms.
func (f field) canonical(relaxed bool) []byte {
	if relaxed {
		return f.relaxed()
	}
	return f.raw
}

// unsigned is a field whose tag b is empty and which has no line end: how a signature field enters its own signature.
func (f field) unsigned(relaxed bool) []byte {
	name, value, _ := bytes.Cut(f.raw, []byte(":"))
	parts := bytes.Split(value, []byte(";"))
	for i, part := range parts {
		if tag, _, ok := bytes.Cut(part, []byte("=")); ok && string(bytes.TrimSpace(tag)) == "b" {
			parts[i] = part[:len(tag)+1]
		}
	}
	stripped := field{f.name, bytes.Join([][]byte{name, bytes.Join(parts, []byte(";"))}, []byte(":"))}
	return bytes.TrimSuffix(stripped.canonical(relaxed), []byte("\r\n"))
}
