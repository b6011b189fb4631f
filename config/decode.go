package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// decoder copies the tree into the structs and remembers where each value stood.
type decoder struct {
	src    *source
	dir    string          // paths in the file are relative to it
	places map[string]span // of values, by path: relay.workers, routes.arriving.to[0]
	keys   map[string]span // of keys
}

// section decodes a table with keys of its own. path is the table's name, empty for the whole file.
func (d *decoder) section(dst reflect.Value, t *table, path string) {
	fields := fieldsOf(dst.Type())
	for _, key := range t.keys {
		e := t.entries[key]
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key })
		if i < 0 {
			d.unknown(key, e, t, fields)
			continue
		}
		d.note(join(path, key), e)
		d.field(fields[i], dst.Field(fields[i].index), e.value, join(path, key))
	}
	if !d.src.broken {
		d.missing(fields, t, path)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d *decoder) note(path string, e *entry) {
	d.places[path], d.keys[path] = e.value.at, e.key
	for i, item := range e.value.items {
		d.places[fmt.Sprintf("%s[%d]", path, i)] = item.at
	}
}

func (d *decoder) unknown(key string, e *entry, t *table, fields []field) {
	hint := didYouMean(key, names(fields))
	if hint == "" {
		hint = elsewhere(key)
	}
	what := "key"
	if e.value.table != nil {
		d.src.hideAll(e.value.table)
	}
	if e.value.kind == unstable.Table {
		what = "table"
	} else {
		d.src.hide(e.value.at)
	}
	d.src.report(e.key, fmt.Sprintf("unknown %s %q%s", what, key, t.in()), hint)
}

// missing reports the keys that must be given. Keys with a default are needed in the sense that they must
// not be empty.
func (d *decoder) missing(fields []field, t *table, path string) {
	for _, f := range fields {
		if f.needed && !f.hasDef && t.entries[f.name] == nil {
			at, whole := t.at, path == ""
			d.src.found = append(d.src.found, finding{at: at, whole: whole, text: fmt.Sprintf("%s is missing%s", f.name, t.in()), hint: forExample(f)})
		}
	}
}

func forExample(f field) string {
	if f.example == "" {
		return ""
	}
	return "for example " + exampleLine(f, f.example)
}

func (d *decoder) field(f field, dst reflect.Value, v *value, path string) {
	switch {
	case isSection(f.typ):
		if d.isTable(f, v) {
			d.section(dst, v.table, path)
		}
	case isSections(f.typ):
		if d.isTable(f, v) {
			d.sections(f, dst, v.table, path)
		}
	case f.typ.Kind() == reflect.Map:
		if d.isTable(f, v) {
			d.dictionary(f, dst, v.table, path)
		}
	case f.typ.Kind() == reflect.Slice:
		d.list(f, dst, v)
	default:
		d.scalar(f, dst, v)
	}
}

func (d *decoder) isTable(f field, v *value) bool {
	if v.table == nil {
		d.src.hide(v.at)
		d.src.report(v.at, f.name+" must be a table", fmt.Sprintf("write [%s] on a line of its own", f.name))
	}
	return v.table != nil
}

// sections decodes a table of tables with names that the user chose: servers, listeners, sources, mailboxes.
func (d *decoder) sections(f field, dst reflect.Value, t *table, path string) {
	for _, name := range t.keys {
		e := t.entries[name]
		if e.value.table == nil {
			d.src.hide(e.value.at)
			d.src.report(e.key, fmt.Sprintf("[%s] holds tables, not keys", f.name), fmt.Sprintf("write [%s.NAME] above the keys", f.name))
			continue
		}
		canonical, ok := d.sectionName(f, name, e)
		if ok && dst.MapIndex(reflect.ValueOf(canonical)).IsValid() {
			d.src.report(e.key, fmt.Sprintf("%q is there already%s, in other letters", name, t.in()), "")
		}
		d.note(join(path, canonical), e)
		v := reflect.New(f.typ.Elem()).Elem()
		setDefaults(v)
		v.FieldByName("Name").SetString(canonical)
		d.section(v, e.value.table, join(path, canonical))
		dst.SetMapIndex(reflect.ValueOf(canonical), v)
	}
}

// sectionName is a table's name in canonical form: an address, or else a plain word.
func (d *decoder) sectionName(f field, name string, e *entry) (canonical string, ok bool) {
	if f.keys == "" {
		if !isName(name) {
			d.src.report(e.key, fmt.Sprintf("%q cannot be a name", name), "letters, digits, - and _ can")
		}
		return name, true
	}
	canonical, bad := d.check(f.keys, name)
	if bad != nil {
		d.src.report(e.key, bad.text, bad.hint)
		return name, false
	}
	return canonical, true
}

func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// dictionary decodes a table whose keys are the user's: aliases, groups, folders.
func (d *decoder) dictionary(f field, dst reflect.Value, t *table, path string) {
	for _, key := range t.keys {
		e := t.entries[key]
		canonical, bad := d.check(f.keys, key)
		if bad != nil {
			d.src.report(e.key, bad.text, bad.hint)
			continue
		}
		if dst.MapIndex(reflect.ValueOf(canonical)).IsValid() {
			d.src.report(e.key, fmt.Sprintf("%q is set already%s, in other letters", key, t.in()), "")
			continue
		}
		d.note(join(path, canonical), e)
		v := reflect.New(f.typ.Elem()).Elem()
		if v.Kind() == reflect.Slice {
			d.list(f, v, e.value)
		} else {
			d.scalar(f, v, e.value)
		}
		dst.SetMapIndex(reflect.ValueOf(canonical), v)
	}
}

func (d *decoder) list(f field, dst reflect.Value, v *value) {
	if v.kind != unstable.Array {
		d.src.report(v.at, f.name+" must be a list", "put it into brackets: [ ]")
		return
	}
	list := reflect.MakeSlice(dst.Type(), len(v.items), len(v.items))
	for i, item := range v.items {
		d.scalar(f, list.Index(i), item)
	}
	if f.needed && len(v.items) == 0 {
		d.src.report(v.at, f.name+" must not be empty", "")
	}
	dst.Set(list)
}
