package listener

import (
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	for _, c := range []struct {
		in, want, rest string
	}{
		{"<anna@example.com>", "anna@example.com", ""},
		{" <anna@example.com> SIZE=10", "anna@example.com", "SIZE=10"},
		{"anna@example.com BODY=8BITMIME", "anna@example.com", "BODY=8BITMIME"},
		{"<>", "", ""},
		{"<> SIZE=1", "", "SIZE=1"},
		{"<@a.example,@b.example:anna@example.com>", "anna@example.com", ""},
		{`<"anna"@example.com>`, "anna@example.com", ""},
		{`<"victim@other.example"@example.com>`, `"victim@other.example"@example.com`, ""},
		{`<"a b"@example.com>`, `"a b"@example.com`, ""},
		{`<"a\"b\\c"@example.com>`, `"a\"b\\c"@example.com`, ""},
		{`<"a> NOTIFY=NEVER"@example.com>`, `"a> NOTIFY=NEVER"@example.com`, ""},
		{"<anna@[192.0.2.1]>", "anna@[192.0.2.1]", ""},
		{"<anna@[IPv6:2001:db8::1]>", "anna@[IPv6:2001:db8::1]", ""},
		{"<a..b.@example.com>", "a..b.@example.com", ""},
		{"<jürgen@bücher.example>", "jürgen@bücher.example", ""},
		{"<Postmaster>", "Postmaster", ""},
		{"postmaster", "postmaster", ""},
		{"<root> SIZE=1", "root", "SIZE=1"},
		{"root SIZE=1", "root", "SIZE=1"},
		{"<a=b>", "a=b", ""},
		{`<"victim@other.example">`, `"victim@other.example"`, ""},
	} {
		p, rest, err := parsePath(c.in)
		if err != nil || p.String() != c.want || rest != c.rest {
			t.Errorf("parsePath(%q) = %q, %q, %v; want %q, %q", c.in, p, rest, err, c.want, c.rest)
		}
	}
}

func TestParsePathRefuses(t *testing.T) {
	for _, in := range []string{
		"", " ", "<", "<anna@example.com", "anna@example.com>", "<@example.com>", "@example.com", "<anna@>", "<anna@ >",
		"<victim@other.example@example.com>", `<"a@example.com>`, `<""@example.com>`, `<"a"b@example.com>`, `<a"b"@example.com>`,
		"<a b@example.com>", "<anna@example.com>SIZE=1", "<<anna@example.com>>", "<anna@exa<mple.com>", "<@route anna@example.com>",
		"<anna@[]>", "<anna@[192.0.2.1>", "<anna@exam,ple.com>", `<"a\`, "<anna@a:b>",
		"<\xff\xfe@example.com>", "<gr\xf6\xdfe@example.com> SMTPUTF8", "<anna@b\xfccher.example>",
		"SIZE=1", " BODY=8BITMIME SIZE=1", `"SIZE=1"`, "<root>SIZE=1", "<root SIZE=1>", "root>", "<root>>", `<"root>`, `<"root"x>`, `<root" SIZE=1>`,
	} {
		if p, rest, err := parsePath(in); err == nil {
			t.Errorf("parsePath(%q) = %q, %q; want an error", in, p, rest)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"<anna@example.com> SIZE=1", `<"a@b\"c"@d>`, "<@a:b@c>", "postmaster", "<>", "<a@[IPv6:::1]>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p, _, err := parsePath(in)
		if err != nil {
			return
		}
		text := p.String()
		again, rest, err := parsePath("<" + text + ">")
		if err != nil || again != p || rest != "" {
			t.Fatalf("%q: %q reads back as %+v, rest %q, %v; want %+v", in, text, again, rest, err, p)
		}
		if at := strings.LastIndexByte(text, '@'); p.domain != "" && text[at+1:] != p.domain {
			t.Fatalf("%q: the last @ of %q does not part the domain %q", in, text, p.domain)
		}
	})
}
