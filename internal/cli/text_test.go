package cli

import (
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	tests := []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"é́x", 2, "é́x"}, {"abc", 0, "…"}, {"", 0, ""},
	}
	for _, tt := range tests {
		got := fit(tt.in, tt.n)
		if tt.n > 0 && columns(got) > tt.n {
			t.Errorf("fit(%q, %d) = %q takes %d columns", tt.in, tt.n, got, columns(got))
		}
		if got != tt.want {
			t.Errorf("fit(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestRender(t *testing.T) {
	l := line{{good, "✓ "}, {plain, "all\x1b[31m well"}, {dim, "   end   "}}
	if got, want := l.render(true, 0), "\x1b[32m✓ \x1b[0mall�[31m well\x1b[2m   end   \x1b[0m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := l.render(false, 0), "✓ all�[31m well   end"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for cut := 1; cut < 30; cut++ {
		got := l.render(false, cut)
		if columns(got) > cut {
			t.Errorf("cut to %d: %q takes %d columns", cut, got, columns(got))
		}
		if cut < 21 && !strings.Contains(got, "…") {
			t.Errorf("cut to %d: %q does not show that something is missing", cut, got)
		}
	}
}

func TestAligned(t *testing.T) {
	got := aligned([][]string{{"a", "", "x"}, {"日本", "", "y"}, {strings.Repeat("w", widest+5), "", "z"}})
	want := []string{"a" + strings.Repeat(" ", widest+2) + "x", "日本" + strings.Repeat(" ", widest-1) + "y", strings.Repeat("w", widest+5) + "   z"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d: got %q, want %q", i, got[i], want[i])
		}
	}
}

func TestWrapped(t *testing.T) {
	got := wrapped("blocks", []string{"one", "two", "three"}, 22)
	if len(got) != 2 || got[0].String() != "  blocks   one · two" || got[1].String() != "           three" {
		t.Errorf("got %q", got)
	}
	if got := wrapped("blocks", nil, 22); got != nil {
		t.Errorf("nothing to say gave %q", got)
	}
	if got := wrapped("blocks", []string{strings.Repeat("x", 50)}, 22); len(got) != 1 {
		t.Errorf("one long item gave %d lines", len(got))
	}
}

func TestDidYouMean(t *testing.T) {
	names := []string{"status", "verify", "version", "run"}
	for word, want := range map[string]string{"statsu": "status", "vrsion": "version", "STATUS": "status", "rn": "run", "xyz": "", "": ""} {
		got := didYouMean(word, names)
		if want == "" && got != "" || want != "" && got != `; did you mean "`+want+`"?` {
			t.Errorf("%q gave %q, want %q", word, got, want)
		}
	}
}

func TestUnreachable(t *testing.T) {
	for text, want := range map[string]bool{
		"connecting to 192.0.2.1:993: dial tcp 192.0.2.1:993: connect: connection refused": true,
		"dial tcp: lookup exch01.example.com: no such host":                                true,
		"read tcp 192.0.2.1:993: i/o timeout":                                              true,
		"login refused: NO [AUTHENTICATIONFAILED] invalid credentials":                     false,
		"NO [OVERQUOTA] mailbox full":                                                      false,
	} {
		if got := unreachable(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
