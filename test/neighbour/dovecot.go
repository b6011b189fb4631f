package neighbour

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"text/template"
)

// DovecotConfig says how a Dovecot behaves.
type DovecotConfig struct {
	// Name tells it from others in logs.
	Name string
	// Host is the address to listen at; one of its own if empty.
	Host string
	// Users and their passwords, which have no colon.
	Users map[string]string
	// Format of the mailboxes: maildir (the default), sdbox or mdbox.
	Format string
	// Separator of folder names; "/" if empty. With "maildir" the folders are Maildir++.
	Separator string
	// Special are folders with a use (RFC 6154): name, in UTF-8 with the separator, and attribute such as `\Sent`. The ones in Create exist from the beginning.
	Special map[string]string
	Create  []string
	// Cert and Key are PEM files; with them IMAP speaks TLS from the first octet, and only TLS.
	Cert, Key string
	// Introspect is a token server's address (RFC 7662) for logins by XOAUTH2 and OAUTHBEARER.
	Introspect string
	// Shared: all users have the same folders below Public, and those that another user gives them rights to (RFC 4314) below Users.
	Shared bool
	// Settings are further lines of dovecot.conf.
	Settings string
}

// Dovecot is a running Dovecot with IMAP and LMTP.
type Dovecot struct {
	*process
	IMAP string // host:port
	LMTP string // host:port
	Dir  string
	cfg  DovecotConfig
}

var dovecotConf = template.Must(template.New("").Parse(`
protocols = imap lmtp
listen = {{.Host}}
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/run
log_path = /dev/stderr
info_log_path = /dev/stderr
instance_name = {{.Name}}
postmaster_address = postmaster@example.com
hostname = {{.Name}}.example
mail_location = {{.Location}}
mail_fsync = never
mail_max_userip_connections = 1000
first_valid_uid = 1
disable_plaintext_auth = no
auth_failure_delay = 0
auth_mechanisms = plain login{{if .Introspect}} xoauth2 oauthbearer{{end}}
auth_username_format = %Ln
recipient_delimiter = +
lmtp_save_to_detail_mailbox = no
{{if .Cert}}ssl = required
ssl_cert = <{{.Cert}}
ssl_key = <{{.Key}}
{{else}}ssl = no
{{end}}
service imap-login {
  service_count = 0
  inet_listener imap {
    port = {{if .Cert}}0{{else}}1143{{end}}
  }
  inet_listener imaps {
    port = {{if .Cert}}1993{{else}}0{{end}}
    ssl = {{if .Cert}}yes{{else}}no{{end}}
  }
}
service lmtp {
  inet_listener lmtp {
    address = {{.Host}}
    port = 1024
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  process_limit = 1
}
namespace inbox {
  inbox = yes
  separator = {{.Separator}}
{{range .Folders}}  mailbox {{.Name}} {
    special_use = {{.Use}}
    auto = {{if .Create}}create{{else}}no{{end}}
  }
{{end}}}
{{if .Shared}}mail_plugins = acl
protocol imap {
  mail_plugins = acl imap_acl
}
plugin {
  acl = vfile
  acl_shared_dict = file:{{.Dir}}/mail/shared
}
namespace public {
  type = public
  separator = {{.Separator}}
  prefix = Public{{.Separator}}
  location = maildir:{{.Dir}}/mail/public
  subscriptions = no
}
namespace users {
  type = shared
  separator = {{.Separator}}
  prefix = Users{{.Separator}}%%u{{.Separator}}
  location = maildir:%%h/Maildir
  subscriptions = no
  list = children
}
{{end}}{{if .Introspect}}passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {{.Dir}}/oauth2
}
{{end}}passdb {
  driver = passwd-file
  args = username_format=%n {{.Dir}}/users
}
userdb {
  driver = passwd-file
  args = username_format=%n {{.Dir}}/users
  default_fields = uid=dovecot gid=dovecot
  override_fields = home={{.Dir}}/mail/%n
}
{{.Settings}}
`))

type dovecotFolder struct {
	Name, Use string
	Create    bool
}

// StartDovecot starts a Dovecot.
func StartDovecot(t testing.TB, cfg DovecotConfig) *Dovecot {
	t.Helper()
	path := Require(t, "dovecot")
	host := cmp.Or(cfg.Host, Address())
	d := &Dovecot{Dir: folder(t, cfg.Name), cfg: cfg, IMAP: net.JoinHostPort(host, "1143"), LMTP: net.JoinHostPort(host, "1024")}
	if cfg.Cert != "" {
		d.IMAP = net.JoinHostPort(host, "1993")
	}
	conf := filepath.Join(d.Dir, "dovecot.conf")
	write(t, conf, d.conf(host), 0o644)
	write(t, filepath.Join(d.Dir, "oauth2"), oauth2(cfg.Introspect), 0o644)
	d.process = newProcess(t, cfg.Name, path, "-F", "-c", conf)
	write(t, filepath.Join(d.Dir, "users"), users(cfg.Users), 0o644)
	makeFolder(t, filepath.Join(d.Dir, "mail"), "dovecot")
	if cfg.Shared {
		makeFolder(t, filepath.Join(d.Dir, "mail", "public"), "dovecot")
		write(t, filepath.Join(d.Dir, "mail", "public", "dovecot-acl"), "authenticated lrwstipekxa\n", 0o644)
	}
	d.Start()
	return d
}

// Start starts it again after Stop.
func (d *Dovecot) Start() { d.t.Helper(); d.start(d.IMAP, d.LMTP) }

// Stop ends it; what it stored stays.
func (d *Dovecot) Stop() { d.stop() }

// renewals count the UIDVALIDITYs given out by Renew.
var renewals atomic.Uint32

// Renew gives a folder of a user another UIDVALIDITY; UIDs stay.
func (d *Dovecot) Renew(user, folder string) {
	d.t.Helper()
	run(d.t, nil, Require(d.t, "doveadm"), "-c", filepath.Join(d.Dir, "dovecot.conf"),
		"mailbox", "update", "-u", user, "--uid-validity", strconv.Itoa(int(900_000+renewals.Add(1))), folder)
}

// users is Dovecot's file of users and passwords.
func users(all map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s:{PLAIN}%s::::::\n", name, all[name])
	}
	return b.String()
}

func (d *Dovecot) conf(host string) string {
	cfg := d.cfg
	separator, location := cfg.Separator, ""
	if separator == "" {
		separator = "/"
	}
	switch cfg.Format {
	case "", "maildir":
		location = "maildir:~/Maildir"
	default:
		location = cfg.Format + ":~/" + cfg.Format
	}
	var folders []dovecotFolder
	for _, name := range slices.Sorted(maps.Keys(cfg.Special)) {
		folders = append(folders, dovecotFolder{Name: quote(name), Use: cfg.Special[name], Create: slices.Contains(cfg.Create, name)})
	}
	var b bytes.Buffer
	err := dovecotConf.Execute(&b, map[string]any{
		"Dir": d.Dir, "Host": host, "Name": cfg.Name, "Location": location, "Separator": separator, "Folders": folders,
		"Cert": cfg.Cert, "Key": cfg.Key, "Introspect": cfg.Introspect, "Shared": cfg.Shared, "Settings": cfg.Settings,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return b.String()
}

// oauth2 makes Dovecot ask the token server about every token.
func oauth2(introspect string) string {
	return "introspection_mode = auth\nintrospection_url = " + introspect + "\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n"
}

func quote(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
