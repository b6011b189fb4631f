package cli

import (
	"os"
	"strings"
	"testing"
)

// Root leaves nothing in the service's folder that the service cannot read.
func TestRootDoesNotWorkInTheServicesFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	const nobody = 65534
	legacy, cloud := servers(t, 1, "anna")
	path := cutoverConfig(t, legacy, cloud, "anna")
	state := strings.TrimSuffix(path, "posthouse.toml") + "state"
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(state, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"backfill"}, {"backfill", "--plan"}, {"run"}} {
		one := newTrial()
		code := one.main(t.Context(), append(args, "--config", path))
		if said := one.stderr.String(); code != exitPermission || !strings.Contains(said, "next     runuser -u nobody -- posthouse "+args[0]) {
			t.Errorf("%v: exit code %d\n%s", args, code, said)
		}
	}
	if files, err := os.ReadDir(state); err != nil || len(files) > 0 {
		t.Errorf("%v, %v", files, err)
	}
}
