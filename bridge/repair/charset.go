package repair

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"posthouse/bridge/object"
	"posthouse/cutover"
)

// inUTF8 reads lines that are not UTF-8 in the charset that they name, or else as Windows-1252.
func inUTF8(_ cutover.FolderKind, raw []byte) []byte {
	if utf8.Valid(raw) {
		return raw
	}
	return eachLine(raw, func(l object.Line) []object.Line {
		switch {
		case utf8.Valid(l.Raw):
			return []object.Line{l}
		case utf8.ValidString(l.Text): // folded within a character
			return []object.Line{object.NewLine(l.Text)}
		}
		charset := l.Param("CHARSET")
		l = object.NewLine(decoded(l.Text, charset))
		if charset != "" {
			l = withParam(l, "CHARSET", "")
		}
		return []object.Line{l}
	})
}

// decoded is text in UTF-8. What is no text in its charset, or in one that nobody knows, is read as Windows-1252, in which everything is some text.
func decoded(text, charset string) string {
	if as, err := htmlindex.Get(strings.TrimSpace(charset)); err == nil {
		if now, ok := decodedAs(as, text); ok {
			return now
		}
	}
	if utf8.ValidString(text) {
		return text
	}
	now, _ := decodedAs(charmap.Windows1252, text)
	return now
}

func decodedAs(as encoding.Encoding, text string) (now string, ok bool) {
	now, err := as.NewDecoder().String(text)
	return now, err == nil && !strings.ContainsRune(now, utf8.RuneError)
}
