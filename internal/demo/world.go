package demo

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
	"time"

	"posthouse/internal/clock"
	"posthouse/internal/testserver"
	"posthouse/internal/testserver/corpus"
)

const (
	oldHost = "old." + domain
	newHost = "mx.cloud.example"
)

// world is the two servers and everybody who uses them.
type world struct {
	clock   clock.Clock
	seed    uint64
	dir     directory
	senders []sender
	book    *book
	gate    *gate

	legacy, cloud         *testserver.IMAP
	legacySMTP, cloudSMTP *testserver.SMTP
	legacyDAV, cloudDAV   *testserver.DAV // of calendars and address books; both would send invitations
	octets                int64
	events, contacts      int
	first                 map[spot]int // what the old mailboxes held at first
}

// newWorld fills the old mailboxes with about n messages. Nothing listens before start.
func newWorld(seed uint64, n int) (*world, error) {
	w := &world{clock: clock.Real(), seed: seed, dir: newDirectory(mailboxes), senders: newSenders(), book: newBook(), gate: &gate{}}
	w.legacy = testserver.NewIMAP(testserver.IMAPConfig{})
	w.cloud = testserver.NewIMAP(testserver.IMAPConfig{})
	w.legacySMTP = testserver.NewSMTP(testserver.SMTPConfig{
		Hostname: oldHost, Forget: true, Script: w.judge, Deliver: func(e *testserver.Envelope) error { return w.deliver(w.legacy, oldHost, e) },
	})
	w.cloudSMTP = testserver.NewSMTP(testserver.SMTPConfig{
		Hostname: newHost, Forget: true, Script: w.judgeCloud, Deliver: func(e *testserver.Envelope) error { return w.deliver(w.cloud, newHost, e) },
	})
	w.legacyDAV, w.cloudDAV = testserver.NewDAV(testserver.DAVConfig{Schedules: true}), testserver.NewDAV(testserver.DAVConfig{Schedules: true})
	counts := shares(n)
	for i, m := range mailboxes {
		if err := w.furnish(m, counts[i], seed+uint64(i)); err != nil {
			return nil, fmt.Errorf("filling %s: %w", m.address(), err)
		}
	}
	for i, m := range mailboxes {
		w.keepCalendar(m, counts[i])
	}
	w.first = maps.Clone(w.book.want)
	return w, nil
}

// shares divides n messages among the mailboxes.
func shares(n int) []int {
	counts, left := make([]int, len(mailboxes)), n
	for i, m := range mailboxes {
		counts[i] = n * m.share / 1000
		left -= counts[i]
	}
	counts[0] += left
	return counts
}

// furnish makes a mailbox on both sides: the old one full, the new one as clouds hand it over.
func (w *world) furnish(m mailbox, n int, seed uint64) error {
	g := corpus.New(seed)
	g.Owner, g.Language, g.MaxSize, g.Large = m.owner(), m.language, 256<<10, 4
	folders := g.Mailbox(n)
	w.legacy.AddUser(m.address(), oldPassword(m))
	if err := w.legacy.Fill(m.address(), folders); err != nil {
		return err
	}
	for _, f := range folders {
		for _, msg := range f.Messages {
			w.octets += int64(len(msg.Bytes))
			w.book.put(m.address(), belongs(f.Path, f.Use), sha256.Sum256(msg.Bytes), "there from the beginning")
		}
	}
	w.cloud.AddUser(m.address(), newPassword(m))
	for use, path := range map[string]string{`\Sent`: "Sent Items", `\Drafts`: "Drafts", `\Trash`: "Deleted Items", `\Junk`: "Junk Email", `\Archive`: "Archive"} {
		if err := w.cloud.CreateFolder(m.address(), path, use); err != nil {
			return err
		}
	}
	return nil
}

// belongs names a folder on either side: by its use where it has one. Two characters are patterns to LIST (RFC 3501 §6.3.8), and no new server is asked to have them in names.
func belongs(path, use string) string {
	if use != "" {
		return use
	}
	return strings.NewReplacer("%", "_", "*", "_").Replace(path)
}

func oldPassword(m mailbox) string { return "old-" + m.local }
func newPassword(m mailbox) string { return "new-" + m.local }

// start opens all four servers.
func (w *world) start() error {
	for _, s := range w.servers() {
		if err := s.Start(); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) stop() {
	for _, s := range w.servers() {
		s.Stop()
	}
}

type startStop interface {
	Start() error
	Stop()
}

func (w *world) servers() []startStop {
	return []startStop{w.legacy, w.legacySMTP, w.legacyDAV, w.cloud, w.cloudSMTP, w.cloudDAV}
}

// deliver is what a mailbox server does with a message for its users: two fields above it, and one copy for each mailbox.
func (w *world) deliver(to *testserver.IMAP, host string, e *testserver.Envelope) error {
	now := w.clock.Now().Truncate(time.Second)
	head := fmt.Sprintf("Return-Path: <%s>\r\nReceived: from %s ([%s])\r\n\tby %s %s;\r\n\t%s\r\n",
		e.From, e.Helo, ipOf(e.Client), host, serverMark, now.Format(time.RFC1123Z))
	data := append([]byte(head), e.Data...)
	for _, m := range w.dir.resolveAll(e.Recipients()) {
		if _, err := to.Append(m, inbox, data, nil, now); err != nil {
			return err
		}
	}
	return nil
}

func ipOf(hostport string) string {
	host, _, _ := strings.Cut(hostport, ":")
	return host
}

// judge refuses recipients that neither server knows.
func (w *world) judge(c testserver.SMTPCall) *testserver.Reply {
	if c.Stage == testserver.AtRcpt && len(w.dir.resolve(c.Arg)) == 0 {
		return testserver.Refuse(550, "5.1.1 no such mailbox")
	}
	return nil
}

// judgeCloud lets the gate have its say about what posthouse hands over.
func (w *world) judgeCloud(c testserver.SMTPCall) *testserver.Reply {
	if c.Stage == testserver.AtBody && c.Envelope.Helo == listenerHost {
		return w.gate.ask()
	}
	return w.judge(c)
}

// copies counts how often a message lies in a new mailbox.
func (w *world) copies(mailbox string, c core) (int, error) {
	n := 0
	items, err := readMailbox(w.cloud, mailbox)
	for _, i := range items {
		if i.core == c {
			n++
		}
	}
	return n, err
}
