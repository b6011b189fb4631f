package config

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"quiet", "quiet", 0},
		{"quite", "quiet", 1}, // neighbours swapped
		{"smpt", "smtp", 1},
		{"lgeacy", "legacy", 1},
		{"clod", "cloud", 1},
		{"cloudd", "cloud", 1},
		{"clond", "cloud", 1},
		{"kitten", "sitting", 3},
		{"ca", "abc", 3}, // a swapped pair is not edited again
		{"größe", "grösse", 2},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"quiet", "window", "required", "imap", "smtp"}
	for _, c := range []struct{ word, want string }{
		{"quite", "quiet"},
		{"QUIET", "quiet"},
		{"windw", "window"},
		{"requierd", "required"},
		{"imp", "imap"},
		{"xyz", ""},
		{"pop", ""},
		{"", ""},
		{"completely_other", ""},
	} {
		if got := nearest(c.word, candidates); got != c.want {
			t.Errorf("nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}

func TestOneOf(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"legcy", `did you mean "legacy"?`},
		{"other", `one of "legacy", "cloud"`},
	} {
		if got := oneOf(c.word, []string{"legacy", "cloud"}); got != c.want {
			t.Errorf("oneOf(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}
