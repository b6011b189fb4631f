package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Example is a complete file with every key, its documentation, its default and whether a reload applies
// it. Keys at their defaults are commented out; what remains is the smallest file that makes sense, and it
// validates. So does the file with every comment sign before a key taken away, given the files it names.
func Example() string {
	w := &exampleWriter{explained: map[reflect.Type]bool{}}
	w.comment(`posthouse: one cutover, from the old mail server to the cloud.

Check it with "posthouse config validate"; a running service takes changes by "systemctl reload posthouse"
(live) or when it is started again (restart).

Durations are "90s", "15m", "6h", "14d"; sizes "150MB" or "64KiB". Paths are relative to this file's
folder. Secrets never stand here: write "file:PATH" (not readable by others), "env:NAME" or
"credential:NAME" (LoadCredential= of the systemd unit).`)
	w.section(reflect.TypeFor[Config](), "", exampleValues, true)
	return w.String()
}

// ExampleMailboxes is a mailboxes file to begin with.
func ExampleMailboxes() string {
	return strings.Join(ownColumns, ",") + "\n" +
		"anna@example.com,a.smith@example.com,person,,anna,,,,,legacy,pilot\n" +
		"bob@example.com,,person,,bob,,,,,legacy,1\n" +
		"info@example.com,sales@example.net contact@example.com,shared,,info,,,,,legacy,1\n" +
		"room-1@example.com,,room,,room1,,,,,legacy,1\n"
}

// values are the keys that the example sets: text for a plain key, values for a table.
type values map[string]any

// sample is one named table of the example.
type sample struct {
	name   string
	intro  string
	full   bool // shows every key, not only those that are set
	active bool // is not commented out
	set    values
}

var exampleValues = values{
	"organisation": "Example Ltd",
	"domains":      "example.com, example.net",
	"servers": []sample{
		{name: "legacy", full: true, active: true, set: values{
			"side": "legacy", "imap": "exch01.example.com:993", "smtp": "exch01.example.com:25",
		}},
		{name: "cloud", intro: "Microsoft 365, by an application registered in the tenant.", active: true, set: values{
			"side": "cloud", "imap": "outlook.office365.com:993", "smtp": "example-com.mail.protection.outlook.com:25",
			"login": "xoauth2", "max_connections": "32",
			"oauth": values{
				"kind":          "client_credentials",
				"token_url":     "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token",
				"client_id":     "11111111-2222-3333-4444-555555555555",
				"client_secret": "credential:oauth",
				"scope":         "https://outlook.office365.com/.default",
			},
		}},
	},
	"listeners": []sample{
		{name: "mx", full: true, active: true, set: values{"role": "mx", "socket": "mx", "address": ":25"}},
		{name: "submission", intro: "Phones and programs of users, who log in with the password of the old server.", set: values{
			"role": "submission", "socket": "submission", "address": ":587", "tls_cert": "/etc/posthouse/mail.crt", "tls_key": "/etc/posthouse/mail.key",
		}},
		{name: "submissions", set: values{
			"role": "submission", "socket": "submissions", "address": ":465", "tls": "implicit", "tls_cert": "/etc/posthouse/mail.crt", "tls_key": "/etc/posthouse/mail.key",
		}},
		{name: "devices", intro: "Printers and scanners with the old server's name burned in.", set: values{
			"role": "devices", "address": "10.0.0.10:2525", "allow": "10.0.4.0/24",
		}},
	},
	"bridge": values{
		"shared": []sample{
			{name: "sales", full: true, set: values{}},
		},
		"mailboxes": []sample{{name: `"anna@example.com"`, full: true, set: values{}}},
	},
	"evidence": []sample{
		{name: "maillog", full: true, set: values{"file": "/var/log/mail.log"}},
		{name: "dovecot", set: values{"kind": "dovecot", "file": "/var/log/dovecot.log"}},
		{name: "tracking", set: values{"kind": "exchange-tracking", "file": "/mnt/exch01/MessageTracking/MSGTRK*.LOG"}},
	},
}

type exampleWriter struct {
	strings.Builder
	explained map[reflect.Type]bool // whose keys have been explained once
}

func (w *exampleWriter) comment(text string) {
	for _, line := range strings.Split(text, "\n") {
		w.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
}

// section writes a table: its own keys first, as TOML wants it, then the tables in it.
func (w *exampleWriter) section(t reflect.Type, path string, set values, active bool) {
	fields := fieldsOf(t)
	for _, f := range fields {
		if isPlain(f.typ) {
			w.key(t, f, set[f.name], active)
		}
	}
	w.explained[t] = true
	for _, f := range fields {
		p := join(path, f.name)
		switch {
		case isSection(f.typ):
			inner, _ := set[f.name].(values)
			w.table(p, docOf(f), active)
			w.section(f.typ, p, inner, active)
		case isSections(f.typ):
			w.samples(f, p, docOf(f), set[f.name].([]sample))
		case f.typ.Kind() == reflect.Map:
			w.table(p, docOf(f)+"\n"+mode(f), active)
			key, value, _ := strings.Cut(f.example, " = ")
			fmt.Fprintf(w, "#%s = %s\n", strconv.Quote(key), literalOf(f.typ.Elem(), value))
		}
	}
}

func (w *exampleWriter) table(path, doc string, active bool) {
	w.WriteString("\n")
	w.comment(doc)
	w.WriteString(off(active) + "[" + path + "]\n")
}

func off(active bool) string {
	if active {
		return ""
	}
	return "#"
}

// isPlain says that a key has a value of its own: a scalar or a list.
func isPlain(t reflect.Type) bool { return isScalar(t) || t.Kind() == reflect.Slice }

func (w *exampleWriter) samples(f field, path, doc string, list []sample) {
	w.WriteString("\n")
	w.comment(doc)
	for _, s := range list {
		name := path + "." + s.name
		if s.intro == "" {
			w.WriteString("\n" + off(s.active) + "[" + name + "]\n")
		} else {
			w.table(name, s.intro, s.active)
		}
		if s.full {
			w.section(f.typ.Elem(), name, s.set, s.active)
		} else {
			w.settings(f.typ.Elem(), name, s.set, s.active)
		}
	}
}

// settings writes only the keys that are set, without repeating their documentation.
func (w *exampleWriter) settings(t reflect.Type, path string, set values, active bool) {
	for _, f := range fieldsOf(t) {
		switch v := set[f.name].(type) {
		case string:
			w.WriteString(off(active) + exampleLine(f, v) + "\n")
		case values:
			w.WriteString(off(active) + "[" + path + "." + f.name + "]\n")
			w.settings(f.typ, path+"."+f.name, v, active)
		}
	}
}

func (w *exampleWriter) key(t reflect.Type, f field, set any, active bool) {
	if !w.explained[t] {
		w.WriteString("\n")
		w.comment(docOf(f))
		w.comment(mode(f))
	}
	text, given := set.(string)
	switch {
	case given:
	case f.hasDef:
		text = f.def
	default:
		text = f.example
	}
	w.WriteString(off(given && active) + exampleLine(f, text) + "\n")
}

// mode says what a change of the key takes, and what it is when it is not given.
func mode(f field) string {
	m := "(restart)"
	if f.live {
		m = "(live)"
	}
	switch {
	case f.needed && !f.hasDef:
		return m + " Must be given."
	case f.hasDef:
		return m + " Default: " + literalOf(f.typ, f.def)
	}
	return m
}

// exampleLine is a key with a value as the tags write it: lists with commas, no quotes.
func exampleLine(f field, text string) string { return f.name + " = " + literalOf(f.typ, text) }

// literalOf writes a value as TOML.
func literalOf(t reflect.Type, text string) string {
	if t.Kind() == reflect.Slice && t != prefixType {
		items := splitList(text)
		for i, item := range items {
			items[i] = literalOf(t.Elem(), item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	bare := []reflect.Kind{reflect.Bool, reflect.Int, reflect.Float64}
	if t == timeType || slices.Contains(bare, t.Kind()) {
		return text
	}
	return strconv.Quote(text)
}
