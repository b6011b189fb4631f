package config

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// source is the text of a file with what was found wrong in it. It knows which pieces of the text may be
// secrets: whatever stands behind a secret's key, and behind keys that are not known, as those may be a
// secret's key misspelt.
type source struct {
	file     string
	data     []byte
	hidden   []span
	found    []finding
	warnings []finding
	dangers  []finding
	broken   bool // a syntax error ends the file early
}

type finding struct {
	at         span
	whole      bool // concerns the file as a whole
	syntax     bool
	text, hint string
}

// hide takes the rest of the line with it: comments repeat what they comment on.
func (s *source) hide(at span) {
	s.hidden = append(s.hidden, span{at.start, max(at.end, s.lineSpan(at.end).end)})
}

// hideAll hides every value in a table.
func (s *source) hideAll(t *table) {
	for _, e := range t.entries {
		s.hide(e.value.at)
		if e.value.table != nil {
			s.hideAll(e.value.table)
		}
	}
}

func (s *source) report(at span, text, hint string) {
	s.found = append(s.found, finding{at: at, text: text, hint: hint})
}

func (s *source) warn(at span, text, hint string) {
	s.warnings = append(s.warnings, finding{at: at, text: text, hint: hint})
}

func (s *source) syntax(at span, text string) {
	s.broken = true
	s.found = append(s.found, finding{at: at, syntax: true, text: "syntax: " + strings.TrimPrefix(text, "toml: ")})
}

// line is the number of the line with that offset, from 1.
func (s *source) line(offset int) int { return 1 + bytes.Count(s.data[:offset], []byte{'\n'}) }

// lineSpan is the line with that offset, without its end.
func (s *source) lineSpan(offset int) span {
	start := bytes.LastIndexByte(s.data[:offset], '\n') + 1
	end := len(s.data)
	if i := bytes.IndexByte(s.data[offset:], '\n'); i >= 0 {
		end = offset + i
	}
	if end > start && s.data[end-1] == '\r' {
		end--
	}
	return span{start, max(end, start)}
}

// problems turns findings into what people read, in the order of the lines.
func (s *source) problems(found []finding) []Problem {
	out := make([]Problem, len(found))
	for i, f := range found {
		out[i] = s.problem(f)
	}
	sortProblems(out)
	return out
}

func (s *source) problem(f finding) Problem {
	p := Problem{File: s.file, Text: f.text, Hint: f.hint}
	if f.whole {
		return p
	}
	line := s.lineSpan(f.at.start)
	start := min(f.at.start, line.end)
	p.Line = s.line(start)
	p.Column = 1 + utf8.RuneCount(s.data[line.start:start])
	p.Length = utf8.RuneCount(s.data[start:max(start, min(f.at.end, line.end))])
	p.Source = s.shown(line, f)
	return p
}

// shown is the line without what may be secret; nothing where the marked place would lie behind that.
func (s *source) shown(line span, f finding) string {
	if f.syntax {
		line.end = min(line.end, max(f.at.end, f.at.start+1)) // what comes behind it may be anything
		if !s.harmless(line) {
			return ""
		}
	}
	text, from := strings.Builder{}, line.start
	for _, h := range s.hiddenIn(line) {
		if h.start < f.at.start {
			return ""
		}
		if h.start >= from {
			text.Write(s.data[from:h.start])
			text.WriteString("…")
		}
		from = max(from, min(h.end, line.end))
	}
	text.Write(s.data[from:line.end])
	return text.String()
}

func (s *source) hiddenIn(line span) []span {
	var out []span
	for _, h := range s.hidden {
		if h.start < line.end && h.end > line.start {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(a, b span) int { return a.start - b.start })
	return out
}

var assignment = regexp.MustCompile(`^\s*(?:[A-Za-z0-9_-]+\.)*([A-Za-z0-9_-]+)\s*=[^={]*$`)

// harmless says that a line with a syntax error, which is not in the tree, sets a known key that is no
// secret, or is a table's header.
func (s *source) harmless(line span) bool {
	text := s.data[line.start:line.end]
	if bytes.HasPrefix(bytes.TrimLeft(text, " \t"), []byte("[")) {
		return bytes.IndexByte(text, '=') < 0
	}
	m := assignment.FindSubmatch(text)
	return m != nil && openKeys()[string(m[1])]
}
