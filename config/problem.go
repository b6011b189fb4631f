package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Problem is one thing that is wrong, and where.
type Problem struct {
	// File is the path as it was given.
	File string
	// Line and Column count from 1, columns in characters. Line 0: the file as a whole.
	Line, Column int
	// Length of the offending text in characters; 0 where there is nothing to mark.
	Length int
	// Text says what is wrong. It never holds a secret.
	Text string
	// Hint says what would be right; may be empty.
	Hint string
	// Source is the line itself, with possible secrets blanked out; empty where it is not shown.
	Source string
}

// String is the problem as people read it: one line, and below it the source with the place marked.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": " + p.Text)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	if p.Source != "" {
		b.WriteString(p.excerpt())
	}
	return b.String()
}

// widest source line that is shown.
const maxExcerpt = 160

func (p Problem) excerpt() string {
	line := []rune(p.Source)
	if len(line) > maxExcerpt || p.Column < 1 || p.Column > len(line)+1 {
		return ""
	}
	number := fmt.Sprintf(" %d", p.Line)
	pad := strings.Repeat(" ", len(number))
	marks := max(1, min(p.Length, len(line)-p.Column+1))
	return fmt.Sprintf("\n%s| %s\n%s| %s%s", number, printable(line), pad, indent(line[:p.Column-1]), strings.Repeat("~", marks))
}

// indent is as wide as text, tabs included.
func indent(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(text))
}

// printable keeps control characters of a broken file from the terminal.
func printable(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, string(text))
}

// Errors is all that is wrong with a configuration, in the order of the files' lines. Load returns it as
// *Errors: use errors.As.
type Errors struct {
	Problems []Problem
}

// Error is every problem, one after the other.
func (e *Errors) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Summary is the count, for the last line: "1 error", "2 errors".
func (e *Errors) Summary() string {
	if len(e.Problems) == 1 {
		return "1 error"
	}
	return fmt.Sprintf("%d errors", len(e.Problems))
}

func sortProblems(p []Problem) {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
