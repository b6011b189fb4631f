package delivery

import (
	"slices"
	"testing"
)

func TestParseExtensions(t *testing.T) {
	x := parseExtensions([]string{
		"mx.example.com at your service SIZE CHUNKING", "size 157286400", "PIPELINING ", "8bitmime",
		"AUTH=LOGIN", "AUTH PLAIN xoauth2", "", "CHUNKING", "X-ODD  a   b",
	}, []string{"chunking"})
	for keyword, want := range map[string]bool{"SIZE": true, "PIPELINING": true, "8BITMIME": true, "AUTH": true, "X-ODD": true, "CHUNKING": false, "MX.EXAMPLE.COM": false, "": false} {
		if got := x.has(keyword); got != want {
			t.Errorf("has(%q) = %v", keyword, got)
		}
	}
	if got := x["X-ODD"]; !slices.Equal(got, []string{"A", "B"}) {
		t.Errorf("parameters %q", got)
	}
	for m, want := range map[Mechanism]bool{LOGIN: true, PLAIN: true, XOAUTH2: true, "GSSAPI": false} {
		if got := x.offers(m); got != want {
			t.Errorf("offers(%s) = %v", m, got)
		}
	}
	if got := parseExtensions(nil, nil); len(got) != 0 {
		t.Errorf("nothing gave %v", got)
	}
}

func TestSizeLimit(t *testing.T) {
	tests := []struct {
		name   string
		params []string
		limit  int64
		ok     bool
	}{
		{"named", []string{"1000"}, 1000, true},
		{"not named", nil, 0, false},
		{"zero is none", []string{"0"}, 0, false},
		{"nonsense is none", []string{"LOTS"}, 0, false},
		{"negative is none", []string{"-5"}, 0, false},
	}
	for _, tt := range tests {
		limit, ok := (extensions{"SIZE": tt.params}).sizeLimit()
		if ok != tt.ok || ok && limit != tt.limit {
			t.Errorf("%s: %d, %v", tt.name, limit, ok)
		}
	}
}

func TestFit(t *testing.T) {
	all := extensions{"SIZE": {"100"}, "SMTPUTF8": nil, "8BITMIME": nil, "CHUNKING": nil}
	without := func(keyword string) extensions {
		x := extensions{}
		for k, v := range all {
			if k != keyword {
				x[k] = v
			}
		}
		return x
	}
	tests := []struct {
		name string
		ext  extensions
		env  Envelope
		size int64
		want Reason
	}{
		{"everything", all, Envelope{From: "ü@x", UTF8: true, EightBit: true, BareNewline: true}, 100, ""},
		{"too big", all, Envelope{}, 101, TooBig},
		{"no limit", without("SIZE"), Envelope{}, 1 << 40, ""},
		{"UTF8 header", without("SMTPUTF8"), Envelope{UTF8: true}, 1, UTF8},
		{"UTF8 sender", without("SMTPUTF8"), Envelope{From: "ü@x"}, 1, UTF8},
		{"8-bit", without("8BITMIME"), Envelope{EightBit: true}, 1, EightBit},
		{"bare newline", without("CHUNKING"), Envelope{BareNewline: true}, 1, BareNewline},
		{"TLS all the way", extensions{"REQUIRETLS": nil}, Envelope{RequireTLS: true}, 1, ""},
		{"no TLS all the way", all, Envelope{RequireTLS: true}, 1, NoRequireTLS},
		{"plain message, plain server", extensions{}, Envelope{}, 1, ""},
	}
	for _, tt := range tests {
		u := tt.ext.fit(&tt.env, tt.size)
		if got := reasonOf(u); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

func reasonOf(u *Unfit) Reason {
	if u == nil {
		return ""
	}
	return u.Reason
}
