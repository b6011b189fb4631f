package config

import (
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"time"
)

// field is one key of a table, as the struct tags define it.
type field struct {
	index    int
	owner    string // the struct's name
	name     string // the key
	goName   string // the struct's field
	typ      reflect.Type
	live     bool   // a reload applies it
	needed   bool   // must be given
	def      string // default, as text
	hasDef   bool
	example  string
	as       string // what the text must be: a checker's name, or choices a|b|c
	keys     string // the same for the keys of a map
	min, max string
}

var schemas sync.Map // reflect.Type → []field

// fieldsOf lists the keys of a struct type, in the struct's order.
func fieldsOf(t reflect.Type) []field {
	if f, ok := schemas.Load(t); ok {
		return f.([]field)
	}
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name := sf.Tag.Get("toml")
		if name == "" || name == "-" {
			continue
		}
		def, hasDef := sf.Tag.Lookup("default")
		fields = append(fields, field{
			index: i, owner: t.Name(), name: name, goName: sf.Name, typ: sf.Type,
			live: sf.Tag.Get("mode") == "live", needed: sf.Tag.Get("need") == "yes",
			def: def, hasDef: hasDef, example: sf.Tag.Get("example"),
			as: sf.Tag.Get("as"), keys: sf.Tag.Get("keys"),
			min: sf.Tag.Get("min"), max: sf.Tag.Get("max"),
		})
	}
	schemas.Store(t, fields)
	return fields
}

func names(fields []field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return out
}

// The types that are one value in the file although Go makes structs or numbers of them.
var (
	durationType    = reflect.TypeFor[time.Duration]()
	timeType        = reflect.TypeFor[time.Time]()
	sizeType        = reflect.TypeFor[Size]()
	prefixType      = reflect.TypeFor[netip.Prefix]()
	secretType      = reflect.TypeFor[Secret]()
	destinationType = reflect.TypeFor[Destination]()
	bandwidthType   = reflect.TypeFor[Bandwidth]()
)

func isScalar(t reflect.Type) bool {
	switch t {
	case timeType, prefixType, secretType, destinationType, bandwidthType:
		return true
	}
	return t.Kind() != reflect.Struct && t.Kind() != reflect.Map && t.Kind() != reflect.Slice
}

// isSection says that the type is a table with keys of its own.
func isSection(t reflect.Type) bool { return t.Kind() == reflect.Struct && !isScalar(t) }

// isSections says that the type is a table of tables whose names the user chooses.
func isSections(t reflect.Type) bool { return t.Kind() == reflect.Map && isSection(t.Elem()) }

// setDefaults fills a struct, and the structs in it, from the tags.
func setDefaults(v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		fv := v.Field(f.index)
		switch {
		case isSection(f.typ):
			setDefaults(fv)
		case f.typ.Kind() == reflect.Map:
			fv.Set(reflect.MakeMap(f.typ))
		case f.hasDef && f.typ.Kind() == reflect.Slice:
			fv.Set(defaultList(f))
		case f.hasDef:
			fv.Set(defaultScalar(f.typ, f.def))
		}
	}
}

func defaultList(f field) reflect.Value {
	list := reflect.MakeSlice(f.typ, 0, 0)
	for _, s := range splitList(f.def) {
		list = reflect.Append(list, defaultScalar(f.typ.Elem(), s))
	}
	return list
}

// defaultScalar relies on the tags being right; a test loads every one of them.
func defaultScalar(t reflect.Type, text string) reflect.Value {
	v := reflect.New(t).Elem()
	_ = setText(v, text)
	return v
}

func splitList(s string) []string {
	var out []string
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
