package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// readableFile says what keeps path from being read.
func readableFile(path string, private bool) *fault {
	if path == "" {
		return nil
	}
	f, err := openNow(path)
	if err != nil {
		return openFault(path, err)
	}
	defer f.Close()
	if fi, err := f.Stat(); err == nil && !fi.Mode().IsRegular() {
		return faultf("%s is not a file", path)
	}
	if !private {
		return nil
	}
	return modeFault(path, privateFile(f))
}

func openFault(path string, err error) *fault {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return faultf("%s does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		return &fault{text: path + " cannot be read by this user", hint: groupHint(path), warning: true}
	}
	return faultf("%s", err)
}

func modeFault(path string, err error) *fault {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrWorldReadable):
		return &fault{text: err.Error(), hint: "chmod o= " + Word(path)}
	}
	return faultf("%s", err)
}

// checkSecret says what keeps a secret from being read. What only the service can see is a warning.
func checkSecret(s Secret) *fault {
	_, err := s.Reveal()
	scheme, rest, _ := strings.Cut(s.ref, ":")
	switch {
	case err == nil:
		return nil
	case scheme == "credential" && os.Getenv("CREDENTIALS_DIRECTORY") == "":
		return &fault{text: err.Error(), warning: true}
	case scheme != "file" || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
		return modeFault(rest, err)
	}
	return openFault(rest, err)
}

// groupHint names the group by which a file could be read, as the line for the service's unit.
func groupHint(path string) string {
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm()&0o040 == 0 {
		return "let the service's group read it"
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	name := strconv.FormatUint(uint64(st.Gid), 10)
	if g, err := user.LookupGroupId(name); err == nil {
		name = g.Name
	}
	return fmt.Sprintf("the service needs SupplementaryGroups=%s", name)
}
