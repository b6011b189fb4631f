package neighbour

import (
	"cmp"
	"os"
	"os/exec"
	"testing"
)

// required makes a missing neighbour a failure rather than a skip.
const required = "POSTHOUSE_NEIGHBOURS"

// packages are what to install for the programs whose package has another name.
var packages = map[string]string{
	"dovecot": "dovecot-imapd and dovecot-lmtpd",
	"sievec":  "dovecot-sieve",

	"journalctl": "systemd",
}

// Require returns the path of a neighbour's program. A test whose neighbour cannot be had ends here.
func Require(t testing.TB, program string) string {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, program+" cannot run here: it needs root to drop privileges")
	}
	for _, name := range []string{program, "/usr/sbin/" + program, "/usr/lib/postfix/sbin/" + program, "/lib/systemd/" + program} { // not everybody's PATH has sbin
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "no neighbour "+program+" here: install Debian's "+cmp.Or(packages[program], program))
	return ""
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(required) == "required" {
		t.Fatal(why)
	}
	t.Skip(why)
}
