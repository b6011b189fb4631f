package neighbour

import (
	"bytes"
	"cmp"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"
)

// CyrusConfig says how a Cyrus behaves.
type CyrusConfig struct {
	// Name tells it from others in logs.
	Name string
	// Users and their passwords. Their mailboxes come into being with the first login.
	Users map[string]string
	// Slashes: "/" separates folders, and they lie beside INBOX. Otherwise, as Debian has it, "." does, and they lie below INBOX.
	Slashes bool
	// Special are folders that exist from the beginning, with their use (RFC 6154) in lower case and without the backslash: "Sent": "sent".
	Special map[string]string
	// Settings are further lines of imapd.conf.
	Settings string
	// Logged: what it says to syslog is in Log. Its system log is one of its own then.
	Logged bool

	services  string // a further line of cyrus.conf; %s is its folder
	libraries string // another unpacked package, whose programs it runs too
}

// Cyrus is a running Cyrus IMAP server, from a package that was unpacked, not installed.
type Cyrus struct {
	*process
	IMAP string // host:port
	LMTP string // host:port; who connects is believed
	Dir  string

	separator, bin string
}

var imapdConf = template.Must(template.New("").Parse(`
configdirectory: {{.Dir}}/lib
defaultpartition: default
partition-default: {{.Dir}}/spool
proc_path: {{.Dir}}/run/proc
mboxname_lockpath: {{.Dir}}/run/lock
idlesocket: {{.Dir}}/run/idle
sievedir: {{.Dir}}/sieve
servername: {{.Name}}.example
syslog_prefix: {{.Name}}
cyrus_user: {{.User}}
cyrus_group: {{.Group}}
altnamespace: {{if .Slashes}}yes{{else}}no{{end}}
unixhierarchysep: {{if .Slashes}}yes{{else}}no{{end}}
allowplaintext: yes
skiplist_unsafe: yes
autocreate_quota: 0
{{if .Special}}autocreate_inbox_folders: {{range $name, $use := .Special}}{{$name}}|{{end}}
{{end}}{{range $name, $use := .Special}}xlist-{{$use}}: {{$name}}
{{end}}sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {{.Dir}}/logins
sasl_mech_list: PLAIN
{{.Settings}}
`))

var cyrusConf = template.Must(template.New("").Parse(`
START {
	recover cmd="{{.Bin}}/ctl_cyrusdb -C {{.Dir}}/imapd.conf -r"
	idled   cmd="{{.Bin}}/idled -C {{.Dir}}/imapd.conf"
}
SERVICES {
	imap cmd="{{.Bin}}/imapd -C {{.Dir}}/imapd.conf" listen="{{.Address}}" prefork=1 maxchild=500
	lmtp cmd="{{.Bin}}/lmtpd -C {{.Dir}}/imapd.conf -a" listen="{{.LMTP}}" prefork=0
	{{with .Services}}{{printf . $.Dir}}{{end}}
}
EVENTS {
}
`))

// StartCyrus starts a Cyrus.
func StartCyrus(t testing.TB, cfg CyrusConfig) *Cyrus {
	t.Helper()
	root := unpacked(t, "cyrus-imapd")
	host := Address()
	c := &Cyrus{Dir: inMemory(t, cfg.Name), IMAP: net.JoinHostPort(host, "1143"), LMTP: net.JoinHostPort(host, "1024"), bin: filepath.Join(root, "usr/lib/cyrus/bin")}
	if c.separator = "."; cfg.Slashes {
		c.separator = "/"
	}
	c.process = newProcess(t, cmp.Or(cfg.Name, "cyrus"), filepath.Join(c.bin, "master"),
		"-D", "-C", filepath.Join(c.Dir, "imapd.conf"), "-M", filepath.Join(c.Dir, "cyrus.conf"), "-p", filepath.Join(c.Dir, "run/pid"))
	c.process.apart = true
	if cfg.Logged {
		c.ownSyslog(c.Dir)
	}
	c.env = []string{libraries(t, root, root)}
	if cfg.libraries != "" {
		c.env[0] += ":" + strings.TrimPrefix(libraries(t, cfg.libraries, cfg.libraries), "LD_LIBRARY_PATH=")
	}
	for _, dir := range []string{"lib", "lib/socket", "spool", "run", "sieve"} {
		makeFolder(t, filepath.Join(c.Dir, dir), nobody)
	}
	values := map[string]any{
		"Dir": c.Dir, "Bin": c.bin, "Address": c.IMAP, "LMTP": c.LMTP, "User": nobody, "Group": nobodys,
		"Name": cfg.Name, "Slashes": cfg.Slashes, "Special": cfg.Special, "Settings": cfg.Settings, "Services": cfg.services,
	}
	for name, text := range map[string]*template.Template{"imapd.conf": imapdConf, "cyrus.conf": cyrusConf} {
		var b bytes.Buffer
		if err := text.Execute(&b, values); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(c.Dir, name), b.String(), 0o644)
	}
	answerLogins(t, filepath.Join(c.Dir, "logins"), saslauthd(cfg.Users))
	c.Start()
	return c
}

// Start starts it again after Stop.
func (c *Cyrus) Start() { c.t.Helper(); c.start(c.IMAP) }

// Stop ends it; what it stored stays.
func (c *Cyrus) Stop() { c.stop() }

// Renew loses the index of a user's INBOX: it is made again from the messages, and has another UIDVALIDITY, which is the time in seconds, and no flags.
func (c *Cyrus) Renew(user string) {
	c.t.Helper()
	began := time.Now().Unix()
	Wait(c.t, patience, "the next second", func() bool { return time.Now().Unix() > began })
	conf, name := filepath.Join(c.Dir, "imapd.conf"), "user"+c.separator+user
	dir := strings.TrimSpace(run(c.t, c.env, filepath.Join(c.bin, "mbpath"), "-C", conf, name))
	remove(c.t, filepath.Join(dir, "cyrus.index"))
	remove(c.t, filepath.Join(dir, "cyrus.cache"))
	run(c.t, c.env, filepath.Join(c.bin, "reconstruct"), "-C", conf, name)
}

// Sieve gives rules to a user, who has logged in before.
func (c *Cyrus) Sieve(user, rules string) {
	c.t.Helper()
	conf := filepath.Join(c.Dir, "imapd.conf")
	dir := strings.TrimSpace(run(c.t, c.env, filepath.Join(c.bin, "mbpath"), "-C", conf, "-S", "user"+c.separator+user))
	makeFolder(c.t, dir, nobody)
	script := filepath.Join(dir, "rules.script")
	write(c.t, script, rules, 0o644)
	run(c.t, c.env, filepath.Join(c.bin, "sievec"), "-C", conf, script, filepath.Join(dir, "rules.bc"))
	if err := os.Symlink("rules.bc", filepath.Join(dir, "defaultbc")); err != nil {
		c.t.Fatal(err)
	}
}
