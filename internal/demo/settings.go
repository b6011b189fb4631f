package demo

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// listenerHost is the name by which posthouse greets: senders know it as the old server's.
const listenerHost = "mail." + domain

// settings is the temporary folder with the configuration of the service, as a person would write it.
type settings struct {
	dir      string
	listener string // host:port
	legacy   serverAddr
	cloud    serverAddr
	switched time.Time
	home     map[wave]string
	quiet    time.Duration
}

// serverAddr is where a server is reached, as host:port.
type serverAddr struct{ IMAP, SMTP, DAV string }

func (s *settings) file() string   { return filepath.Join(s.dir, "posthouse.toml") }
func (s *settings) socket() string { return filepath.Join(s.dir, "state", "control.sock") }
func (s *settings) log() string    { return filepath.Join(s.dir, "dovecot.log") }

// Waits are long because the clock is fast: four hours are a second.
var configuration = template.Must(template.New("posthouse.toml").Parse(`# The configuration of a demonstration. Its clock runs fast: four hours are a second.
organisation = "Example Ltd"
state = "state"
domains = ["{{.Domain}}"]
mailboxes = "mailboxes.csv"

[alias_domains]
"{{.AliasDomain}}" = "{{.Domain}}"

[recipients]
complete = true
postmaster = "info@{{.Domain}}"

[recipients.groups]
{{range $group, $members := .Groups}}"{{$group}}" = [{{$members}}]
{{end}}
[servers.legacy]
side = "legacy"
imap = "{{.Legacy.IMAP}}"
imap_tls = "none"
smtp = "{{.Legacy.SMTP}}"
smtp_tls = "none"
dav = "{{.Legacy.DAV}}"
max_connections = 80

[servers.cloud]
side = "cloud"
imap = "{{.Cloud.IMAP}}"
imap_tls = "none"
smtp = "{{.Cloud.SMTP}}"
smtp_tls = "none"
dav = "{{.Cloud.DAV}}"
max_connections = 80

[listeners.mx]
role = "mx"
address = "{{.Listener}}"
hostname = "{{.Hostname}}"

[routes.arriving]
to = ["home:smtp"]
tee = true
tee_never = [{{.NoTee}}]

[relay]
retry = ["2h", "4h", "8h"]
hold_after = "30d"
settle_time = "4h"
seen_within = "1d"
workers = {{.Workers}}
disk_reserve = "64MB"

[bridge]
parallel_mailboxes = 12
poll_interval = "3h"
calendar_poll = "3h"

[evidence.dovecot]
kind = "dovecot"
file = "dovecot.log"
timezone = "UTC"

[verdict]
quiet = "{{.Quiet}}"
window = "{{.Quiet}}"
unfamiliar = "{{.Quiet}}"
{{if .Switched}}mx_switched = {{.Switched}}
{{end}}
[log]
format = "text"
`))

// workers is how many deliveries posthouse makes at one time: few, so that a silent server leaves some waiting.
const workers = 5

// write puts the files down, each at once: a reload never reads half of one.
func (s *settings) write() error {
	var text strings.Builder
	if err := configuration.Execute(&text, s.values()); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	if err := s.writeSecrets(); err != nil {
		return err
	}
	if err := replace(filepath.Join(s.dir, "mailboxes.csv"), s.roster()); err != nil {
		return err
	}
	return replace(s.file(), text.String())
}

func replace(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (s *settings) values() any {
	switched := ""
	if !s.switched.IsZero() {
		switched = s.switched.UTC().Format(time.RFC3339)
	}
	lists := map[string]string{}
	for group, members := range groups {
		lists[group+"@"+domain] = quoted(members)
	}
	var noTee []string
	for _, m := range mailboxes {
		if !m.tee {
			noTee = append(noTee, m.local)
		}
	}
	return map[string]any{
		"Domain": domain, "AliasDomain": aliasDomain, "Groups": lists, "Legacy": s.legacy, "Cloud": s.cloud, "Listener": s.listener, "Hostname": listenerHost,
		"NoTee": quoted(noTee), "Workers": workers, "Quiet": fmt.Sprintf("%dh", int(s.quiet/time.Hour)), "Switched": switched,
	}
}

func quoted(locals []string) string {
	list := make([]string, len(locals))
	for i, local := range locals {
		list[i] = fmt.Sprintf("%q", local+"@"+domain)
	}
	return strings.Join(list, ", ")
}

// roster is mailboxes.csv. Passwords stand in files of their own.
func (s *settings) roster() string {
	var text strings.Builder
	w := csv.NewWriter(&text)
	_ = w.Write([]string{"address", "aliases", "kind", "legacy_password", "cloud_password", "home", "wave"})
	for _, m := range mailboxes {
		var aliases []string
		for _, a := range m.aliases {
			aliases = append(aliases, a+"@"+domain)
		}
		_ = w.Write([]string{
			m.address(), strings.Join(aliases, " "), m.kind, "file:secrets/" + m.local + ".old", "file:secrets/" + m.local + ".new", s.home[m.wave], string(m.wave),
		})
	}
	w.Flush() // a strings.Builder takes everything
	return text.String()
}

func (s *settings) writeSecrets() error {
	dir := filepath.Join(s.dir, "secrets")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, m := range mailboxes {
		for name, password := range map[string]string{m.local + ".old": oldPassword(m), m.local + ".new": newPassword(m)} {
			if err := replace(filepath.Join(dir, name), password+"\n"); err != nil {
				return err
			}
		}
	}
	return nil
}
