package neighbour

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// DAV is a running server of calendars and address books. Homes are below URL.
type DAV struct {
	*process
	URL string
	Dir string
}

// Name is what the server is called in logs.
func (d *DAV) Name() string { return d.process.name }

// Radicale starts a Radicale with these users and their passwords, who have nothing yet. Settings are further lines of its configuration.
func Radicale(t testing.TB, name string, users map[string]string, settings string) *DAV {
	t.Helper()
	program := Require(t, "radicale")
	dir := memory(t)
	addr := net.JoinHostPort(Address(), "5232")
	var passwords strings.Builder
	for _, user := range slices.Sorted(maps.Keys(users)) {
		fmt.Fprintf(&passwords, "%s:%s\n", user, users[user])
	}
	write(t, filepath.Join(dir, "users"), passwords.String(), 0o600)
	config := filepath.Join(dir, "config")
	write(t, config, fmt.Sprintf("[server]\nhosts = %s\nmax_connections = 50\n[auth]\ntype = htpasswd\nhtpasswd_filename = %s/users\nhtpasswd_encryption = plain\ndelay = 0\n"+
		"[storage]\nfilesystem_folder = %s/collections\n[logging]\nlevel = warning\n%s\n", addr, dir, dir, settings), 0o600)
	d := &DAV{process: newProcess(t, name, program, "--config", config), URL: "http://" + addr + "/", Dir: dir}
	d.start(addr)
	return d
}

// Xandikos starts a Xandikos, which knows one user, without a password, with a calendar and an address book.
func Xandikos(t testing.TB, name, user string) *DAV {
	t.Helper()
	program := Require(t, "xandikos")
	dir := memory(t)
	host := Address()
	d := &DAV{process: newProcess(t, name, program, "-d", dir, "-l", host, "-p", "8080", "--current-user-principal", "/"+user+"/", "--defaults"), URL: "http://" + host + ":8080/", Dir: dir}
	d.start(net.JoinHostPort(host, "8080"))
	return d
}

// memory is a folder of the test's own in memory, where there is such a thing: these servers sync after each item.
func memory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "posthouse-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
