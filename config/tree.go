package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// span is a piece of the file, in octets.
type span struct{ start, end int }

// table is a TOML table whose keys and values know their places.
type table struct {
	at      span   // the header, or the key of an inline table
	name    string // as in the header, for messages
	header  bool   // has had its own [header]
	sealed  bool   // inline: nothing may be added later
	keys    []string
	entries map[string]*entry
}

type entry struct {
	key   span
	value *value
}

// value is a scalar (text), an array (items) or a table.
type value struct {
	kind  unstable.Kind
	at    span
	text  string
	items []*value
	table *table
}

func newTable(name string, at span) *table {
	return &table{name: name, at: at, entries: map[string]*entry{}}
}

// in is how messages name the table: nothing for the top level.
func (t *table) in() string {
	if t.name == "" {
		return ""
	}
	return " in [" + t.name + "]"
}

// grower builds the tree. A syntax error ends it, being the only thing one can say from there on; keys
// set twice are collected.
type grower struct {
	p       unstable.Parser
	data    []byte
	root    *table
	current *table // nil below a header that was refused
	src     *source
}

// parseTree reports to src; false says that the tree ends at a syntax error.
func parseTree(src *source) (root *table, ok bool) {
	g := &grower{data: src.data, root: newTable("", span{}), src: src}
	g.current = g.root
	if !utf8.Valid(src.data) {
		src.syntax(invalidUTF8(src.data), "the file is not UTF-8")
		return g.root, false
	}
	g.p.Reset(src.data)
	for g.p.NextExpression() {
		g.expression(g.p.Expression())
	}
	if err := g.p.Error(); err != nil {
		g.syntax(err)
		return g.root, false
	}
	return g.root, true
}

func invalidUTF8(data []byte) span {
	i := 0
	for i < len(data) {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		i += n
	}
	return span{i, i}
}

func (g *grower) syntax(err error) {
	at := span{len(g.data), len(g.data)}
	if pe, ok := err.(*unstable.ParserError); ok {
		at = g.span(g.p.Range(pe.Highlight))
	}
	g.src.syntax(at, err.Error())
}

func (g *grower) span(r unstable.Range) span {
	return span{int(r.Offset), int(r.Offset + r.Length)}
}

func (g *grower) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.KeyValue:
		g.keyValue(g.current, n)
	case unstable.Table:
		g.current = g.header(n)
	case unstable.ArrayTable:
		name, at := g.key(n.Key())
		g.src.report(at, fmt.Sprintf("[[%s]] is not used here", strings.Join(name, ".")), "tables have single brackets")
		g.current = nil
	}
}

// key is a dotted key's parts and the place of all of it.
func (g *grower) key(it unstable.Iterator) (parts []string, at span) {
	for it.Next() {
		s := g.span(it.Node().Raw)
		if parts == nil {
			at.start = s.start
		}
		at.end = s.end
		parts = append(parts, string(it.Node().Data))
	}
	return parts, at
}

func (g *grower) header(n *unstable.Node) *table {
	name, at := g.key(n.Key())
	t := g.descend(g.root, name, at)
	if t == nil {
		return nil
	}
	if t.header {
		g.src.report(at, fmt.Sprintf("[%s] is there already, in line %d", t.name, g.src.line(t.at.start)), "")
	}
	t.header, t.at = true, at
	return t
}

// descend finds or makes the table of that name below t; nil where t is, or something else is in the way.
func (g *grower) descend(t *table, name []string, at span) *table {
	if t == nil {
		return nil
	}
	for _, part := range name {
		e := t.entries[part]
		if e == nil {
			e = g.add(t, part, at, &value{kind: unstable.Table, at: at, table: newTable(below(t, part), at)})
		}
		if e.value.table == nil || e.value.table.sealed {
			g.src.report(at, fmt.Sprintf("%q has a value already, in line %d", part, g.src.line(e.key.start)), "")
			return nil
		}
		t = e.value.table
	}
	return t
}

func below(t *table, part string) string {
	if t.name == "" {
		return part
	}
	return t.name + "." + part
}

func (g *grower) add(t *table, key string, at span, v *value) *entry {
	e := &entry{key: at, value: v}
	t.keys = append(t.keys, key)
	t.entries[key] = e
	return e
}

func (g *grower) keyValue(t *table, n *unstable.Node) {
	name, at := g.key(n.Key())
	last := len(name) - 1
	unread := g.valueSpan(at.end, g.span(n.Raw).end)
	if t = g.descend(t, name[:last], at); t == nil {
		g.src.hide(unread)
		return
	}
	if e := t.entries[name[last]]; e != nil {
		g.src.hide(unread)
		g.src.report(at, fmt.Sprintf("%q is set already%s, in line %d", name[last], t.in(), g.src.line(e.key.start)), "")
		return
	}
	v := g.value(n.Value(), below(t, name[last]))
	if v.kind == unstable.Array || v.kind == unstable.InlineTable {
		v.at = g.valueSpan(at.end, g.span(n.Raw).end)
	}
	g.add(t, name[last], at, v)
}

// valueSpan is the place of an array or inline table: the parser gives that of scalars only.
func (g *grower) valueSpan(keyEnd, end int) span {
	rest := g.data[keyEnd:end]
	start := keyEnd + bytes.IndexByte(rest, '=') + 1
	for start < end && (g.data[start] == ' ' || g.data[start] == '\t') {
		start++
	}
	return span{start, end}
}

func (g *grower) value(n *unstable.Node, name string) *value {
	v := &value{kind: n.Kind, at: g.span(n.Raw), text: string(n.Data)}
	switch n.Kind {
	case unstable.Array:
		for it := n.Children(); it.Next(); {
			v.items = append(v.items, g.value(it.Node(), name))
		}
	case unstable.InlineTable:
		v.table = newTable(name, v.at)
		for it := n.Children(); it.Next(); {
			g.keyValue(v.table, it.Node())
		}
		v.table.sealed = true
	}
	return v
}
