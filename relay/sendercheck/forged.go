package sendercheck

import (
	"bytes"
	"strings"
)

// Range is a part of a message: octets from, inclusive, to, exclusive.
type Range struct{ From, To int64 }

// Forged finds the fields Authentication-Results that claim to be a host's (RFC 8601 §5) in a header, which may end anywhere: what is not whole is left. Lines may end in LF too, since others
// take those for lines as well.
func Forged(head []byte, host string) []Range {
	var found []Range
	at, from := 0, -1 // from is where the field begins that is being read, if it is one
	end := func() {
		if from >= 0 && strings.EqualFold(strings.TrimSuffix(authServID(head[from:at]), "."), strings.TrimSuffix(host, ".")) {
			found = append(found, Range{int64(from), int64(at)})
		}
		from = -1
	}
	for line := range bytes.Lines(head) {
		if !isSpace(line[0]) {
			end()
			if isResults(line) {
				from = at
			}
		}
		if line[len(line)-1] != '\n' || len(bytes.TrimRight(line, "\r\n")) == 0 {
			break // the end of the header, or of what is here of it
		}
		at += len(line)
	}
	if at == len(head) {
		end()
	}
	return found
}

const resultsName = "authentication-results"

func isResults(line []byte) bool {
	name, _, ok := bytes.Cut(line, []byte(":"))
	return ok && strings.EqualFold(string(bytes.TrimRight(name, " \t")), resultsName)
}

// authServID is the first word behind the colon, without comments and quotes (RFC 8601 §2.2).
func authServID(field []byte) string {
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
		case c == ')' && !quoted && depth > 0:
			depth--
		case depth > 0:
		case quoted && !space:
			word.WriteByte(c)
		case space && word.Len() == 0 || quoted:
		case space || c == ';':
			return word.String()
		default:
			word.WriteByte(c)
		}
	}
	return word.String()
}
