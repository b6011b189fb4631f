package config

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

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
