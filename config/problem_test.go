package config

import (
	"strings"
	"testing"
)

func TestProblemString(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Problem
		want string
	}{
		{"whole file", Problem{File: "f", Text: "t"}, "f: t"},
		{"hint", Problem{File: "f", Line: 2, Column: 3, Text: "t", Hint: "h"}, "f:2:3: t; h"},
		{"marked", Problem{File: "f", Line: 103, Column: 7, Length: 3, Text: "t", Source: "a  =  bcd"}, "f:103:7: t\n 103| a  =  bcd\n    |       ~~~"},
		{"tabs stay", Problem{File: "f", Line: 1, Column: 4, Length: 1, Text: "t", Source: "\ta\tb"}, "f:1:4: t\n 1| \ta\tb\n  | \t \t~"},
		{"letters, not octets", Problem{File: "f", Line: 1, Column: 4, Length: 2, Text: "t", Source: "äöüßé"}, "f:1:4: t\n 1| äöüßé\n  |    ~~"},
		{"end of line", Problem{File: "f", Line: 1, Column: 3, Text: "t", Source: "ab"}, "f:1:3: t\n 1| ab\n  |   ~"},
		{"longer than the line", Problem{File: "f", Line: 1, Column: 2, Length: 99, Text: "t", Source: "abc"}, "f:1:2: t\n 1| abc\n  |  ~~"},
		{"controls", Problem{File: "f", Line: 1, Column: 1, Length: 1, Text: "t", Source: "a\x1b[31m"}, "f:1:1: t\n 1| a\uFFFD[31m\n  | ~"},
		{"long line", Problem{File: "f", Line: 1, Column: 1, Length: 1, Text: "t", Source: strings.Repeat("a", maxExcerpt+1)}, "f:1:1: t"},
	} {
		if got := c.p.String(); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestSummary(t *testing.T) {
	for n, want := range map[int]string{1: "1 error", 2: "2 errors"} {
		if got := (&Errors{Problems: make([]Problem, n)}).Summary(); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// Problems come in the order of the file, whatever found them first.
func TestSortProblems(t *testing.T) {
	p := []Problem{{Line: 2, Column: 1, Text: "c"}, {Line: 1, Column: 9, Text: "b"}, {Line: 2, Column: 1, Text: "d"}, {Text: "a"}}
	sortProblems(p)
	var got string
	for _, x := range p {
		got += x.Text
	}
	if got != "abcd" {
		t.Errorf("%s", got)
	}
}
