package daemon_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"posthouse/config"
)

// A key that nobody reads is a promise that nobody keeps: every one is used here, or by the command that runs us.
func TestEveryKeyIsApplied(t *testing.T) {
	used := map[string]bool{
		"InsecurePlaintext": true, // a permission: the check of the configuration itself asks for it
		"Virtual":           true, // a file that the configuration itself reads, into Extra, CatchAll and Groups
	}
	for _, folder := range []string{".", "../cli"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		must(t, err)
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				selectors(t, file, used)
			}
		}
	}
	n := 0
	keys(reflect.TypeFor[config.Config](), func(owner, name string) {
		n++
		if !used[name] {
			t.Errorf("config.%s.%s is used by nobody", owner, name)
		}
	})
	if n < 80 {
		t.Errorf("only %d keys were looked at", n)
	}
}

// selectors notes every name that stands behind a dot.
func selectors(t *testing.T, file string, used map[string]bool) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	must(t, err)
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			used[s.Sel.Name] = true
		}
		return true
	})
}

// keys visits the fields that stand for keys, in all tables.
func keys(t reflect.Type, visit func(owner, name string)) {
	for i := range t.NumField() {
		f := t.Field(i)
		if key := f.Tag.Get("toml"); key == "" || key == "-" {
			continue
		}
		visit(t.Name(), f.Name)
		inner := f.Type
		if inner.Kind() == reflect.Map {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner.PkgPath() == t.PkgPath() {
			keys(inner, visit)
		}
	}
}
