package object

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Line is a content line: unfolded, and with the octets that it came with.
type Line struct {
	Raw  []byte // folds and line end included
	Text string // unfolded, without its line end
}

// Lines takes raw apart. Empty lines are lines too: joined again, the lines are raw, whose octets they share.
func Lines(raw []byte) (lines []Line) {
	begun, at := 0, 0
	var unfolded strings.Builder
	end := func() {
		if at > begun {
			lines = append(lines, Line{raw[begun:at:at], unfolded.String()})
		}
		unfolded.Reset()
		begun = at
	}
	for physical := range bytes.Lines(raw) {
		text := bytes.TrimRight(physical, "\r\n")
		if folded := len(text) > 0 && (text[0] == ' ' || text[0] == '\t'); folded && unfolded.Len() > 0 {
			text = text[1:]
		} else {
			end()
		}
		unfolded.Write(text)
		at += len(physical)
	}
	end()
	return lines
}

// Join is the inverse of Lines.
func Join(lines ...Line) []byte {
	var raw []byte
	for _, l := range lines {
		raw = append(raw, l.Raw...)
	}
	return raw
}

// NewLine folds a line at 75 octets, never within a character (RFC 5545 §3.1).
func NewLine(text string) Line {
	var raw strings.Builder
	room := 75
	for _, r := range text {
		n := max(1, utf8.RuneLen(r))
		if n > room {
			raw.WriteString("\r\n ")
			room = 74
		}
		raw.WriteRune(r)
		room -= n
	}
	raw.WriteString("\r\n")
	return Line{[]byte(raw.String()), text}
}

// ByteOrderMark begins files of programs on Windows, and each part of several such files that were joined to one.
const ByteOrderMark = "\ufeff"

// Name is the property's name in capitals, without a group.
func (l Line) Name() string {
	end := strings.IndexAny(l.Text, ";:")
	if end < 0 {
		return ""
	}
	name := strings.ToUpper(strings.TrimSpace(strings.TrimPrefix(l.Text[:end], ByteOrderMark)))
	if _, bare, grouped := strings.Cut(name, "."); grouped {
		return bare
	}
	return name
}

// Cut separates what stands before the value from the value: the first colon outside of quotes divides them.
func (l Line) Cut() (head, value string) {
	quoted := false
	for i := range len(l.Text) {
		switch {
		case l.Text[i] == '"':
			quoted = !quoted
		case l.Text[i] == ':' && !quoted:
			return l.Text[:i], l.Text[i+1:]
		}
	}
	return l.Text, ""
}

// Value is what stands after the colon.
func (l Line) Value() string {
	_, value := l.Cut()
	return value
}

// Params are the parameters as they are written, with the name before them.
func Params(head string) (parts []string) {
	start, quoted := 0, false
	for i := range len(head) {
		switch {
		case head[i] == '"':
			quoted = !quoted
		case head[i] == ';' && !quoted:
			parts = append(parts, head[start:i])
			start = i + 1
		}
	}
	return append(parts, head[start:])
}

// Param is the value of a parameter, without quotes; empty if there is none.
func (l Line) Param(name string) string {
	head, _ := l.Cut()
	for _, p := range Params(head)[1:] {
		if key, value, _ := strings.Cut(p, "="); strings.EqualFold(key, name) {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// Is reports whether the line begins or ends a component: Is("BEGIN", "VEVENT").
func (l Line) Is(name, component string) bool {
	return l.Name() == name && strings.EqualFold(strings.TrimSpace(l.Value()), component)
}
