package config

import (
	"slices"
	"testing"
)

func TestFolderLevels(t *testing.T) {
	for name, want := range map[string][]string{
		"Sent": {"Sent"}, "Old/Sent": {"Old", "Sent"}, `a\/b/c`: {"a/b", "c"}, `a\b`: {`a\b`}, `a\`: {`a\`}, "/a": {"", "a"}, "": {""},
	} {
		if got := FolderLevels(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
