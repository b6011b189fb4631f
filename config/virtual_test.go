package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

func TestVirtual(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "mailboxes.csv", "address\nanna@example.com\nbob@example.com\n", 0o600)
	load := func(virtual string) *Config {
		t.Helper()
		write(t, dir, "virtual", virtual, 0o644)
		cfg, err := Parse(filepath.Join(dir, "posthouse.toml"), []byte(base+"[recipients]\nvirtual = \"virtual\"\n"))
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	one := load("\uFEFF# none\r\nexample.com anything\r\nSales@Example.com\tBOB, friend@elsewhere.example\r\n  anna@example.com\r\n# between\r\n\tsales2@example.com\r\nsales2@example.com bob@example.com\r\n@example.net anna@example.com\r\n")
	want := map[string][]string{
		"sales@example.com": {"bob@example.com", "friend@elsewhere.example", "anna@example.com", "sales2@example.com"}, "sales2@example.com": {"bob@example.com"},
		"@example.net": {"anna@example.com"},
	}
	if !reflect.DeepEqual(one.Recipients.Listed, want) {
		t.Errorf("got %v", one.Recipients.Listed)
	}
	two := load("@example.net bob@example.com\nnew@example.com bob\nsales2@example.com bob@example.com\n")
	var changes []string
	for _, c := range Diff(one, two) {
		changes = append(changes, fmt.Sprint(c))
	}
	if want := []string{
		"recipients.virtual[@example.net]: anna@example.com → bob@example.com (live)",
		"recipients.virtual[new@example.com]: - → bob@example.com (live)",
		"recipients.virtual[sales@example.com]: bob@example.com, friend@elsewhere.example, anna@example.com, sales2@example.com → - (live)",
	}; !slices.Equal(changes, want) {
		t.Errorf("got %q", changes)
	}
}

// Whatever the bytes: no panic, lines in order and inside the file, and what is kept reads the same again.
func FuzzVirtual(f *testing.F) {
	for _, seed := range []string{"a@example.com b@example.com, c\n\td@example.com\n", "# x\n\n@example.com a\n", "\xff", "  first", "a"} {
		f.Add([]byte(seed))
	}
	seeds(f, "virtual", func(data []byte) { f.Add(data) })
	f.Fuzz(func(t *testing.T, data []byte) {
		last := 0
		for _, v := range parseVirtual(data, func(int, string, string) {}) {
			if v.line <= last {
				t.Fatalf("line %d after %d", v.line, last)
			}
			last = v.line
			one, bad := v.canonical("example.com")
			if bad != nil {
				continue
			}
			if two, bad := one.canonical("example.org"); bad != nil || !reflect.DeepEqual(one, two) {
				t.Fatalf("%v became %v, %v", one, two, bad)
			}
		}
	})
}
