package cli

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// style is what a piece of text means; the printer knows its colour. Nothing is said by style alone.
type style int

const (
	plain style = iota
	good
	warn
	bad
	odd // cannot be judged
	dim
	strong
)

var colours = map[style]string{good: "32", warn: "33", bad: "31", odd: "35", dim: "2", strong: "1"}

type span struct {
	style style
	text  string
}

// line is one line on the screen, without its end.
type line []span

// labelWidth is that of the left column in all blocks.
const labelWidth = 8

// labelled is a line of a block: two spaces, the label, the text.
func labelled(label string, spans ...span) line {
	return append(line{{dim, "  " + pad(label, labelWidth) + " "}}, spans...)
}

func textf(format string, args ...any) span { return span{plain, fmt.Sprintf(format, args...)} }

// pad fills s with spaces up to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-columns(s))) }

// columns is how many of a terminal's columns s takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// firstOf is the first of the errors that were joined to one, and how many more there are: --json has all of them.
func firstOf(joined string) string {
	first, rest, more := strings.Cut(joined, "\n")
	if !more {
		return first
	}
	return fmt.Sprintf("%s (and %s)", first, counted(strings.Count(rest, "\n")+1, "more failure", "more failures"))
}

// clean replaces what could steer a terminal, or turn the direction of writing.
func clean(s string) string {
	if isPlain(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// isPlain tells whether s is nothing but printable ASCII: most of what is written is, and has to be looked at only once.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// fit cuts s to n columns, with an ellipsis where something was cut.
func fit(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	used := 1
	for i, r := range s {
		if used += runeColumns(r); used > n {
			return s[:i] + "…"
		}
	}
	return s
}

// String is the line without colour.
func (l line) String() string { return l.render(false, 0) }

// render is the line cleaned, cut to cut columns unless that is 0, and coloured.
func (l line) render(colour bool, cut int) string {
	var b strings.Builder
	left := cut
	for i, s := range l {
		text := clean(s.text)
		if cut > 0 {
			if left <= 0 {
				break
			}
			text = fitSpan(text, left, i < len(l)-1)
			left -= columns(text)
		}
		if code := colours[s.style]; colour && code != "" && text != "" {
			text = "\x1b[" + code + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	return strings.TrimRight(b.String(), " ")
}

// fitSpan leaves one column for the ellipsis where more follows and nothing would be left for it.
func fitSpan(text string, left int, more bool) string {
	if more && columns(text) == left {
		return fit(text+"…", left)
	}
	return fit(text, left)
}

// join puts parts side by side, with sep between those that say something.
func join(sep string, parts ...string) string {
	said := parts[:0:0]
	for _, p := range parts {
		if p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, sep)
}

// wrapped puts items side by side behind a label, over as many lines as width columns need; 0 is one line.
func wrapped(label string, items []string, cut int) []line {
	const sep = " · "
	var lines []line
	text := ""
	for _, item := range items {
		switch {
		case text == "":
			text = item
		case cut > 0 && labelWidth+3+columns(text+sep+item) > cut:
			lines = append(lines, labelled(label, span{plain, text}))
			label, text = "", item
		default:
			text += sep + item
		}
	}
	if text != "" {
		lines = append(lines, labelled(label, span{plain, text}))
	}
	return lines
}
