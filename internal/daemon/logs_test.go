package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"posthouse/config"
	"posthouse/evidence/logtail"
)

func TestDialects(t *testing.T) {
	if dialects("auto") != nil || !slices.Equal(dialects("postfix"), []string{"postfix"}) {
		t.Error(dialects("auto"), dialects("postfix"))
	}
}

// Each dialect of logs can be named in a configuration.
func TestKinds(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var toml strings.Builder
	toml.WriteString("domains = [\"example.com\"]\n[servers.legacy]\nside = \"legacy\"\nimap = \"mail.example.com:993\"\n")
	for _, name := range logtail.Dialects() {
		fmt.Fprintf(&toml, "[evidence.%s]\nkind = %q\nfile = %q\n", name, name, log)
	}
	if _, err := config.Parse("posthouse.toml", []byte(toml.String())); err != nil {
		t.Error(err)
	}
}
