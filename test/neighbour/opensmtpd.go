package neighbour

import (
	"cmp"
	"fmt"
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// OpenSMTPDConfig says what an OpenSMTPD does with mail. It takes mail from anywhere on loopback for anybody.
type OpenSMTPDConfig struct {
	// Name tells it from others in logs; NAME.example is its host name.
	Name string
	// Next takes all mail by SMTP, inside STARTTLS with any certificate, as host:port.
	Next string
}

// OpenSMTPD is a running OpenSMTPD that takes mail by SMTP and relays it to its next hop, from a package that was unpacked, not installed. Paths and the names of its users are
// compiled in, so it has a file system of its own.
type OpenSMTPD struct {
	*process
	SMTP string // host:port
	Dir  string // its file system
}

// StartOpenSMTPD starts one.
func StartOpenSMTPD(t testing.TB, cfg OpenSMTPDConfig) *OpenSMTPD {
	t.Helper()
	from := unpacked(t, "opensmtpd")
	const program = "/usr/sbin/smtpd"
	host := Address()
	s := &OpenSMTPD{Dir: inMemory(t, cfg.Name), SMTP: net.JoinHostPort(host, "1025")}
	ownRoot(t, s.Dir, from, program)
	s.process = newProcess(t, cmp.Or(cfg.Name, "opensmtpd"), program, "-d", "-f", "/etc/smtpd.conf")
	s.root, s.env = s.Dir, []string{libraries(t, s.Dir, "/")}
	t.Cleanup(func() { signalAll(s.Dir, syscall.SIGKILL) })
	uid, gid := ids(t, nobody)
	passwd := "root:x:0:0::/:/bin/false\n"
	for _, user := range []string{"opensmtpd", "opensmtpq"} {
		passwd += fmt.Sprintf("%s:x:%d:%d::/:/bin/false\n", user, uid, gid)
	}
	write(t, filepath.Join(s.Dir, "etc/passwd"), passwd, 0o644)
	write(t, filepath.Join(s.Dir, "etc/group"), fmt.Sprintf("root:x:0:\nopensmtpd:x:%d:\nopensmtpq:x:%[1]d:\n", gid), 0o644)
	for _, dir := range []string{"dev", "tmp", "run", "var/run", "var/spool", "var/lib/opensmtpd/empty"} {
		makeFolder(t, filepath.Join(s.Dir, dir), "")
	}
	write(t, filepath.Join(s.Dir, "dev/null"), "", 0o666) // a device needs more rights than a file, and does no more here
	write(t, filepath.Join(s.Dir, "etc/mailname"), cfg.Name+".example\n", 0o644)
	write(t, filepath.Join(s.Dir, "etc/smtpd.conf"), fmt.Sprintf(`listen on %s port 1025
action next relay host "smtp+tls://%s" tls no-verify
match from any for any action next
`, host, cfg.Next), 0o644)
	s.start(s.SMTP)
	return s
}
