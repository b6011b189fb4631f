package neighbour

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
)

// postfixDaemons is where Debian keeps them.
const postfixDaemons = "/usr/lib/postfix/sbin"

// PostfixConfig says what a Postfix does with mail. It takes mail from anywhere on loopback for anybody.
type PostfixConfig struct {
	// Name tells it from others in logs; NAME.example is its host name.
	Name string
	// Host is the address to listen at and to connect from; one of its own if empty.
	Host string
	// NextHop takes all mail, as Postfix writes transports: "lmtp:inet:127.0.0.1:24" or "smtp:[127.0.0.1]:25". "" refuses all mail for the time being.
	NextHop string
	// Refuse are recipients (or domains) that are refused for good at RCPT.
	Refuse []string
	// Cert and Key are PEM files; with them STARTTLS is offered.
	Cert, Key string
	// Settings are further lines of main.cf.
	Settings string
}

// Postfix is a running Postfix that takes mail by SMTP and gives it to its next hop. Undelivered mail is tried again every second.
type Postfix struct {
	*process
	SMTP string // host:port
	Host string // the address from which it connects to others
	Dir  string
	cfg  PostfixConfig
}

var mainCf = template.Must(template.New("").Parse(`
compatibility_level = 3.6
queue_directory = {{.Dir}}/queue
data_directory = {{.Dir}}/data
daemon_directory = {{.Daemons}}
mail_owner = postfix
setgid_group = postdrop
maillog_file = /dev/stdout
myhostname = {{.Name}}.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_bind_address = {{.Host}}
local_recipient_maps =
local_header_rewrite_clients =
alias_maps =
recipient_delimiter =
biff = no
transport_maps = texthash:{{.Dir}}/transport
smtpd_recipient_restrictions = check_recipient_access texthash:{{.Dir}}/refuse, permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_banner = $myhostname ESMTP
smtpd_tls_chain_files = {{.Chain}}
smtpd_tls_security_level = {{if .Chain}}may{{end}}
smtp_tls_security_level = may
message_size_limit = 0
mailbox_size_limit = 0
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
default_destination_concurrency_failed_cohort_limit = 0
disable_dns_lookups = yes
smtp_dns_support_level = disabled
smtp_host_lookup = native
{{.Settings}}
`))

const masterCf = `
%s:1025   inet  n - n - - smtpd
pickup     unix  n - n 60 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 1 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
verify     unix  - - n - 1 verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
smtp       unix  - - n - - smtp
relay      unix  - - n - - smtp
showq      unix  n - n - - showq
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
lmtp       unix  - - n - - lmtp
virtual    unix  - n n - - virtual
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
`

// StartPostfix starts a Postfix.
func StartPostfix(t testing.TB, cfg PostfixConfig) *Postfix {
	t.Helper()
	Require(t, "postfix")
	host := cmp.Or(cfg.Host, Address())
	p := &Postfix{Dir: folder(t, cfg.Name), Host: host, SMTP: net.JoinHostPort(host, "1025"), cfg: cfg}
	p.process = newProcess(t, cfg.Name, filepath.Join(postfixDaemons, "master"), "-c", p.Dir, "-s")
	p.folders()
	p.configure()
	p.Start()
	return p
}

// Start starts it again after Stop.
func (p *Postfix) Start() { p.t.Helper(); p.start(p.SMTP) }

// Stop ends it; what it queued stays.
func (p *Postfix) Stop() { p.stop() }

// folders makes the queue as `postfix check` would.
func (p *Postfix) folders() {
	p.t.Helper()
	for _, dir := range []string{"queue", "queue/pid"} {
		makeFolder(p.t, filepath.Join(p.Dir, dir), "")
	}
	names := "active bounce corrupt defer deferred flush hold incoming private maildrop public saved trace"
	for _, dir := range strings.Fields(names) {
		makeFolder(p.t, filepath.Join(p.Dir, "queue", dir), "postfix")
	}
	makeFolder(p.t, filepath.Join(p.Dir, "data"), "postfix")
}

func (p *Postfix) configure() {
	p.t.Helper()
	chain := ""
	if p.cfg.Cert != "" {
		chain = p.cfg.Key + ", " + p.cfg.Cert
	}
	var main bytes.Buffer
	err := mainCf.Execute(&main, map[string]string{
		"Dir": p.Dir, "Daemons": postfixDaemons, "Name": p.cfg.Name, "Host": p.Host, "Chain": chain, "Settings": p.cfg.Settings,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	next := p.cfg.NextHop
	if next == "" {
		next = "retry:4.3.0 no next hop"
	}
	var refuse strings.Builder
	for _, address := range p.cfg.Refuse {
		fmt.Fprintf(&refuse, "%s 550 5.1.1 no such mailbox here\n", address)
	}
	for name, text := range map[string]string{
		"main.cf": main.String(), "master.cf": fmt.Sprintf(masterCf, p.Host), "transport": "* " + next + "\n", "refuse": refuse.String(),
	} {
		write(p.t, filepath.Join(p.Dir, name), text, 0o644)
	}
}

// Queued tells how many messages Postfix holds in any queue.
func (p *Postfix) Queued() (n int) {
	p.t.Helper()
	for _, queue := range []string{"incoming", "active", "deferred", "hold"} {
		err := filepath.WalkDir(filepath.Join(p.Dir, "queue", queue), func(_ string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				n++
			}
			return nil // a file may be moved on meanwhile
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	return n
}

// Said tells whether a text stands in its log.
func (p *Postfix) Said(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(p.log.String(), text)
}
