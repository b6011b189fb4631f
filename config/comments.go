package config

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"sync"
)

// The files whose structs define the keys. Their comments are the keys' documentation.
//
//go:embed config.go server.go limits.go metrics.go senders.go submission.go dns.go parts.go canary.go
var definitions embed.FS

// comments are the doc comments of the structs' fields, by Type.Field. The embedded source is the one
// that was compiled, so that it parses; a test sees to it that no key is without a comment.
var comments = sync.OnceValue(func() map[string]string {
	docs := map[string]string{}
	files, _ := definitions.ReadDir(".")
	for _, f := range files {
		src, _ := definitions.ReadFile(f.Name())
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), src, parser.ParseComments)
		if err == nil {
			ast.Inspect(file, func(n ast.Node) bool { return collectDocs(n, docs) })
		}
	}
	return docs
})

func collectDocs(n ast.Node, docs map[string]string) bool {
	spec, ok := n.(*ast.TypeSpec)
	if !ok {
		return true
	}
	st, ok := spec.Type.(*ast.StructType)
	if !ok {
		return false
	}
	for _, f := range st.Fields.List {
		for _, name := range f.Names {
			docs[spec.Name.Name+"."+name.Name] = strings.TrimSpace(f.Doc.Text())
		}
	}
	return false
}

// docOf is what the file's reader is told about a key.
func docOf(f field) string { return comments()[f.owner+"."+f.goName] }
