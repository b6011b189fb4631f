package e2e

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

const domain = "example.com"

// The people of the cutover; carl still reads on the old server, and the cloud knows nobody called dora.
var people = []person{
	{name: "anna", aliases: "a.smith@example.com", home: "cloud", language: "de"},
	{name: "bob", home: "cloud", language: "en"},
	{name: "carl", home: "legacy", language: "ja"},
	{name: "dora", home: "cloud"},
}

type person struct{ name, aliases, home, language string }

func (p person) address() string { return p.name + "@" + domain }

// password is the same on both sides; it has what needs quoting.
func (p person) password() string { return p.name + `'s "pass\word` }

// world is the old server, the cloud, and a sender, all of Debian; and a daemon between them.
type world struct {
	t             testing.TB
	legacy, cloud *neighbour.Dovecot
	// sender gives all mail to the daemon's listener; mx is the cloud's; old delivers on the old server.
	sender, mx, old *neighbour.Postfix
	listener        string
	trust           *tls.Config
	daemon          *daemon
}

// uses are the special folders of either server. The old one has those of every language, as they happen to exist.
var (
	oldUses = map[string]string{
		"Gesendet": `\Sent`, "Entwürfe": `\Drafts`, "Papierkorb": `\Trash`, "Spam-Verdacht": `\Junk`, "Archiv": `\Archive`,
		"Sent Items": `\Sent`, "Drafts": `\Drafts`, "Deleted Items": `\Trash`, "Junk E-mail": `\Junk`, "Archive": `\Archive`,
		"送信済み": `\Sent`, "下書き": `\Drafts`, "ごみ箱": `\Trash`, "迷惑メール": `\Junk`, "アーカイブ": `\Archive`,
	}
	cloudUses = map[string]string{"Sent": `\Sent`, "Drafts": `\Drafts`, "Trash": `\Trash`, "Junk": `\Junk`, "Archive": `\Archive`}
)

// layout is what worlds differ in.
type layout struct {
	to      string // the way out of what the listener takes: "home:smtp" or "home:mailbox"
	forward bool   // the old server sends mail for the domain back to the listener instead of delivering it
}

// newWorld starts everything but the daemon.
func newWorld(t testing.TB, l layout) *world {
	t.Helper()
	neighbour.Require(t, "dovecot")
	neighbour.Require(t, "postfix")
	w := &world{t: t, listener: neighbour.Address() + ":2525"}
	cloudHost := neighbour.Address()
	dir := t.TempDir()
	cert, key, ca := w.certificate(dir, cloudHost)
	users := map[string]string{}
	for _, p := range people {
		users[p.name] = p.password()
	}
	w.legacy = neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: users, Format: "maildir", Separator: ".", Special: oldUses})
	w.cloud = neighbour.StartDovecot(t, neighbour.DovecotConfig{
		Name: "cloud", Host: cloudHost, Users: users, Format: "mdbox", Special: cloudUses, Create: []string{"Sent", "Drafts", "Trash", "Junk", "Archive"},
		Cert: cert, Key: key,
	})
	w.mx = neighbour.StartPostfix(t, neighbour.PostfixConfig{
		Name: "cloudmx", Host: cloudHost, NextHop: "lmtp:inet:" + w.cloud.LMTP, Refuse: []string{"dora@" + domain}, Cert: cert, Key: key,
	})
	back := "smtp:[" + strings.Replace(w.listener, ":", "]:", 1)
	next := "lmtp:inet:" + w.legacy.LMTP
	if l.forward {
		next = back
	}
	w.old = neighbour.StartPostfix(t, neighbour.PostfixConfig{Name: "old", NextHop: next})
	w.sender = neighbour.StartPostfix(t, neighbour.PostfixConfig{Name: "sender", NextHop: back})
	w.daemon = newDaemon(t, folder(t), w.config(ca, l.to), map[string]string{"mailboxes.csv": mailboxesCSV()})
	return w
}

// certificate writes a certificate for the cloud's host and returns the files' names and that of the authority.
func (w *world) certificate(dir, host string) (cert, key, ca string) {
	w.t.Helper()
	authority, err := testserver.NewCA()
	if err != nil {
		w.t.Fatal(err)
	}
	leaf, err := authority.Leaf(host)
	if err != nil {
		w.t.Fatal(err)
	}
	chain, private, err := testserver.KeyPEM(leaf)
	if err != nil {
		w.t.Fatal(err)
	}
	w.trust = authority.Client(host)
	cert, key, ca = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")
	for name, data := range map[string][]byte{cert: chain, key: private, ca: authority.PEM()} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return cert, key, ca
}

func mailboxesCSV() string {
	csv := "address,aliases,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,cloud_password,home\n"
	for _, p := range people {
		password := `"` + strings.ReplaceAll(p.password(), `"`, `""`) + `"`
		csv += fmt.Sprintf("%s,%s,legacy,%s,%s,cloud,%s,%s,%s\n", p.address(), p.aliases, p.name, password, p.name, password, p.home)
	}
	return csv
}

func (w *world) config(ca, to string) string {
	return fmt.Sprintf(`
organisation = "Example Ltd"
state = "state"
domains = ["example.com"]

[recipients]
complete = true

[recipients.groups]
"team@example.com" = ["anna@example.com", "bob@example.com"]

[servers.legacy]
side = "legacy"
imap = %q
imap_tls = "none"
smtp = %q
smtp_tls = "none"

[servers.cloud]
side = "cloud"
imap = %q
smtp = %q
ca_file = %q

[listeners.mx]
role = "mx"
address = %q
hostname = "mail.example.com"
legacy_addresses = [%q]
cloud_addresses = [%q]

[routes.arriving]
to = [%q]
tee = true
tee_never = ["dora@example.com"]

[relay]
retry = ["1s", "2s"]
settle_time = "4s"
disk_reserve = "64MB"

[bridge]
settle_time = "1s"

`, w.legacy.IMAP, w.old.SMTP, w.cloud.IMAP, w.mx.SMTP, ca, w.listener, w.old.Host, w.mx.Host, to)
}

// open opens a person's mailbox on one of the servers.
func (w *world) open(server *neighbour.Dovecot, p person) *neighbour.Mailbox {
	w.t.Helper()
	if server == w.cloud {
		return neighbour.OpenMailbox(w.t, server.IMAP, p.name, p.password(), w.trust)
	}
	return neighbour.OpenMailbox(w.t, server.IMAP, p.name, p.password(), nil)
}
