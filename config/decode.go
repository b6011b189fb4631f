package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

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

// sections decodes a table of tables with names that the user chose: servers, listeners, sources.
func (d *decoder) sections(f field, dst reflect.Value, t *table, path string) {
	for _, name := range t.keys {
		e := t.entries[name]
		d.note(join(path, name), e)
		if e.value.table == nil {
			d.src.hide(e.value.at)
			d.src.report(e.key, fmt.Sprintf("[%s] holds tables, not keys", f.name), fmt.Sprintf("write [%s.NAME] above the keys", f.name))
			continue
		}
		if !isName(name) {
			d.src.report(e.key, fmt.Sprintf("%q cannot be a name", name), "letters, digits, - and _ can")
		}
		v := reflect.New(f.typ.Elem()).Elem()
		setDefaults(v)
		v.FieldByName("Name").SetString(name)
		d.section(v, e.value.table, join(path, name))
		dst.SetMapIndex(reflect.ValueOf(name), v)
	}
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

func (d *decoder) scalar(f field, dst reflect.Value, v *value) {
	if dst.Type() == secretType {
		d.secret(f, dst, v)
		return
	}
	if want := wanted(dst.Type(), v.kind); want != "" {
		d.src.report(v.at, fmt.Sprintf("%s must be %s", f.name, want), "")
		return
	}
	text := v.text
	if v.kind == unstable.Integer || v.kind == unstable.Float {
		text = strings.ReplaceAll(text, "_", "")
	}
	if f.as != "" {
		checked, bad := d.check(f.as, text)
		if bad != nil && !bad.warning {
			d.src.report(v.at, f.name+": "+bad.text, bad.hint)
			return
		}
		if bad != nil {
			d.src.warn(v.at, f.name+": "+bad.text, bad.hint)
		}
		text = checked
	}
	if err := setText(dst, text); err != nil {
		d.src.report(v.at, fmt.Sprintf("%s: %s", f.name, err), "")
		return
	}
	d.inRange(f, dst, v.at)
}

// wanted describes the kind of value a type takes; nothing where it is of that kind.
func wanted(t reflect.Type, have unstable.Kind) string {
	need, words := unstable.String, "text in quotes"
	switch {
	case t == durationType:
		words = `a duration in quotes, like "90s", "6h" or "14d"`
	case t == sizeType:
		words = `a size in quotes, like "150MB" or "64KiB"`
	case t == timeType:
		need, words = unstable.DateTime, "a time with its zone and without quotes, like 2026-11-21T18:00:00+01:00"
	case t.Kind() == reflect.Bool:
		need, words = unstable.Bool, "true or false"
	case t.Kind() == reflect.Int:
		need, words = unstable.Integer, "a whole number"
	case t.Kind() == reflect.Float64 && have != unstable.Integer:
		need, words = unstable.Float, "a number"
	case t.Kind() == reflect.Float64:
		need = unstable.Integer
	}
	if have == need {
		return ""
	}
	return words
}

// setText sets a scalar from its text, as the tags and the file write it.
func setText(dst reflect.Value, text string) error {
	value, err := fromText(dst.Type(), text)
	if err == nil {
		dst.Set(reflect.ValueOf(value).Convert(dst.Type()))
	}
	return err
}

func fromText(t reflect.Type, text string) (any, error) {
	switch t {
	case durationType:
		return ParseDuration(text)
	case sizeType:
		return ParseSize(text)
	case timeType:
		return time.Parse(time.RFC3339, strings.Replace(strings.ToUpper(text), " ", "T", 1))
	case prefixType:
		return parseNetwork(text)
	case destinationType:
		return parseDestination(text)
	case secretType:
		return ParseSecret(text)
	}
	switch t.Kind() {
	case reflect.Bool:
		return strconv.ParseBool(text)
	case reflect.Int:
		return strconv.ParseInt(text, 0, 0)
	case reflect.Float64:
		return parseNumber(text)
	}
	return text, nil
}

func parseNumber(text string) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return x, nil
}

func (d *decoder) inRange(f field, v reflect.Value, at span) {
	for _, limit := range []struct {
		text, words string
		sign        int
	}{{f.min, "at least", -1}, {f.max, "at most", 1}} {
		if limit.text == "" {
			continue
		}
		edge := defaultScalar(v.Type(), limit.text)
		if compareNumbers(v, edge) == limit.sign {
			d.src.report(at, fmt.Sprintf("%s must be %s %s", f.name, limit.words, limit.text), "")
		}
	}
}

func compareNumbers(a, b reflect.Value) int {
	switch {
	case a.CanInt() && a.Int() < b.Int(), a.CanFloat() && a.Float() < b.Float():
		return -1
	case a.CanInt() && a.Int() > b.Int(), a.CanFloat() && a.Float() > b.Float():
		return 1
	}
	return 0
}

func (d *decoder) secret(f field, dst reflect.Value, v *value) {
	d.src.hide(v.at)
	if v.kind != unstable.String {
		d.src.report(v.at, f.name+" must be text in quotes", secretHint(f.name))
		return
	}
	s, err := ParseSecret(v.text)
	if err != nil {
		d.src.report(v.at, f.name+": "+err.Error(), secretHint(f.name))
		return
	}
	s = s.within(d.dir)
	if bad := checkSecret(s); bad != nil && bad.warning {
		d.src.warn(v.at, f.name+": "+bad.text, bad.hint)
	} else if bad != nil {
		d.src.report(v.at, f.name+": "+bad.text, bad.hint)
	}
	dst.Set(reflect.ValueOf(s))
}

func secretHint(key string) string {
	return fmt.Sprintf(`put it into a file and write %s = "file:/etc/posthouse/%s", or "credential:NAME" or "env:NAME"`, key, key)
}
