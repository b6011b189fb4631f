package delivery

import (
	"strings"
	"testing"
)

func TestXtext(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"plain@example.com", "plain@example.com"},
		{"a+b=c", "a+2Bb+3Dc"},
		{"a b\r\n", "a+20b+0D+0A"},
		{"ü", "+C3+BC"},
		{"\x7f", "+7F"},
	}
	for _, tt := range tests {
		if got := xtext(tt.in); got != tt.want {
			t.Errorf("xtext(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestORcpt(t *testing.T) {
	tests := []struct {
		in   string
		utf8 bool
		want string
	}{
		{"rfc822;bob+tag@example.com", true, "rfc822;bob+2Btag@example.com"},
		{"utf-8;jürgen@example.com", true, "utf-8;jürgen@example.com"},
		{"utf-8;jürgen@example.com", false, `utf-8;j\x{FC}rgen@example.com`},
		{`UTF-8;a+b=c\d e`, false, `UTF-8;a\x{2B}b\x{3D}c\x{5C}d\x{20}e`},
		{"x400;c=de;a=b", false, "x400;c+3Dde;a+3Db"},
	}
	for _, tt := range tests {
		if got := orcpt(tt.in, tt.utf8); got != tt.want {
			t.Errorf("orcpt(%q, %v) = %q, want %q", tt.in, tt.utf8, got, tt.want)
		}
	}
}

func TestCheckPath(t *testing.T) {
	good := []string{"bob@example.com", "postmaster", "jürgen@exämple.com", `"odd one"@example.com`, `"a\"b"@example.com`,
		`"a@b"@example.com`, "a'b+c=d@[192.0.2.1]", `"back\\slash"@example.com`, "a@[IPv6:2001:db8::1]"}
	bad := []string{"", "a b@example.com", "a>@example.com", "<a@example.com", `"a>b"@example.com`, "a\r\nRSET", "a\x00b", "a\x7fb",
		"a\tb@c", `"open@example.com`, `"open\`, `"a\` + "\r" + `"@b`, `"a\>"@b`, "bad\xffutf8@example.com", `a" SIZE=1`, strings.Repeat("a", maxPath+1)}
	for _, path := range good {
		if u := checkPath(path); u != nil {
			t.Errorf("%q: %v", path, u)
		}
	}
	for _, path := range bad {
		if u := checkPath(path); u == nil || u.Reason != BadAddress {
			t.Errorf("%q: %v", path, u)
		}
	}
}

func TestRecipientParameters(t *testing.T) {
	const address = "bob@example.com"
	tests := []struct {
		name string
		r    Recipient
		ok   bool
	}{
		{"none", Recipient{Address: address}, true},
		{"never", Recipient{address, []string{"NEVER"}, ""}, true},
		{"all others", Recipient{address, []string{"SUCCESS", "FAILURE", "DELAY"}, "rfc822;x"}, true},
		{"never and more", Recipient{address, []string{"NEVER", "DELAY"}, ""}, false},
		{"unknown", Recipient{address, []string{"delay"}, ""}, false},
		{"injected", Recipient{address, []string{"DELAY\r\nRSET"}, ""}, false},
		{"ORCPT without a type", Recipient{address, nil, "x@y"}, false},
		{"ORCPT with an odd type", Recipient{address, nil, "rfc 822;x@y"}, false},
		{"ORCPT without an address", Recipient{address, nil, "rfc822;"}, false},
		{"ORCPT with a line end is encoded", Recipient{address, nil, "rfc822;x\r\nRSET"}, true},
	}
	for _, tt := range tests {
		if u := tt.r.check(); (u == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, u)
		}
	}
}

func TestMailParameters(t *testing.T) {
	tests := []struct {
		name string
		e    Envelope
		ok   bool
	}{
		{"null sender", Envelope{}, true},
		{"RET", Envelope{Ret: "FULL"}, true},
		{"unknown RET", Envelope{Ret: "full"}, false},
		{"bad sender", Envelope{From: "a b"}, false},
	}
	for _, tt := range tests {
		if u := tt.e.checkMail(); (u == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, u)
		}
	}
}

func TestOverlongDSNParametersAreLeftOut(t *testing.T) {
	ext := extensions{"DSN": nil}
	for n, want := range map[int]bool{maxEnvID: true, maxEnvID + 1: false} {
		e := Envelope{EnvID: strings.Repeat("x", n)}
		if got := strings.Contains(mailCommand(&e, 1, false, ext), "ENVID"); got != want {
			t.Errorf("ENVID of %d: %v", n, got)
		}
	}
	for n, want := range map[int]bool{maxORcpt: true, maxORcpt + 1: false} {
		r := Recipient{Address: "b@x", ORcpt: "rfc822;" + strings.Repeat("x", n-len("rfc822;"))}
		if got := strings.Contains(rcptCommand(&r, false, ext), "ORCPT"); got != want {
			t.Errorf("ORCPT of %d: %v", n, got)
		}
	}
}

// No envelope that passes the checks makes a command of more than one line.
func FuzzCommandsAreOneLine(f *testing.F) {
	f.Add("ann@old.example", "bob@new.example", "id", "rfc822;x", "DELAY", "FULL")
	f.Add("a\r\n", `"\"@b`, "\r\nDATA", "rfc822;\n", "NEVER\r\n", "HDRS ")
	ext := extensions{"SIZE": nil, "DSN": nil, "SMTPUTF8": nil, "8BITMIME": nil}
	f.Fuzz(func(t *testing.T, from, to, id, orcpt, notify, ret string) {
		e := Envelope{From: from, EnvID: id, Ret: ret, EightBit: true}
		r := Recipient{Address: to, Notify: []string{notify}, ORcpt: orcpt}
		if e.checkMail() != nil || r.check() != nil {
			return
		}
		for _, line := range []string{mailCommand(&e, 1, true, ext), rcptCommand(&r, true, ext)} {
			inner := strings.TrimSuffix(line, "\r\n")
			if strings.ContainsAny(inner, "\r\n\x00") || strings.Count(line, ">") != 1 || strings.Count(line, "<") != 1 {
				t.Errorf("%q", line)
			}
		}
	})
}
