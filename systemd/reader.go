package systemd

import (
	"io/fs"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Reader is a user with all the groups by which files can be read.
type Reader struct {
	Name  string
	User  uint32
	Group []uint32
}

// ServiceUser is whom posthouse.service runs as, with the groups that the unit
// adds. ok is false where there is no such user.
func ServiceUser() (r Reader, ok bool) {
	unit, err := fs.ReadFile(Units(), "posthouse.service")
	if err != nil {
		return Reader{}, false
	}
	r.Name = strings.Join(setting(string(unit), "User"), "")
	account, err := user.Lookup(r.Name)
	if err != nil {
		return Reader{}, false
	}
	groups, _ := account.GroupIds()
	for _, name := range setting(string(unit), "SupplementaryGroups") {
		if g, err := user.LookupGroup(name); err == nil {
			groups = append(groups, g.Gid)
		}
	}
	for _, g := range append(groups, account.Gid) {
		r.Group = append(r.Group, number(g))
	}
	r.User = number(account.Uid)
	return r, true
}

// setting are the words of a unit file's setting.
func setting(unit, name string) (words []string) {
	for line := range strings.Lines(unit) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			words = append(words, strings.Fields(value)...)
		}
	}
	return words
}

func number(id string) uint32 {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return ^uint32(0) // nobody's: (uid_t)-1 is never given out
	}
	return uint32(n)
}

// CanRead judges by owner, group and mode, as path_resolution(7) has it: the
// first of them that fits decides. Folders above the file are not looked at.
func (r Reader) CanRead(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	switch mode := fi.Mode().Perm(); {
	case st.Uid == r.User:
		return mode&0o400 != 0
	case slices.Contains(r.Group, st.Gid):
		return mode&0o040 != 0
	default:
		return mode&0o004 != 0
	}
}
