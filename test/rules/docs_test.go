package rules

import (
	"fmt"
	"go/ast"
	"go/parser"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is one text for people.
type document struct{ path, text string }

// documents are README.md and everything below docs.
func documents(t *testing.T) []document {
	t.Helper()
	var all []document
	for _, root := range []string{"README.md", "docs"} {
		err := fs.WalkDir(house(), root, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Ext(file) != ".md" {
				return err
			}
			text, err := fs.ReadFile(house(), file)
			all = append(all, document{file, string(text)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// A link leads to a file that exists, and to a heading that the file has.
func TestLinks(t *testing.T) {
	anchors := map[string][]string{}
	for _, d := range documents(t) {
		anchors[d.path] = headings(d.text)
	}
	for _, d := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(d.text, -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			target := d.path
			if file != "" {
				target = path.Join(path.Dir(d.path), file)
			}
			if _, err := fs.Stat(house(), target); err != nil {
				t.Errorf("%s: %s leads nowhere", d.path, m[1])
			} else if anchor != "" && !slices.Contains(anchors[target], anchor) {
				t.Errorf("%s: %s has no heading #%s", d.path, target, anchor)
			}
		}
	}
}

var heading = regexp.MustCompile(`(?m)^#+ (.*)$`)

// headings are a text's anchors, as forges make them: lower case, blanks to hyphens, punctuation dropped.
func headings(text string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				return r
			}
			return -1
		}, strings.ToLower(m[1]))
		all = append(all, anchor)
	}
	return all
}

func TestHeadings(t *testing.T) {
	got := headings("# One\ntext\n## Versions, and the way back\n### A `code` heading\n")
	if want := []string{"one", "versions-and-the-way-back", "a-code-heading"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

var citedTest = regexp.MustCompile(`\b(Test|Fuzz|Benchmark)[A-Z]\w*`)

// A test that a document names exists: a promise must not rest on one that was renamed or removed.
func TestCitedTestsExist(t *testing.T) {
	declared := map[string]bool{}
	for _, s := range sources(t, house(), parser.SkipObjectResolution) {
		for _, decl := range s.syntax.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && s.test {
				declared[f.Name.Name] = true
			}
		}
	}
	for _, d := range documents(t) {
		for _, name := range citedTest.FindAllString(d.text, -1) {
			if !declared[name] {
				t.Errorf("%s: there is no %s", d.path, name)
			}
		}
	}
}

var citedFile = regexp.MustCompile("`([a-z0-9_-]+(?:/[a-zA-Z0-9_.-]+)+)`")

// A path that a document names exists, where its first folder is one of ours.
func TestCitedFilesExist(t *testing.T) {
	for _, d := range documents(t) {
		for _, m := range citedFile.FindAllStringSubmatch(d.text, -1) {
			top, _, _ := strings.Cut(m[1], "/")
			if _, err := fs.Stat(house(), top); err != nil {
				continue
			}
			if _, err := fs.Stat(house(), m[1]); err != nil {
				t.Errorf("%s: there is no %s", d.path, m[1])
			}
		}
	}
}

var layoutLine = regexp.MustCompile(`(?m)^(\S+)\s{2,}\S`)

// The layout in docs/architecture.md is the tree as it is: every package of the product and of test, and nothing else.
func TestLayoutIsTheTree(t *testing.T) {
	text, err := fs.ReadFile(house(), "docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "## Layout\n\n```\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("docs/architecture.md has no layout")
	}
	var written []string
	for _, m := range layoutLine.FindAllStringSubmatch(block, -1) {
		if m[1] != "main.go" {
			written = append(written, m[1])
		}
	}
	var real []string
	for _, s := range sources(t, house(), parser.PackageClauseOnly) {
		if s.folder != "." && !slices.Contains(real, s.folder) {
			real = append(real, s.folder)
		}
	}
	for _, folder := range real {
		if !slices.Contains(written, folder) {
			t.Errorf("docs/architecture.md: the layout lacks %s", folder)
		}
	}
	for _, folder := range written {
		if !slices.Contains(real, folder) {
			t.Errorf("docs/architecture.md: there is no package %s", folder)
		}
	}
}

var command = regexp.MustCompile(`\bposthouse ([a-z]+)`)

// A command that a document tells to type exists.
func TestCitedCommandsExist(t *testing.T) {
	commands := map[string]bool{"help": true, "completion": true}
	for _, s := range sources(t, house(), parser.SkipObjectResolution) {
		if s.test || s.folder != "internal/cli" {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if pair, ok := n.(*ast.KeyValueExpr); ok {
				if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Use" {
					commands[firstWord(pair.Value)] = true
				}
			}
			return true
		})
	}
	for _, d := range documents(t) {
		for _, quoted := range code.FindAllString(d.text, -1) {
			for _, m := range command.FindAllStringSubmatch(quoted, -1) {
				if before, _, _ := strings.Cut(quoted, m[0]); !commands[m[1]] && !strings.Contains(before, "systemctl") {
					t.Errorf("%s: there is no command posthouse %s", d.path, m[1])
				}
			}
		}
	}
}

// firstWord is that of a string literal.
func firstWord(n ast.Expr) string {
	literal, ok := n.(*ast.BasicLit)
	if !ok {
		return ""
	}
	word, _, _ := strings.Cut(strings.Trim(literal.Value, "\"`"), " ")
	return word
}

// code is what a document shows as typed: fenced blocks, and words between backticks.
var code = regexp.MustCompile("(?s)```.*?```|`[^`\n]+`")

var target = regexp.MustCompile("make ([a-z][a-z0-9-]*)")

// What a document tells to make can be made.
func TestMakeTargetsExist(t *testing.T) {
	makefile, err := fs.ReadFile(house(), "Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents(t) {
		for _, quoted := range code.FindAllString(d.text, -1) {
			for _, m := range target.FindAllStringSubmatch(quoted, -1) {
				if !strings.Contains(string(makefile), "\n"+m[1]+":") {
					t.Errorf("%s: there is no make %s", d.path, m[1])
				}
			}
		}
	}
}

var stateVersion = regexp.MustCompile(`(?m)^Version (\d+), ` + "`ledger/sqlite/migrations/`")

// docs/state.md speaks of the schema as it is: its version is the number of migrations.
func TestStateVersion(t *testing.T) {
	text, err := fs.ReadFile(house(), "docs/state.md")
	if err != nil {
		t.Fatal(err)
	}
	all, err := fs.Glob(house(), "ledger/sqlite/migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if m := stateVersion.FindSubmatch(text); m == nil || string(m[1]) != fmt.Sprint(len(all)) {
		t.Errorf("docs/state.md says %q; there are %d migrations", m, len(all))
	}
}
