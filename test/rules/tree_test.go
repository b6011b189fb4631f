package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the prefix of our own import paths.
const module = "posthouse"

// house is the module's folder.
func house() fs.FS { return os.DirFS("../..") }

// source is one Go file.
type source struct {
	folder string // slash-separated from the module's root; "." is package main
	name   string
	test   bool
	syntax *ast.File
	files  *token.FileSet
}

func (s source) path() string { return path.Join(s.folder, s.name) }

// imports are the paths the file imports, unquoted.
func (s source) imports() []string {
	var paths []string
	for _, spec := range s.syntax.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value) // the parser accepts string literals only
		paths = append(paths, imported)
	}
	return paths
}

// at tells where in the tree a node stands.
func (s source) at(n ast.Node) string {
	return s.path() + ":" + strconv.Itoa(s.files.Position(n.Pos()).Line)
}

// sources parses every Go file of a tree with mode. Folders that the go command ignores are left out.
func sources(t *testing.T, tree fs.FS, mode parser.Mode) []source {
	t.Helper()
	var found []source
	err := fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if ignored(entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(file) != ".go" || ignored(entry.Name()) {
			return nil
		}
		text, err := fs.ReadFile(tree, file)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		syntax, err := parser.ParseFile(files, file, text, mode)
		if err != nil {
			return err
		}
		found = append(found, source{path.Dir(file), entry.Name(), strings.HasSuffix(file, "_test.go"), syntax, files})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no Go files found")
	}
	return found
}

// ignored reports whether the go command leaves out a file or folder of this name.
func ignored(name string) bool {
	return name == "testdata" || name != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_"))
}

// packages are the folders that hold Go files other than tests, sorted.
func packages(all []source) []string {
	var folders []string
	for _, s := range all {
		if !s.test && !slices.Contains(folders, s.folder) {
			folders = append(folders, s.folder)
		}
	}
	slices.Sort(folders)
	return folders
}
