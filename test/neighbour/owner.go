package neighbour

import (
	"os"
	"os/user"
	"strconv"
	"testing"
)

// makeFolder makes a folder that belongs to a user of the machine; "" is root.
func makeFolder(t testing.TB, path, owner string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if owner == "" {
		return
	}
	uid, gid := ids(t, owner)
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
}

func ids(t testing.TB, name string) (uid, gid int) {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ = strconv.Atoi(u.Uid) // numbers on every Unix
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid
}
