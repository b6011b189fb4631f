package systemd

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestMapsEverybody(t *testing.T) {
	for uidMap, want := range map[string]bool{
		"         0          0 4294967295\n":                                   true,
		"         0          0          1\n       998        998          1\n": false, // PrivateUsers=yes
		"         0     100000      65536\n":                                   false,
		"         0          0 2147483648\n2147483648 2147483648 2147483647\n": true,
		"": false,
	} {
		if got := mapsEverybody(uidMap); got != want {
			t.Errorf("%q: %v, want %v", uidMap, got, want)
		}
	}
}

func TestSeesAllUsersInANamespace(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childMode+"=users")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Skipf("user namespaces cannot be made here: %v", err)
	}
	if got := strings.TrimSpace(string(out)); got != "false" {
		t.Errorf("in a namespace of one user it sees all: %s, %v", got, err)
	}
}
