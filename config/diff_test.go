package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDiffOfEqual(t *testing.T) {
	csv := "address,legacy_password\nanna@example.com,one\n"
	if got := Diff(mustParse(t, "", csv), mustParse(t, "", csv)); len(got) != 1 || got[0].Key != "mailboxes" {
		t.Errorf("only the folder differs, but %v", got)
	}
}

func TestDiff(t *testing.T) {
	t.Setenv("POSTHOUSE_TEST_SECRET", hidden)
	for _, c := range []struct{ old, new, want string }{
		{"", "[relay]\nhold_after = \"6d\"", "relay.hold_after: 5d → 6d (restart)"},
		{"", "[relay]\nworkers = 9", "relay.workers: 8 → 9 (restart)"},
		{"", "[relay]\nretry = [\"1m\", \"2h\"]", "relay.retry: 30s, 1m, 2m, 5m, 10m, 15m → 1m, 2h (restart)"},
		{"[bridge]\nskip = []", "", ""},
		{"", "[bridge]\nskip = [\"Trash\"]", "bridge.skip: - → Trash (restart)"},
		{"", "[routes.arriving]\nto = [\"cloud:smtp\"]", "routes.arriving.to: home:smtp → cloud:smtp (restart)"},
		{"", "[verdict]\nmx_switched = 2026-11-21T17:00:00Z", "verdict.mx_switched: - → 2026-11-21T17:00:00Z (live)"},
		{"[verdict]\nmx_switched = 2026-11-21T18:00:00+01:00", "[verdict]\nmx_switched = 2026-11-21T17:00:00Z", ""},
		{"", "[listeners.mx]\nrole = \"mx\"\nsocket = \"mx\"", "listeners.mx: - → a table (restart)"},
		{"[evidence.a]\nkind = \"postfix\"\nfile = \"x\"", "", "evidence.a: a table → - (restart)"},
		{"[listeners.mx]\nrole = \"mx\"\nsocket = \"mx\"", "[listeners.mx]\nrole = \"mx\"\nsocket = \"mx\"\nhostname = \"m.example.com\"", "listeners.mx.hostname: - → m.example.com (restart)"},
		{"smtp_login = \"a\"\nsmtp_password = \"env:POSTHOUSE_TEST_SECRET\"", "", "servers.cloud.smtp_auth: plain → none (restart)\nservers.cloud.smtp_login: a → - (restart)\nservers.cloud.smtp_password: env:POSTHOUSE_TEST_SECRET → - (restart)"},
		{"[alias_domains]\n\"old.example\" = \"example.com\"", "[alias_domains]\n\"old.example\" = \"example.net\"", "alias_domains.old.example: example.com → example.net (live)"},
	} {
		diffIs(t, c.old+"\n"+c.new, Diff(mustParse(t, c.old, ""), mustParse(t, c.new, "")), c.want)
	}
}

func diffIs(t *testing.T, name string, changes []Change, want string) {
	t.Helper()
	var lines []string
	for _, c := range changes {
		if c.Key != "mailboxes" { // each file has its own folder
			lines = append(lines, c.String())
		}
	}
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
	}
}

func TestDiffOfMailboxes(t *testing.T) {
	old := "address,aliases,legacy_password,home,cloud_login\na@example.com,,one,,\nb@example.com,,two,,\nc@example.com,,,,\n"
	new := "address,aliases,legacy_password,home,cloud_login\nb@example.com,b2@example.com b3@example.com,three,cloud,bb\nc@example.com,,hunter2,,\nd@example.com,,,,\n"
	changes := Diff(mustParse(t, "", old), mustParse(t, "", new))
	diffIs(t, "mailboxes", changes, `mailboxes[a@example.com]: a mailbox → - (restart)
mailboxes[b@example.com].aliases: - → b2@example.com b3@example.com (live)
mailboxes[b@example.com].cloud_login: b@example.com → bb (restart)
mailboxes[b@example.com].home: legacy → cloud (live)
mailboxes[b@example.com].legacy_password: (hidden) → (hidden) (live)
mailboxes[c@example.com].legacy_password: - → (hidden) (live)
mailboxes[d@example.com]: - → a mailbox (live)`)
}

// Every key's change is seen, and as live or not as its definition says.
func TestDiffSeesEveryKey(t *testing.T) {
	walkPlain(reflect.ValueOf(Default()).Elem(), "", func(path string, f field, _ reflect.Value) {
		old, new := Default(), Default()
		walkPlain(reflect.ValueOf(new).Elem(), "", func(p string, _ field, v reflect.Value) {
			if p == path {
				v.Set(another(v))
			}
		})
		got := Diff(old, new)
		if len(got) != 1 || got[0].Key != path || got[0].Live != f.live {
			t.Errorf("%s: %+v", path, got)
		}
	})
}

func walkPlain(v reflect.Value, path string, visit func(string, field, reflect.Value)) {
	for _, f := range fieldsOf(v.Type()) {
		switch fv := v.Field(f.index); {
		case isSection(f.typ):
			walkPlain(fv, join(path, f.name), visit)
		case isPlain(f.typ):
			visit(join(path, f.name), f, fv)
		}
	}
}

// another is a value that differs from v.
func another(v reflect.Value) reflect.Value {
	n := reflect.New(v.Type()).Elem()
	switch {
	case v.Type() == secretType:
		n.Set(reflect.ValueOf(LiteralSecret(hidden)))
	case v.Type() == timeType:
		n.Set(reflect.ValueOf(v.Interface().(time.Time).Add(time.Hour)))
	case v.Kind() == reflect.Slice:
		n.Set(reflect.Append(v, reflect.New(v.Type().Elem()).Elem()))
		n.Index(n.Len() - 1).Set(another(n.Index(n.Len() - 1)))
	case v.Kind() == reflect.Struct:
		n.FieldByName("Where").SetString("other")
	case v.Kind() == reflect.String:
		n.SetString(v.String() + "x")
	case v.Kind() == reflect.Bool:
		n.SetBool(!v.Bool())
	case v.CanInt():
		n.SetInt(v.Int() + 1)
	case v.CanFloat():
		n.SetFloat(v.Float() + 1)
	}
	return n
}
