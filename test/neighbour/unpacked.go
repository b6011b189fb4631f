package neighbour

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// unpackedCache is where test/debian-unpacked.sh puts packages that cannot be installed beside others.
const unpackedCache = "/var/cache/posthouse-neighbours"

// nobody is the user, and nobodys the group, as whom unpacked servers run: no package made users for them.
const (
	nobody  = "nobody"
	nobodys = "nogroup"
)

// unpacked returns the folder of an unpacked package. A test whose neighbour cannot be had ends here.
func unpacked(t testing.TB, name string) string {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, name+" cannot run here: it needs root to drop privileges")
	}
	dir := filepath.Join(unpackedCache, name)
	if _, err := os.Stat(dir); err != nil {
		missing(t, "no neighbour "+name+" here: run test/debian-unpacked.sh "+name)
	}
	return dir
}

// inMemory makes a temporary folder for a server that cannot be told not to wait for the disk: in memory, where there is room.
func inMemory(t testing.TB, name string) string {
	t.Helper()
	const memory, room = "/dev/shm", 512 << 20
	var s syscall.Statfs_t
	if err := syscall.Statfs(memory, &s); err != nil || s.Bavail*uint64(s.Bsize) < room {
		return folder(t, name)
	}
	return folderIn(t, memory, name)
}

// libraries is the environment with which programs below root find theirs; seen is what they call root.
func libraries(t testing.TB, root, seen string) string {
	t.Helper()
	folders := []string{"usr/lib"}
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*"} {
		found, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, found...)
	}
	for i, folder := range folders {
		folders[i] = filepath.Join(seen, folder)
	}
	return "LD_LIBRARY_PATH=" + strings.Join(folders, ":")
}

// anyLibrary finds paths in what ldd says.
var anyLibrary = regexp.MustCompile(`/\S+`)

// ownRoot copies an unpacked package into a folder that can be a program's whole file system: with the libraries of this machine that the given programs need.
func ownRoot(t testing.TB, root, from string, programs ...string) {
	t.Helper()
	run(t, nil, "cp", "-a", from+"/.", root)
	env := []string{libraries(t, root, root)}
	for _, program := range programs {
		for _, path := range anyLibrary.FindAllString(run(t, env, "ldd", filepath.Join(root, program)), -1) {
			path = strings.TrimSuffix(path, ":")
			to := filepath.Join(root, path)
			if _, err := os.Stat(to); err == nil || strings.HasPrefix(path, root) {
				continue
			}
			makeFolder(t, filepath.Dir(to), "")
			run(t, nil, "cp", "-L", path, to)
		}
	}
}

// signalAll tells all processes whose file system is a folder of ours, and returns how many there are.
func signalAll(root string, s syscall.Signal) (n int) {
	roots, _ := filepath.Glob("/proc/[0-9]*/root")
	for _, link := range roots {
		if at, err := os.Readlink(link); err != nil || at != root {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil && syscall.Kill(pid, s) == nil { // it may just have ended
			n++
		}
	}
	return n
}

// run runs a command to its end and returns what it said.
func run(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
