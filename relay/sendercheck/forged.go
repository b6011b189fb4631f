package sendercheck

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// Range is a part of a message: octets From, inclusive, to To, exclusive.
type Range struct{ From, To int64 }

const (
	// maxField is how much of a field is read to find out whose it is. Who puts longer comments before the name hides it.
	maxField = 4096
	// maxForged is how many parts are remembered.
	maxForged = 1000
)

// ErrForged is about a message with more forged fields than anybody writes by mistake.
var ErrForged = errors.New("too many forged Authentication-Results")

// Forged finds the fields Authentication-Results that claim to be a host's (RFC 8601 §5) in a message that is written to it, however long its header. Lines may end in LF alone, since others take
// those for lines as well. It is an io.Writer that never fails.
type Forged struct {
	host  string
	at    int64  // octets seen
	from  int64  // where the field begins
	field []byte // its beginning
	line  int64  // where the line begins
	done  bool   // the header is over
	found []Range
	many  bool
}

// NewForged looks for the fields of a host.
func NewForged(host string) *Forged { return &Forged{host: strings.TrimSuffix(host, ".")} }

// Write reads on.
func (f *Forged) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && !f.done; {
		part := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			part = rest[:i+1]
		}
		f.read(part)
		rest = rest[len(part):]
	}
	return len(p), nil
}

// read reads a line or a part of one.
func (f *Forged) read(part []byte) {
	if f.at == f.line && !isSpace(part[0]) {
		f.end()
		f.from, f.field = f.at, f.field[:0]
	}
	f.field = append(f.field, part[:min(len(part), maxField-len(f.field))]...)
	f.at += int64(len(part))
	if part[len(part)-1] == '\n' {
		f.done = f.from == f.line && (string(f.field) == "\r\n" || string(f.field) == "\n")
		f.line = f.at
	}
}

// end looks at a field that is whole.
func (f *Forged) end() {
	if !isResults(f.field) {
		return
	}
	id, ended := authServID(f.field)
	if !strings.EqualFold(strings.TrimSuffix(id, "."), f.host) && (ended || len(f.field) < maxField) {
		return
	}
	if last := len(f.found) - 1; last >= 0 && f.found[last].To == f.from {
		f.found[last].To = f.at
		return
	}
	if f.many = f.many || len(f.found) == maxForged; !f.many {
		f.found = append(f.found, Range{f.from, f.at})
	}
}

// Ranges are the parts of the message that are forged. Those that follow one another are one. Nothing may be written any more.
func (f *Forged) Ranges() ([]Range, error) {
	if !f.done {
		f.end()
		f.done = true
	}
	if f.many {
		return nil, ErrForged
	}
	return slices.Clone(f.found), nil
}

const resultsName = "authentication-results"

func isResults(field []byte) bool {
	name, _, ok := bytes.Cut(field, []byte(":"))
	return ok && strings.EqualFold(string(bytes.TrimRight(name, " \t")), resultsName)
}

// authServID is the first word behind the colon, without comments and quotes (RFC 8601 §2.2), and whether it ended there.
func authServID(field []byte) (id string, ended bool) {
	_, value, _ := bytes.Cut(field, []byte(":"))
	var word strings.Builder
	for depth, quoted, i := 0, false, 0; i < len(value); i++ {
		c := value[i]
		space := isSpace(c) || c == '\r' || c == '\n'
		switch {
		case c == '\\' && (quoted || depth > 0) && i+1 < len(value):
			if i++; quoted {
				word.WriteByte(value[i])
			}
		case c == '"' && depth == 0:
			quoted = !quoted
		case c == '(' && !quoted:
			depth++
		case depth > 0:
			if c == ')' {
				depth--
			}
		case space && (quoted || word.Len() == 0):
		case !quoted && (space || c == ';'):
			return word.String(), true
		default:
			word.WriteByte(c)
		}
	}
	return word.String(), false
}
