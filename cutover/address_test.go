package cutover_test

import (
	"strings"
	"testing"
	"unicode"

	"posthouse/cutover"
)

func TestParseAddress(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"anna@example.com", "anna@example.com"},
		{"Anna.Berg@EXAMPLE.Com", "Anna.Berg@example.com"},
		{"anna@example.com.", "anna@example.com"},
		{"anna+news@example.com", "anna+news@example.com"},
		{"!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		{`"anna berg"@example.com`, `"anna berg"@example.com`},
		{`"anna@home"@Example.com`, `"anna@home"@example.com`},
		{`"a\"b\\"@example.com`, `"a\"b\\"@example.com`},
		{`"<x>"@example.com`, `"<x>"@example.com`},
		{`""@example.com`, `""@example.com`},
		{"root@[192.0.2.1]", "root@[192.0.2.1]"},
		{"root@localhost", "root@localhost"},
		{"jörg@MÜLLER.example", "jörg@müller.example"},
		{"用户@例子.example", "用户@例子.example"},

		{"", ""},
		{"@", ""},
		{"anna", ""},
		{"anna@", ""},
		{"@example.com", ""},
		{"anna@.", ""},
		{"anna@..", ""},
		{"anna@.example.com", ""},
		{"anna@example..com", ""},
		{"anna@example.com..", ""},
		{" anna@example.com", ""},
		{"anna@example.com ", ""},
		{"anna berg@example.com", ""},
		{"anna\u00a0berg@example.com", ""},
		{"anna@example\u2003.com", ""},
		{"anna@home@example.com", ""},
		{"<anna@example.com>", ""},
		{"anna@example.com>", ""},
		{"<anna@example.com", ""},
		{"Anna <anna@example.com>", ""},
		{"anna@example.com,carl@example.com", ""},
		{"@relay.example:anna@example.com", ""},
		{"anna@example.com;x", ""},
		{`an\na@example.com`, ""},
		{"anna(note)@example.com", ""},
		{"anna@example.com> SIZE=1\r\nRCPT TO:<carl@example.com", ""},
		{"anna\r\n@example.com", ""},
		{"anna@example.com\r\nDATA", ""},
		{"anna@example.com\n", ""},
		{"an\x00na@example.com", ""},
		{"anna@exam\tple.com", ""},
		{"anna@example.com\x7f", ""},
		{"an\u0085na@example.com", ""},
		{"\"an\r\nna\"@example.com", ""},
		{"\"an\u0085na\"@example.com", ""},
		{"an\xffna@example.com", ""},
		{"\"an\xffna\"@example.com", ""},
		{"anna@ex\xffample.com", ""},
		{`"anna@example.com`, ""},
		{`"@example.com`, ""},
		{`"anna"berg"@example.com`, ""},
		{`"anna\"@example.com`, ""},
		{`anna"berg"@example.com`, ""},
		{`"anna"@exam"ple.com`, ""},
	} {
		a, err := cutover.ParseAddress(test.text)
		if string(a) != test.want || (err == nil) != (test.want != "") {
			t.Errorf("ParseAddress(%q) = %q, %v, want %q", test.text, a, err, test.want)
		}
	}
}

func TestAddressParts(t *testing.T) {
	for _, test := range []struct{ address, local, domain, fold, untagged cutover.Address }{
		{"Anna@example.com", "Anna", "example.com", "anna@example.com", "Anna@example.com"},
		{"anna+news@example.com", "anna", "example.com", "anna+news@example.com", "anna@example.com"},
		{"anna+a+b@example.com", "anna", "example.com", "anna+a+b@example.com", "anna@example.com"},
		{"anna+@example.com", "anna", "example.com", "anna+@example.com", "anna@example.com"},
		{"+news@example.com", "+news", "example.com", "+news@example.com", "+news@example.com"},
		{`"A+b@c"@example.com`, `"A+b@c"`, "example.com", `"a+b@c"@example.com`, `"A+b@c"@example.com`},
		{"anna@a+b.example", "anna", "a+b.example", "anna@a+b.example", "anna@a+b.example"},
		{"JÖRG@müller.example", "JÖRG", "müller.example", "jörg@müller.example", "JÖRG@müller.example"},
	} {
		bare := test.address.WithoutTag()
		if bare != test.untagged || bare.Local() != string(test.local) || bare.Domain() != string(test.domain) {
			t.Errorf("%s without its tag is %s: %s at %s, want %s", test.address, bare, bare.Local(), bare.Domain(), test.untagged)
		}
		if got := test.address.Fold(); got != test.fold {
			t.Errorf("%s folds to %s, want %s", test.address, got, test.fold)
		}
	}
}

func TestAddressWithoutAt(t *testing.T) {
	if a := cutover.Address(""); a.Local() != "" || a.Domain() != "" || a.WithoutTag() != "" {
		t.Errorf("the null address has parts: %q at %q", a.Local(), a.Domain())
	}
	if a := cutover.Address("postmaster"); a.Local() != "postmaster" || a.Domain() != "" {
		t.Errorf("an address without @ has parts %q at %q", a.Local(), a.Domain())
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"anna@example.com", `"a\"@<b>"@x.example.`, "a@b@c", "<a@b>\r\n", "jörg@MÜLLER.example", "a@..", "\"\xff\"@x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := cutover.ParseAddress(text)
		if err != nil {
			if a != "" {
				t.Fatalf("refused and given: %q", a)
			}
			return
		}
		at := strings.LastIndexByte(string(a), '@')
		if a.Local() != string(a[:at]) || a.Domain() != string(a[at+1:]) || a.Local() == "" || a.Domain() == "" {
			t.Fatalf("%q has the parts %q and %q", a, a.Local(), a.Domain())
		}
		if !strings.HasPrefix(text, a.Local()+"@") {
			t.Fatalf("%q became %q: the local part is as written", text, a)
		}
		if strings.ContainsFunc(string(a), unicode.IsControl) {
			t.Fatalf("%q holds a control character", a)
		}
		if bare := outsideQuotes(a); strings.ContainsAny(bare, "<> \"") || strings.Count(bare, "@") != 1 {
			t.Fatalf("%q ends a path early", a)
		}
		if again, err := cutover.ParseAddress(string(a)); again != a || err != nil {
			t.Fatalf("%q is read again as %q, %v", a, again, err)
		}
	})
}

// outsideQuotes is the address as an SMTP server reads it, with the quoted string cut out.
func outsideQuotes(a cutover.Address) string {
	s := string(a)
	if s[0] != '"' {
		return s
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[i+1:]
		}
	}
	return s
}
