package e2e

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"posthouse/internal/testserver/corpus"
	"posthouse/test/neighbour"
)

// side is one of the two servers of a copy, and how it names folders.
type side struct {
	name, addr string
	via        string            // where the daemon finds it, if not at addr
	below      string            // what is before the name of every folder but INBOX
	separator  string            // of folder names
	uses       map[string]string // by path with slashes, where the server does not tell them
	seven      bool              // an X is put for every octet above 127 in header fields
}

// between is a daemon that copies the mailboxes of some people from one server to another, and takes no mail.
type between struct {
	t             testing.TB
	legacy, cloud side
	people        []string
	daemon        *daemon
}

// secret is everybody's password on both sides.
const secret = `se"c\ret 1`

// logins gives people's passwords as neighbours want them.
func logins(people []string) map[string]string {
	users := map[string]string{}
	for _, p := range people {
		users[p] = secret
	}
	return users
}

func newBetween(t testing.TB, legacy, cloud side, people ...string) *between {
	t.Helper()
	b := &between{t: t, legacy: legacy, cloud: cloud, people: people}
	csv := "address,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,cloud_password\n"
	password := `"` + strings.ReplaceAll(secret, `"`, `""`) + `"`
	for _, p := range people {
		csv += fmt.Sprintf("%s@example.com,legacy,%s,%s,cloud,%s,%s\n", p, p, password, p, password)
	}
	toml := fmt.Sprintf(`
state = "state"
domains = ["example.com"]

[servers.legacy]
side = "legacy"
imap = %q
imap_tls = "none"

[servers.cloud]
side = "cloud"
imap = %q
imap_tls = "none"

[bridge]
settle_time = "1s"
poll_interval = "1s"
`, cmp.Or(legacy.via, legacy.addr), cmp.Or(cloud.via, cloud.addr))
	b.daemon = newDaemon(t, folder(t), toml, map[string]string{"mailboxes.csv": csv})
	return b
}

func (b *between) open(s side, person string) *neighbour.Mailbox {
	b.t.Helper()
	return neighbour.OpenMailbox(b.t, s.addr, person, secret, nil)
}

// folderName is what the server calls a path with slashes.
func (s side) folderName(path string) string {
	if path == "INBOX" {
		return path
	}
	return s.below + utf7(strings.ReplaceAll(path, "/", s.separator))
}

// key is what a folder and its copy have in common: the use, or the path in letters that every server takes.
func (s side) key(f neighbour.Folder) string {
	path := strings.ReplaceAll(strings.TrimPrefix(f.Name, s.below), s.separator, "/")
	for _, use := range []string{f.Use, s.uses[path]} {
		if use != "" {
			return strings.ToUpper(use)
		}
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`"%*{}~[]`, r) {
			return '_'
		}
		return r
	}, path)
}

// fill puts n varied messages into a person's mailbox on the old server. Folders whose names it cannot have are left out.
func (b *between) fill(seed uint64, person, language string, n int, can func(path string) bool) {
	b.t.Helper()
	g := corpus.New(seed)
	g.Owner = corpus.Address{Name: person, Addr: person + "@example.com"}
	g.Language, g.MaxSize, g.Large = language, 128<<10, 1
	m := b.open(b.legacy, person)
	defer m.Close()
	for _, f := range g.Mailbox(n) {
		if !can(f.Path) {
			continue
		}
		name := b.legacy.folderName(f.Path)
		if f.Path != "INBOX" {
			m.Create(name)
		}
		m.Append(name, uploads(f.Messages)...)
	}
}

// read dumps a mailbox of one side; seven makes its headers comparable with those of a server that keeps seven bits.
func (s side) read(m *neighbour.Mailbox, seven bool) dump {
	d := dump{}
	for _, f := range m.Folders() {
		if f.NoSelect {
			continue
		}
		in := map[copied]int{}
		d[s.key(f)] = in
		for _, message := range m.Read(f.Name) {
			if hasFlag(message, `\Deleted`) {
				continue
			}
			c := copyOf(message)
			c.flags = following(message)
			if seven {
				c.octets = sha256.Sum256(append(message.Body[:], sevenBit(message.Header)...))
			}
			in[c]++
		}
	}
	return d
}

// following are the flags of a message that follow when they change: the mark as seen does not to one that asks for a receipt, which some servers would send.
func following(m neighbour.Message) string {
	flags := strings.Fields(m.Flags)
	if m.Field("Disposition-Notification-To")+m.Field("Return-Receipt-To") != "" {
		flags = slices.DeleteFunc(flags, func(f string) bool { return f == `\Seen` })
	}
	return strings.Join(flags, " ")
}

func sevenBit(header string) string {
	octets := []byte(header)
	for i, c := range octets {
		if c > unicode.MaxASCII {
			octets[i] = 'X'
		}
	}
	return string(octets)
}

// sides reads both mailboxes of a person. Empty folders that only the cloud has are its own.
func (b *between) sides(person string) (old, now dump) {
	b.t.Helper()
	legacy, cloud := b.open(b.legacy, person), b.open(b.cloud, person)
	defer legacy.Close()
	defer cloud.Close()
	return b.legacy.read(legacy, b.cloud.seven), b.cloud.read(cloud, b.cloud.seven)
}

// wantEqual waits until both sides of everybody's mailbox hold the same, and says what differs if they never do.
func (b *between) wantEqual(most time.Duration) {
	b.t.Helper()
	for _, person := range b.people {
		late := time.Now().Add(most)
		neighbour.Wait(b.t, most+patience, "both sides of "+person, func() bool {
			old, now := b.sides(person)
			equal := alike(old, now)
			if !equal && time.Now().After(late) {
				differ(b.t, person, old, now)
			}
			return equal || b.t.Failed()
		})
	}
}

// alike reports whether two mailboxes hold the same.
func alike(old, now dump) bool {
	for folder, messages := range old {
		if in, there := now[folder]; !there || !maps.Equal(messages, in) {
			return false
		}
	}
	for folder, messages := range now {
		if _, there := old[folder]; !there && len(messages) > 0 {
			return false
		}
	}
	return true
}

// caughtUp starts the daemon and waits until it has nothing left to do.
func (b *between) caughtUp() {
	b.t.Helper()
	began := time.Now()
	b.daemon.start()
	b.daemon.until("everybody to be copied", settledSince(began))
}

// verified has a person ask whether all is equal, every body included.
func (b *between) verified() {
	b.t.Helper()
	if out, talk, code := b.daemon.command("verify", "--full", "--json"); code != 0 {
		b.t.Errorf("verify --full ended with %d:\n%s%s", code, out, talk)
	}
}

// uids lists the references in the cloud by folder: a second pass must leave even these alone.
func (b *between) uids() (all []string) {
	b.t.Helper()
	for _, person := range b.people {
		m := b.open(b.cloud, person)
		for folder, messages := range m.ReadAll() {
			for _, message := range messages {
				all = append(all, strings.Join([]string{person, folder, message.UID, message.Flags}, " "))
			}
		}
		m.Close()
	}
	slices.Sort(all)
	return all
}
