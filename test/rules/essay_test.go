package rules

import (
	"go/parser"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// A package's doc comment is a short essay: what it promises, and the order of events. These are its least measures.
const (
	minSentences = 3
	minWords     = 40
)

// Package main is exempt from the measure: it only hands os.Args on, and internal/cli has the essay.
func TestPackageDocs(t *testing.T) {
	all := sources(t, house(), parser.PackageClauseOnly|parser.ParseComments)
	for _, folder := range packages(all) {
		if folder != "." {
			for _, fault := range docFaults(folder, all) {
				t.Error(fault)
			}
		}
	}
}

// docFaults says what is wrong with the doc comment of the package in folder.
func docFaults(folder string, all []source) []string {
	var faults []string
	var essay string
	opening := "Package " + folder[strings.LastIndex(folder, "/")+1:] + " "
	for _, s := range all {
		if s.folder == folder && s.syntax.Name.Name == "main" {
			opening = "" // a command's comment says what the command does
		}
		switch doc := s.syntax.Doc.Text(); {
		case s.folder != folder || s.test || doc == "":
		case s.name == "doc.go":
			essay = doc
		default:
			faults = append(faults, s.path()+": the package's doc comment belongs into doc.go, in one piece")
		}
	}
	switch {
	case essay == "":
		faults = append(faults, folder+": doc.go with the package's essay is missing: what it promises and the order of events")
	case !strings.HasPrefix(essay, opening):
		faults = append(faults, folder+"/doc.go: the comment must begin with \""+strings.TrimSpace(opening)+"\"")
	case sentences(essay) < minSentences || len(strings.Fields(essay)) < minWords:
		faults = append(faults, folder+"/doc.go: too little for an essay: what does the package promise, and in which order do things happen?")
	}
	return faults
}

var sentenceEnd = regexp.MustCompile(`[.!?:;]['")]*(\s+|$)`)

// sentences counts what ends like a sentence, or like a clause that could be one.
func sentences(text string) int { return len(sentenceEnd.FindAllString(text, -1)) }

func TestSentences(t *testing.T) {
	for text, want := range map[string]int{
		"":                                    0,
		"No end":                              0,
		"One.":                                1,
		"RFC 5321 §4.5.3 has dots, v1.2 too.": 1,
		"One. Two!\n\nThree (\"three?\") yes: here; and five.": 6,
	} {
		if got := sentences(text); got != want {
			t.Errorf("sentences(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestDocFaultsAreFound(t *testing.T) {
	essay := "// Package p promises a great deal. " + strings.Repeat("It does so in many words. ", 8) + "\npackage p\n"
	for _, c := range []struct{ file, text, want string }{
		{"p/p.go", "package p\n", "doc.go with the package's essay is missing"},
		{"p/p.go", essay, "belongs into doc.go"},
		{"p/doc.go", "// Package q is another. And. So. On.\npackage p\n", `must begin with "Package p"`},
		{"p/doc.go", "// Package p is short. Very. Very short.\npackage p\n", "too little for an essay"},
		{"p/doc.go", "// " + strings.Repeat("Package p goes on without an end ", 9) + "\npackage p\n", "too little for an essay"},
		{"p/doc.go", essay, ""},
	} {
		tree := fstest.MapFS{c.file: &fstest.MapFile{Data: []byte(c.text)}}
		got := strings.Join(docFaults("p", sources(t, tree, parser.PackageClauseOnly|parser.ParseComments)), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s %q: got %q, want %q", c.file, c.text, got, c.want)
		}
	}
}
