package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Change is one key that differs between two configurations.
type Change struct {
	// Key as the file writes it: relay.retry, servers.cloud.imap; for mailboxes the address and column:
	// mailboxes[anna@example.com].home. A table that came or went is one Change.
	Key string
	// Old and New are the values; empty for what is not there. Secrets appear as where they are found.
	Old, New string
	// Live says that a reload applies it; otherwise it takes a restart.
	Live bool
}

// String is the change as a reload prints it.
func (c Change) String() string {
	when := "restart"
	if c.Live {
		when = "live"
	}
	return fmt.Sprintf("%s: %s → %s (%s)", c.Key, orNothing(c.Old), orNothing(c.New), when)
}

func orNothing(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Diff lists what changed, in the order of the file's definition, the list of recipients and mailboxes last.
func Diff(old, new *Config) []Change {
	d := &differ{}
	d.section(reflect.ValueOf(old).Elem(), reflect.ValueOf(new).Elem(), "")
	d.listed(old.Recipients.Listed, new.Recipients.Listed)
	d.mailboxes(old.Mailboxes, new.Mailboxes)
	return d.changes
}

type differ struct{ changes []Change }

func (d *differ) add(key, old, new string, live bool) {
	d.changes = append(d.changes, Change{key, old, new, live})
}

func (d *differ) section(a, b reflect.Value, path string) {
	for _, f := range fieldsOf(a.Type()) {
		x, y, key := a.Field(f.index), b.Field(f.index), join(path, f.name)
		switch {
		case isSection(f.typ):
			d.section(x, y, key)
		case f.typ.Kind() == reflect.Map:
			d.table(f, x, y, key)
		case !same(x, y):
			d.add(key, show(x), show(y), f.live)
		}
	}
}

// table compares tables whose keys the user chose.
func (d *differ) table(f field, a, b reflect.Value, path string) {
	for _, name := range keysOf(a, b) {
		x, y := a.MapIndex(reflect.ValueOf(name)), b.MapIndex(reflect.ValueOf(name))
		key := join(path, name)
		switch {
		case !x.IsValid():
			d.add(key, "", entryText(y), f.live)
		case !y.IsValid():
			d.add(key, entryText(x), "", f.live)
		case isSections(f.typ):
			d.section(x, y, key)
		case !same(x, y):
			d.add(key, show(x), show(y), f.live)
		}
	}
}

func keysOf(tables ...reflect.Value) []string {
	all := map[string]bool{}
	for _, t := range tables {
		for _, k := range t.MapKeys() {
			all[k.String()] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func entryText(v reflect.Value) string {
	if isSection(v.Type()) {
		return "a table"
	}
	return show(v)
}

// same compares by meaning: a list that is nil is an empty one, secrets are equal by Equal, times by the
// instant.
func same(a, b reflect.Value) bool {
	if s, ok := a.Interface().(Secret); ok {
		return s.Equal(b.Interface().(Secret))
	}
	return show(a) == show(b)
}

// show is a value as people read it.
func show(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		items := make([]string, v.Len())
		for i := range items {
			items[i] = show(v.Index(i))
		}
		return strings.Join(items, ", ")
	}
	if v.Type() == durationType {
		return FormatDuration(time.Duration(v.Int()))
	}
	if v.IsZero() && v.Kind() == reflect.Struct {
		return ""
	}
	if t, ok := v.Interface().(time.Time); ok {
		return t.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(v.Interface())
}

// restartColumns are the columns of a mailbox that a reload does not apply: a mailbox stays on the account it was begun with.
var restartColumns = []string{"legacy_server", "legacy_login", "cloud_server", "cloud_login"}

// mailboxes compares the lines of the mailboxes file. A mailbox that is gone is followed until the restart.
func (d *differ) mailboxes(old, new []Mailbox) {
	was, is := byAddress(old), byAddress(new)
	for _, m := range old {
		if _, ok := is[m.Address]; !ok {
			d.add("mailboxes["+m.Address+"]", "a mailbox", "", false)
		}
	}
	for _, m := range new {
		before, ok := was[m.Address]
		if !ok {
			d.add("mailboxes["+m.Address+"]", "", "a mailbox", true)
			continue
		}
		d.mailbox(before, m)
	}
}

func byAddress(list []Mailbox) map[string]Mailbox {
	m := make(map[string]Mailbox, len(list))
	for _, x := range list {
		m[x.Address] = x
	}
	return m
}

func (d *differ) mailbox(a, b Mailbox) {
	x, y := a.columns(), b.columns()
	for i, name := range ownColumns {
		if x[i] != y[i] {
			d.add("mailboxes["+b.Address+"]."+name, x[i], y[i], !slices.Contains(restartColumns, name))
		}
	}
	d.password(b.Address, "legacy_password", a.Legacy.Password, b.Legacy.Password)
	d.password(b.Address, "cloud_password", a.Cloud.Password, b.Cloud.Password)
}

// password compares what columns cannot tell: two literals look alike.
func (d *differ) password(address, column string, a, b Secret) {
	if a.String() == b.String() && !a.Equal(b) {
		d.add("mailboxes["+address+"]."+column, a.String(), b.String(), true)
	}
}

// columns are the mailbox's cells, in the order of ownColumns.
func (m Mailbox) columns() []string {
	return []string{
		m.Address, strings.Join(m.Aliases, " "), string(m.Kind), m.Legacy.Server, m.Legacy.Login, m.Legacy.Password.String(),
		m.Cloud.Server, m.Cloud.Login, m.Cloud.Password.String(), string(m.Home), m.Wave,
	}
}
