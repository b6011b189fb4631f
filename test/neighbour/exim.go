package neighbour

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
)

// EximConfig says what an Exim does with mail. It takes mail from anywhere on loopback for anybody.
type EximConfig struct {
	// Name tells it from others in logs; NAME.example is its host name.
	Name string
	// Next takes all mail, as host:port: by LMTP, or by SMTP inside STARTTLS with any certificate.
	Next string
	SMTP bool
	// Refuse are recipients that are refused for good at RCPT.
	Refuse []string
	// Keeps is a domain whose mail it keeps, all in the file /mail/all, instead of handing it on; what is for noreply it throws away.
	Keeps string
	// Users and their passwords may log in to submit, by PLAIN.
	Users map[string]string
	// Settings are further lines of its main configuration.
	Settings string
}

// Exim is a running Exim that takes mail by SMTP and gives it to its next hop, from a package that was unpacked, not installed. It reads one configuration file, whose path
// is compiled in, and keeps its rights for that one alone, so it has a file system of its own. Undelivered mail is tried again every second.
type Exim struct {
	*process
	SMTP string // host:port
	Dir  string // its file system
}

// eximUser is compiled in.
const eximUser = "Debian-exim"

var eximConf = template.Must(template.New("").Parse(`
primary_hostname = {{.Name}}.example
spool_directory = /spool
log_file_path = /log/%slog
local_interfaces = {{.Host}}
daemon_smtp_ports = 1025
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
never_users =
message_size_limit = 0
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
check_spool_space = 0
check_log_space = 0
keep_environment =
acl_smtp_rcpt = rcpt
{{.Settings}}
begin acl
rcpt:
{{if .Refuse}}  deny message = 5.1.1 no such mailbox here
       recipients = {{.Refuse}}
{{end}}  accept
begin routers
{{if .Keeps}}nowhere:
  driver = redirect
  domains = {{.Keeps}}
  local_parts = noreply
  data = :blackhole:
kept:
  driver = accept
  domains = {{.Keeps}}
  transport = mailbox
{{end}}all:
  driver = manualroute
  route_list = * {{.NextHost}} byname
  self = send
  transport = next
begin transports
mailbox:
  driver = appendfile
  file = /mail/all
  user = {{.User}}
next:
  driver = smtp
  port = {{.NextPort}}
{{if .SMTP}}  hosts_require_tls = *
{{else}}  protocol = lmtp
  hosts_avoid_tls = *
{{end}}  message_linelength_limit = 1000000000
begin retry
* * F,1h,1s
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if inlist{$auth2:$auth3}{ {{- .Logins -}} }}
  server_set_id = $auth2
`))

// StartExim starts an Exim.
func StartExim(t testing.TB, cfg EximConfig) *Exim {
	t.Helper()
	from := unpacked(t, "exim4-daemon-light")
	const program = "/usr/sbin/exim4"
	host := Address()
	e := &Exim{Dir: inMemory(t, cfg.Name), SMTP: net.JoinHostPort(host, "1025")}
	ownRoot(t, e.Dir, from, program)
	e.process = newProcess(t, cmp.Or(cfg.Name, "exim"), program, "-bdf", "-q1s")
	e.root, e.env = e.Dir, []string{libraries(t, e.Dir, "/")}
	t.Cleanup(func() {
		signalAll(e.Dir, syscall.SIGKILL)
		if t.Failed() {
			t.Logf("Exim's log:\n%s", e.MainLog())
		}
	})
	uid, gid := ids(t, nobody)
	write(t, filepath.Join(e.Dir, "etc/passwd"), fmt.Sprintf("root:x:0:0::/:/bin/false\n%s:x:%d:%d::/:/bin/false\n", eximUser, uid, gid), 0o644)
	write(t, filepath.Join(e.Dir, "etc/group"), fmt.Sprintf("root:x:0:\n%s:x:%d:\n", eximUser, gid), 0o644)
	for _, dir := range []string{"spool", "log", "mail"} {
		makeFolder(t, filepath.Join(e.Dir, dir), nobody)
	}
	for _, dir := range []string{"dev", "tmp", "run", "etc/exim4"} {
		makeFolder(t, filepath.Join(e.Dir, dir), "")
	}
	write(t, filepath.Join(e.Dir, "dev/null"), "", 0o666) // a device needs more rights than a file, and does no more here
	nextHost, nextPort, err := net.SplitHostPort(cfg.Next)
	if err != nil {
		t.Fatal(err)
	}
	logins := make([]string, 0, len(cfg.Users))
	for user, password := range cfg.Users {
		logins = append(logins, user+"::"+password) // a colon separates a list's elements, two are one
	}
	var conf bytes.Buffer
	if err := eximConf.Execute(&conf, map[string]any{
		"SMTP": cfg.SMTP, "Name": cfg.Name, "Host": host, "NextHost": nextHost, "NextPort": nextPort, "Refuse": strings.Join(cfg.Refuse, " : "), "Settings": cfg.Settings,
		"Keeps": cfg.Keeps, "Logins": strings.Join(logins, " : "), "User": eximUser,
	}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(e.Dir, "etc/exim4/exim4.conf"), conf.String(), 0o644)
	e.Start()
	return e
}

// Start starts it again after Stop.
func (e *Exim) Start() { e.t.Helper(); e.start(e.SMTP) }

// Stop ends it with its sessions, which outlive the daemon that began them; what it queued stays.
func (e *Exim) Stop() {
	e.t.Helper()
	e.stop()
	Wait(e.t, patience, "Exim's sessions to end", func() bool { return signalAll(e.Dir, syscall.SIGTERM) == 0 })
}

// Said tells whether a text stands in its log.
func (e *Exim) Said(text string) bool { return strings.Contains(e.MainLog(), text) }

// MainLog is what it logged so far.
func (e *Exim) MainLog() string {
	var all []byte
	for _, name := range []string{"mainlog", "paniclog"} {
		text, _ := os.ReadFile(filepath.Join(e.Dir, "log", name)) // there is none before the first line
		all = append(all, text...)
	}
	return string(all)
}
