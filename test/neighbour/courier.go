package neighbour

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// CourierConfig says how a Courier behaves.
type CourierConfig struct {
	// Name tells it from others in logs.
	Name string
	// Users and their passwords.
	Users map[string]string
	// Settings are further variables of Courier's file imapd, each "NAME=value".
	Settings []string
}

// Courier is a running Courier IMAP server, from a package that was unpacked, not installed. Its paths are compiled in, so it has a file system of its own.
type Courier struct {
	*process
	IMAP string // host:port
	Dir  string // its file system
}

// courierUsual are Debian's settings in /etc/courier/imapd, but for waiting clients, which hear of changes after a second instead of a minute.
var courierUsual = []string{
	"IMAP_CAPABILITY=IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE",
	"IMAP_KEYWORDS=1", "IMAP_ACL=1", "IMAP_IDLE_TIMEOUT=1", "IMAP_MAILBOX_SANITY_CHECK=1", "IMAP_CHECK_ALL_FOLDERS=0", "IMAP_OBSOLETE_CLIENT=0",
	"IMAP_UMASK=022", "IMAP_ULIMITD=131072", "IMAP_USELOCKS=1", "IMAP_ENHANCEDIDLE=0", "IMAP_TRASHFOLDERNAME=Trash", "IMAP_EMPTYTRASH=Trash:7",
	"IMAP_MOVE_EXPUNGE_TO_TRASH=0", "MAILDIRPATH=Maildir",
}

// StartCourier starts a Courier.
func StartCourier(t testing.TB, cfg CourierConfig) *Courier {
	t.Helper()
	from := unpacked(t, "courier-imap")
	host := Address()
	c := &Courier{Dir: inMemory(t, cfg.Name), IMAP: net.JoinHostPort(host, "1143")}
	const tcpd, login, imapd, gamin = "/usr/sbin/couriertcpd", "/usr/lib/courier/courier/imaplogin", "/usr/bin/imapd", "/usr/libexec/gam_server"
	const logger = "/usr/sbin/courierlogger"
	ownRoot(t, c.Dir, from, tcpd, login, imapd, gamin, logger)
	c.process = newProcess(t, cmp.Or(cfg.Name, "courier"), tcpd,
		"-address="+host, "-maxprocs=1000", "-maxperip=1000", "-nodnslookup", "-noidentlookup", "-stderrlogger="+logger, "-stderrloggername=imapd", "1143", login, imapd, "Maildir")
	c.root = c.Dir
	c.env = append(append([]string{libraries(t, c.Dir, "/")}, courierUsual...), cfg.Settings...)
	c.env = append(c.env, "GAM_CLIENT_ID="+filepath.Base(c.Dir)) // else every Courier of this machine asks the first one's gam_server, by a socket whose name no file system has
	t.Cleanup(func() { signalAll(c.Dir, syscall.SIGKILL) })      // its gam_servers run in sessions of their own
	uid, gid := ids(t, nobody)
	write(t, filepath.Join(c.Dir, "etc/passwd"), fmt.Sprintf("%s:x:%d:%d::/:/bin/false\n", nobody, uid, gid), 0o644)
	makeFolder(t, filepath.Join(c.Dir, "run/courier/authdaemon"), "")
	makeFolder(t, filepath.Join(c.Dir, "tmp"), nobody)
	makeFolder(t, filepath.Join(c.Dir, "dev"), "")
	write(t, filepath.Join(c.Dir, "dev/null"), "", 0o666)
	c.syslog(filepath.Join(c.Dir, "dev/log"))
	for user := range cfg.Users {
		for _, part := range []string{"", "Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"} {
			makeFolder(t, filepath.Join(c.Dir, "mail", user, part), nobody)
		}
	}
	answerLogins(t, filepath.Join(c.Dir, "run/courier/authdaemon/socket"), authdaemon(cfg.Users, uid, gid, func(user string) string { return "/mail/" + user }))
	c.Start()
	return c
}

// Start starts it again after Stop.
func (c *Courier) Start() { c.t.Helper(); c.start(c.IMAP) }

// Stop ends it; what it stored stays.
func (c *Courier) Stop() { c.stop() }

// Renew gives a user's INBOX another UIDVALIDITY; UIDs stay. The first line of its list of UIDs holds it.
func (c *Courier) Renew(user string) {
	c.t.Helper()
	path := filepath.Join(c.Dir, "mail", user, "Maildir", "courierimapuiddb")
	list, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	var version, validity, next int
	if _, err := fmt.Sscan(string(list), &version, &validity, &next); err != nil {
		c.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(list), "\n")
	write(c.t, path, fmt.Sprintf("%d %d %d\n%s", version, validity+1, next, rest), 0o644)
}
