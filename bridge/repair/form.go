package repair

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"posthouse/bridge/object"
	"posthouse/cutover"
)

// growing is a content line, to which physical lines are added.
type growing struct {
	raw  []byte // nil where it must be folded anew
	text []byte
}

// wellFormed makes lines of what may be one.
func wellFormed(_ cutover.FolderKind, raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("\r\r\n"), []byte("\r\n"))
	var out []growing
	for physical := range bytes.Lines(raw) {
		text := bytes.TrimPrefix(bytes.TrimRight(physical, "\r\n"), []byte(object.ByteOrderMark))
		clean := bytes.Map(printable, text)
		if !utf8.Valid(text) { // Map would spoil what is not UTF-8
			clean = withoutControls(text)
		}
		if len(clean) == 0 {
			continue
		}
		if n := len(out); n == 0 || !out[n-1].take(clean) {
			out = append(out, begun(clean))
		}
	}
	var all []byte
	for _, l := range out {
		if l.raw == nil {
			l.raw = object.NewLine(string(l.text)).Raw
		}
		all = append(all, l.raw...)
	}
	return all
}

// tzone is how Exchange 2010 names time zones: the colon ends the parameters, unless it is quoted, as in tzoneQuoted.
var tzone, tzoneQuoted = regexp.MustCompile(`^([A-Z-]+;(?:[^":]*;)?TZID=)(tzone://[^:;"]*)([:;])`), []byte(`$1"$2"$3`)

func begun(text []byte) growing {
	if now := tzone.ReplaceAll(text, tzoneQuoted); len(now) != len(text) {
		return growing{text: now}
	}
	return growing{raw: append(bytes.Clone(text), "\r\n"...), text: text}
}

// take adds a physical line, unless that begins another content line.
func (l *growing) take(text []byte) bool {
	head, quoted := l.head()
	switch {
	case text[0] == ' ' || text[0] == '\t':
		l.text = append(l.text, text[1:]...)
		l.fold(text)
	case quoted && bytes.HasSuffix(l.text, []byte("=")): // a soft line break of vCard 2.1
		l.text = append(bytes.TrimSuffix(l.text, []byte("=")), text...)
		l.fold(text)
	case isProperty(object.Line{Text: string(text)}):
		return false
	case isBase64(head): // some phones do not indent pictures
		l.text = append(l.text, text...)
		l.fold(append([]byte(" "), text...))
	default:
		l.text = append(append(l.text, `\n`...), bytes.TrimSpace(text)...)
		l.raw = nil
	}
	return true
}

func (l *growing) fold(text []byte) {
	if l.raw != nil {
		l.raw = append(append(l.raw, text...), "\r\n"...)
	}
}

// longestHead is how much of a line is looked at for its parameters.
const longestHead = 1 << 10

func (l *growing) head() (head string, quoted bool) {
	begin := object.Line{Text: string(l.text[:min(len(l.text), longestHead)])}
	head, _ = begin.Cut()
	return head, isQuoted(begin)
}

func isBase64(head string) bool {
	for _, p := range object.Params(strings.ToUpper(head))[1:] {
		if p == "BASE64" || p == "ENCODING=BASE64" || p == "ENCODING=B" {
			return true
		}
	}
	return false
}
