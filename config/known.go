package config

import (
	"fmt"
	"reflect"
	"sync"
)

// walkKeys visits every key of the file's definition. path has NAME where the user chooses a name.
func walkKeys(t reflect.Type, path string, visit func(path string, f field)) {
	for _, f := range fieldsOf(t) {
		p := join(path, f.name)
		visit(p, f)
		switch {
		case isSection(f.typ):
			walkKeys(f.typ, p, visit)
		case isSections(f.typ):
			walkKeys(f.typ.Elem(), p+".NAME", visit)
		}
	}
}

// openKeys are the names of all keys that hold a plain value and no secret.
var openKeys = sync.OnceValue(func() map[string]bool {
	open, secret := map[string]bool{}, map[string]bool{}
	walkKeys(reflect.TypeFor[Config](), "", func(_ string, f field) {
		if f.typ == secretType {
			secret[f.name] = true
		} else if isPlain(f.typ) {
			open[f.name] = true
		}
	})
	for name := range secret {
		delete(open, name)
	}
	return open
})

// homes lists the tables in which a key of that name stands.
var homes = sync.OnceValue(func() map[string][]string {
	m := map[string][]string{}
	walkKeys(reflect.TypeFor[Config](), "", func(path string, f field) {
		table := ""
		if len(path) > len(f.name) {
			table = path[:len(path)-len(f.name)-1]
		}
		m[f.name] = append(m[f.name], table)
	})
	return m
})

// elsewhere is a hint for a key that is right in one other table: TOML's order of things is easily got
// wrong.
func elsewhere(key string) string {
	tables := homes()[key]
	switch {
	case len(tables) != 1:
		return ""
	case tables[0] == "":
		return fmt.Sprintf("%s stands at the top, above the first [table]", key)
	}
	return fmt.Sprintf("it stands in [%s]", tables[0])
}
