package systemd

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCanRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	me, mine := uint32(os.Getuid()), uint32(os.Getgid())
	for _, tt := range []struct {
		name string
		mode os.FileMode
		who  Reader
		want bool
	}{
		{"owner", 0o400, Reader{User: me}, true},
		{"owner, though all others may", 0o044, Reader{User: me, Group: []uint32{mine}}, false},
		{"group", 0o640, Reader{User: me + 1, Group: []uint32{mine + 1, mine}}, true},
		{"group, though the others may", 0o604, Reader{User: me + 1, Group: []uint32{mine}}, false},
		{"others", 0o604, Reader{User: me + 1, Group: []uint32{mine + 1}}, true},
		{"none of them", 0o640, Reader{User: me + 1, Group: []uint32{mine + 1}}, false},
	} {
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := tt.who.CanRead(fi); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestSettingOfTheUnit(t *testing.T) {
	unit := "[Service]\nUser=posthouse\n#SupplementaryGroups=no\nSupplementaryGroups=adm ssl-cert\nSupplementaryGroups=more\n"
	if got := setting(unit, "SupplementaryGroups"); !slices.Equal(got, []string{"adm", "ssl-cert", "more"}) {
		t.Errorf("%q", got)
	}
	if got := setting(unit, "User"); !slices.Equal(got, []string{"posthouse"}) {
		t.Errorf("%q", got)
	}
	if r, ok := ServiceUser(); ok != (r.Name != "") || ok && len(r.Group) == 0 {
		t.Errorf("%+v, %v", r, ok)
	}
}
