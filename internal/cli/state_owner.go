package cli

import (
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// asOwner refuses to work as root in a state folder of the service's user: what root writes there nobody else can read, and the service would not start again. A folder
// that is missing, or root's, is made the user's by systemd with all that is in it (StateDirectory=).
func asOwner(state, command string) error {
	info, err := os.Stat(state)
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return nil
	}
	owner := "#" + strconv.Itoa(int(stat.Uid))
	if u, err := user.LookupId(owner[1:]); err == nil {
		owner = u.Username
	}
	return &failure{
		code: exitPermission, what: state + " belongs to " + owner + ", and you are root",
		cause: "what root writes there the service could not read any more", next: strings.Join([]string{"runuser -u", owner, "--", command}, " "),
	}
}
