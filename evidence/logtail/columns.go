package logtail

import (
	"slices"
	"strings"
)

// sheet is what a dialect wants of files whose header names their columns, and how a line is cut into them.
type sheet struct {
	fields   []string // the wanted columns; a dialect knows them by their index
	defaults []string // headers of files that have none, told apart by their number of columns; the last is that of all others
	split    func(line string, values []string) []string
}

// columns are where the wanted fields stand in one file.
type columns struct {
	header string
	at     []int // -1: the file has no such column
}

// row is one line, cut.
type row struct {
	values []string
	at     []int
}

// get is the value of a wanted field; "" if the line has none.
func (r row) get(field int) string {
	if i := r.at[field]; i >= 0 && i < len(r.values) {
		return r.values[i]
	}
	return ""
}

// cut cuts a line by the header of its file.
func (s *State) cut(line string, sh *sheet) row {
	s.values = sh.split(line, s.values[:0])
	if s.file.Header != "" {
		return row{s.values, s.locate(sh, s.file.Header)}
	}
	if s.guess.header == "" || s.guess.columns != len(s.values) {
		s.guess = guess{len(s.values), sh.headerFor(len(s.values))}
	}
	return row{s.values, s.locate(sh, s.guess.header)}
}

// guess is the header of lines without one, that have so many columns.
type guess struct {
	columns int
	header  string
}

func (sh *sheet) headerFor(n int) string {
	i := slices.IndexFunc(sh.defaults, func(h string) bool { return len(splitHeader(h)) == n })
	if i < 0 {
		i = len(sh.defaults) - 1
	}
	return sh.defaults[i]
}

// locate finds the wanted fields in a header. The names of columns have been written in more than one way.
func (s *State) locate(sh *sheet, header string) []int {
	if s.columns.header == header {
		return s.columns.at
	}
	names := splitHeader(header)
	at := make([]int, len(sh.fields))
	for i, want := range sh.fields {
		at[i] = slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, want) })
	}
	s.columns = columns{header, at}
	return at
}

// splitHeader cuts a header at whatever its file's columns are cut at.
func splitHeader(header string) []string {
	sep := " "
	for _, s := range []string{",", "\t"} {
		if strings.Contains(header, s) {
			sep = s
		}
	}
	names := strings.Split(strings.TrimRight(header, " \t\r"), sep)
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// directive reads the lines that begin with "#": the names of columns, and the time at which the file was begun.
func (s *State) directive(line string, event *Event) Result {
	if header, ok := strings.CutPrefix(line, "#Fields:"); ok {
		s.file.Header = strings.Clone(strings.TrimSpace(header))
	}
	if date, ok := strings.CutPrefix(line, "#Date:"); ok {
		event.At, _ = parseISO(strings.TrimSpace(date), utc)
	}
	return Known
}

// splitCSV cuts at commas outside of quotes (RFC 4180).
func splitCSV(line string, values []string) []string {
	for {
		if len(line) == 0 || line[0] != '"' {
			end := strings.IndexByte(line, ',')
			if end < 0 {
				return append(values, line)
			}
			values, line = append(values, line[:end]), line[end+1:]
			continue
		}
		value, rest, more := cutQuoted(line[1:])
		values = append(values, value)
		if !more {
			return values
		}
		line = rest
	}
}

// cutQuoted reads a quoted value, behind its first quote, and what stands behind the comma after it. A quote that is never closed ends with the line.
func cutQuoted(text string) (value, rest string, more bool) {
	doubled := false
	for i := 0; i < len(text); i++ {
		n := strings.IndexByte(text[i:], '"')
		if n < 0 {
			break
		}
		i += n
		if i+1 < len(text) && text[i+1] == '"' {
			doubled = true
			i++
			continue
		}
		if value = text[:i]; doubled {
			value = strings.ReplaceAll(value, `""`, `"`)
		}
		_, rest, more = strings.Cut(text[i+1:], ",")
		return value, rest, more
	}
	return text, "", false
}

func splitTabs(line string, values []string) []string { return splitAt(line, '\t', values) }

func splitSpaces(line string, values []string) []string { return splitAt(line, ' ', values) }

func splitAt(line string, sep byte, values []string) []string {
	for {
		end := strings.IndexByte(line, sep)
		if end < 0 {
			return append(values, line)
		}
		values, line = append(values, line[:end]), line[end+1:]
	}
}
