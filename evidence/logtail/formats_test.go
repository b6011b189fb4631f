package logtail

import (
	"path/filepath"
	"strings"
	"testing"

	"posthouse/evidence"
)

// FuzzFormats gives lines to the dialects that fill files of their own.
func FuzzFormats(f *testing.F) {
	paths, _ := filepath.Glob("testdata/cases/*.txt")
	for _, path := range paths {
		c := readCases(f, path)
		for i, line := range c.lines {
			if c.state.format.parse != nil && isLog(line) {
				f.Add(c.state.format.name, strings.TrimPrefix(c.lines[max(0, i-1)], "|"), strings.TrimPrefix(line, "|"))
			}
		}
	}
	f.Fuzz(func(t *testing.T, dialect, first, second string) {
		if _, ok := formatOf([]string{dialect}); !ok {
			return
		}
		s := NewState(Config{Source: "log", Dialects: []string{dialect}}, noon)
		for _, line := range []string{first, second, first} {
			e, r := Parse(line, s)
			if r != Parsed && len(e.Use)+len(e.Delivered) > 0 || r == Parsed && e.At.IsZero() {
				t.Fatalf("%q: %v, %v", line, e, r)
			}
			for _, o := range e.Use {
				if o.At.IsZero() || o.Source != "log" || o.Class != evidence.Wanted || o.Open && !o.Until.IsZero() || !o.Until.IsZero() && o.Until.Before(o.At) {
					t.Fatalf("%q: %+v", line, o)
				}
			}
		}
	})
}
