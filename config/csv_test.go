package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func mailboxes(t *testing.T, csv string) []Mailbox {
	t.Helper()
	return mustParse(t, "", csv).Mailboxes
}

func TestOwnColumns(t *testing.T) {
	got := mailboxes(t, ExampleMailboxes())
	want := []Mailbox{
		{Address: "anna@example.com", Aliases: []string{"a.smith@example.com"}, Kind: Person, Home: Legacy, Wave: "pilot", Line: 2,
			Legacy: Account{Server: "legacy", Login: "anna"}, Cloud: Account{Server: "cloud", Login: "anna@example.com"}},
		{Address: "bob@example.com", Kind: Person, Home: Legacy, Wave: "1", Line: 3,
			Legacy: Account{Server: "legacy", Login: "bob"}, Cloud: Account{Server: "cloud", Login: "bob@example.com"}},
		{Address: "info@example.com", Aliases: []string{"sales@example.net", "contact@example.com"}, Kind: Shared, Home: Legacy, Wave: "1", Line: 4,
			Legacy: Account{Server: "legacy", Login: "info"}, Cloud: Account{Server: "cloud", Login: "info@example.com"}},
		{Address: "room-1@example.com", Kind: Room, Home: Legacy, Wave: "1", Line: 5,
			Legacy: Account{Server: "legacy", Login: "room1"}, Cloud: Account{Server: "cloud", Login: "room-1@example.com"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// One mailbox in every dialect a file may have.
func TestDialects(t *testing.T) {
	for _, c := range []struct{ name, csv string }{
		{"own", "address,legacy_login,legacy_password\nAnna@example.com,anna,pa;ss\n"},
		{"semicolons", "Address;Legacy Login;legacy-password\r\nAnna@example.com;anna;\"pa;ss\"\r\n"},
		{"tabs", "address\tlegacy_login\tlegacy_password\nAnna@example.com\tanna\tpa;ss\n"},
		{"mark", "\uFEFFaddress,legacy_login,legacy_password\nAnna@example.com,anna,pa;ss\n"},
		{"comment and blank", "# ours\n\naddress,legacy_login,legacy_password\n\n# she\nAnna@example.com , anna ,pa;ss\n"},
		{"no last line end", "address,legacy_login,legacy_password\nAnna@example.com,anna,pa;ss"},
		{"microsoft", "EmailAddress,UserName,Password\nAnna@example.com,anna,pa;ss\n"},
		{"microsoft with root", "\uFEFFEmailAddress,UserName,Password,UserRoot\r\nAnna@example.com,anna,pa;ss,/x\r\n"},
	} {
		got := mailboxes(t, c.csv)
		if len(got) != 1 || got[0].Address != "anna@example.com" || got[0].Legacy.Login != "anna" || got[0].Cloud.Login != "Anna@example.com" {
			t.Errorf("%s: %+v", c.name, got)
			continue
		}
		if pw, err := got[0].Legacy.Password.Reveal(); pw != "pa;ss" || err != nil {
			t.Errorf("%s: password %q, %v", c.name, pw, err)
		}
	}
}

func TestImapsync(t *testing.T) {
	line := `exch01.example.com;anna;p"1 ;outlook.office365.com;anna@example.com;p2`
	for _, c := range []struct{ name, csv string }{
		{"no header", line + "\n"},
		{"trailing semicolon", line + ";\r\n"},
		{"options", line + ";--subfolder2 x --automap\n"},
		{"short header", "h1;u1;p1;h2;u2;p2\n" + line + "\n"},
		{"header", "host1;user1;password1;host2;user2;password2\n" + line + "\n"},
		{"header as a comment", "#host1;user1;password1;host2;user2;password2;\n\n" + line + "\n"},
		{"mark", "\uFEFF" + line + "\n"},
		{"names of servers", strings.NewReplacer("exch01.example.com", "legacy", "outlook.office365.com", "cloud").Replace(line)},
		{"other order", "h2;u2;p2;h1;u1;p1\noutlook.office365.com;anna@example.com;p2;exch01.example.com;anna;p\"1 \n"},
	} {
		got := mailboxes(t, c.csv)
		if len(got) != 1 {
			t.Errorf("%s: %+v", c.name, got)
			continue
		}
		m := got[0]
		one, _ := m.Legacy.Password.Reveal()
		two, _ := m.Cloud.Password.Reveal()
		if m.Address != "anna@example.com" || m.Legacy.Server != "legacy" || m.Legacy.Login != "anna" || one != `p"1 ` ||
			m.Cloud.Server != "cloud" || m.Cloud.Login != "anna@example.com" || two != "p2" {
			t.Errorf("%s: %+v, passwords %q %q", c.name, m, one, two)
		}
	}
}

// imapsync's file gives no address: the login that is one in our domains is it, else any that is one.
func TestImapsyncAddress(t *testing.T) {
	for _, c := range []struct{ u1, u2, want, err string }{
		{"anna", "anna@example.com", "anna@example.com", ""},
		{"anna@example.net", "anna@tenant.onmicrosoft.example", "anna@example.net", ""},
		{"a@example.net", "b@example.com", "b@example.com", ""},
		{"anna", "anna@elsewhere.example", "", "anna@elsewhere.example is in none of the domains"},
		{"anna", "anna", "", "a mailbox without an address"},
	} {
		cfg, err := parse(t, "", fmt.Sprintf("legacy;%s;p1;cloud;%s;p2\n", c.u1, c.u2))
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s, %s: %v", c.u1, c.u2, err)
		case c.err == "" && (err != nil || cfg.Mailboxes[0].Address != c.want):
			t.Errorf("%s, %s: %v, %v", c.u1, c.u2, cfg, err)
		}
	}
}

func TestIsImapsync(t *testing.T) {
	for line, want := range map[string]bool{
		"h1;u1;p1;h2;u2;p2": true,
		"a;b;c;d;e;f":       true,
		"a;b;c;d;e;f;":      true,
		"a;b;c;d;e":         false,
		"a,b,c,d,e,f":       false,
		"address;aliases;kind;home;wave;cloud_login":      false,
		"EmailAddress;UserName;Password":                  false,
		"host1;user1;password1;host2;user2;password2;":    true,
		"Adress;Aliases;legacy_login;kind;home;wave;what": false,
	} {
		if got := isImapsync(line); got != want {
			t.Errorf("isImapsync(%q) = %v", line, got)
		}
	}
}

func TestDelimiter(t *testing.T) {
	for header, want := range map[string]rune{
		"address": ',', "a,b;c,d": ',', "a;b;c,d": ';', "a\tb": '\t', "": ',',
	} {
		if got := delimiter(header); got != want {
			t.Errorf("delimiter(%q) = %q", header, got)
		}
	}
}

func TestColumn(t *testing.T) {
	for _, c := range []struct {
		name, want string
		ok         bool
	}{
		{"address", "address", true}, {" Legacy Server ", "legacy_server", true}, {"CLOUD-LOGIN", "cloud_login", true},
		{"EmailAddress", "address", true}, {"UserRoot", "", true}, {"h2", "cloud_server", true}, {"#host1", "legacy_server", true},
		{"adress", "", false}, {"", "", false},
	} {
		if got, ok := column(c.name); got != c.want || ok != c.ok {
			t.Errorf("column(%q) = %q, %v", c.name, got, ok)
		}
	}
}

func TestPasswordReferences(t *testing.T) {
	t.Setenv("POSTHOUSE_TEST_SECRET", hidden)
	got := mailboxes(t, "address,legacy_password,cloud_password\na@example.com,env:POSTHOUSE_TEST_SECRET, \nb@example.com,environment,\n")
	if p := got[0].Legacy.Password; p.String() != "env:POSTHOUSE_TEST_SECRET" || !got[0].Cloud.Password.IsZero() {
		t.Errorf("%v, %v", p, got[0].Cloud.Password)
	}
	if pw, _ := got[1].Legacy.Password.Reveal(); pw != "environment" {
		t.Errorf("a literal became %q", pw)
	}
}

func TestEmptyFiles(t *testing.T) {
	for _, csv := range []string{"", "\n\n", "# nothing\n", "\uFEFF", "address\n", "address,home\n\n"} {
		if got := mailboxes(t, csv); len(got) != 0 {
			t.Errorf("%q: %+v", csv, got)
		}
	}
}

func TestSome(t *testing.T) {
	for _, c := range []struct {
		list []string
		want string
	}{
		{[]string{"a"}, "a"}, {[]string{"a", "b", "c"}, "a, b, c"}, {[]string{"a", "b", "c", "d"}, "a, b and 2 more"},
	} {
		if got := some(c.list); got != c.want {
			t.Errorf("some(%v) = %q", c.list, got)
		}
	}
}
