package imapstore_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/ledger/sqlite"
	"posthouse/test/neighbour"
)

// office is a mailbox on two Dovecots with a bridge between them.
type office struct {
	t                         *testing.T
	legacyServer, cloudServer *neighbour.Dovecot
	legacy, cloud             *neighbour.Mailbox // what its owner does
	state                     string
	poll                      time.Duration
	ledger                    *sqlite.Ledger
	bridge                    *bridge.Bridge
}

var annasMailbox = cutover.Mailbox{ID: "anna@example.com", Legacy: cutover.Account{Server: "legacy"}, Cloud: cutover.Account{Server: "cloud"}}

func newOffice(t *testing.T, legacy neighbour.DovecotConfig) *office {
	t.Helper()
	legacy.Name, legacy.Users = "legacy", people(1)
	o := &office{
		t: t, state: t.TempDir(), poll: time.Hour, legacyServer: neighbour.StartDovecot(t, legacy),
		cloudServer: neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "cloud", Users: people(1), Format: "mdbox"}),
	}
	o.legacy = neighbour.OpenMailbox(t, o.legacyServer.IMAP, user+"1", password, nil)
	o.cloud = neighbour.OpenMailbox(t, o.cloudServer.IMAP, user+"1", password, nil)
	return o
}

func (o *office) open(server *neighbour.Dovecot) (bridge.Store, error) {
	opts := options(o.t, server.IMAP)
	opts.SASL = plainAs(user + "1")
	return imapstore.New(opts), nil
}

func (o *office) start() {
	o.t.Helper()
	l, err := sqlite.Open(o.t.Context(), o.state, sqlite.Options{})
	if err != nil {
		o.t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	o.ledger = l
	o.bridge = bridge.New(bridge.Config{
		Ledger: l, Clock: clock.Real(), Log: log, Parallel: 1, Poll: o.poll, Pause: 100 * time.Millisecond, Settle: time.Second, Saved: o.state + "/refused",
		Open: func(_ cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
			if side == cutover.Legacy {
				return o.open(o.legacyServer)
			}
			return o.open(o.cloudServer)
		},
		Watch: func(cutover.Mailbox, bool) (bridge.Store, error) { return o.open(o.legacyServer) },
	}, []cutover.Mailbox{annasMailbox})
	o.bridge.Start()
	o.until("everything to be copied", func() bool { return o.bridge.Progress()[0].State == bridge.Following })
}

func (o *office) stop() {
	o.t.Helper()
	if err := o.bridge.Stop(context.Background()); err != nil {
		o.t.Fatal(err)
	}
	if err := o.ledger.Close(); err != nil {
		o.t.Fatal(err)
	}
}

// until waits much longer than following takes, and much less than the hour in which nothing is polled.
func (o *office) until(what string, done func() bool) {
	o.t.Helper()
	begun := time.Now()
	neighbour.Wait(o.t, 30*time.Second, what, done)
	o.t.Logf("%s: %v", what, time.Since(begun).Round(10*time.Millisecond))
}

func (o *office) receive(folder string, first, last int) {
	for n := first; n <= last; n++ {
		o.legacy.Append(folder, neighbour.Upload{Bytes: []byte(numbered(n)), Date: time.Unix(1_790_000_000+int64(n), 0)})
	}
}

// flags counts the flags of a folder's messages.
func flags(m *neighbour.Mailbox, folder string) map[string]int {
	found := map[string]int{}
	for _, msg := range m.Read(folder) {
		found[msg.Flags]++
	}
	return found
}

// wantEqual demands the same messages with the same flags in the folders.
func (o *office) wantEqual(folders ...string) {
	o.t.Helper()
	sums := func(m *neighbour.Mailbox, folder string) map[string]int {
		found := map[string]int{}
		for _, msg := range m.Read(folder) {
			found[fmt.Sprintf("%x %s %d", msg.Whole, msg.Flags, msg.Date.Unix())]++
		}
		return found
	}
	for _, f := range folders {
		if old, now := sums(o.legacy, f), sums(o.cloud, f); !maps.Equal(old, now) {
			o.t.Errorf("%s: on the old side %v, in the cloud %v", f, old, now)
		}
	}
}

// TestFollowsEveryFolder: no folder waits for a poll where the server tells of all, and INBOX does not where it has no more than IDLE.
func TestFollowsEveryFolder(t *testing.T) {
	for name, c := range map[string]struct{ settings, folder string }{
		"notify": {"", "Work"},
		"idle":   {"imap_capability = IMAP4rev1 IDLE UIDPLUS CONDSTORE\n", "INBOX"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, neighbour.DovecotConfig{Settings: c.settings})
			o.legacy.Create("Work")
			o.receive(c.folder, 1, 2)
			o.start()
			defer o.stop()
			for n := 3; n <= 5; n++ {
				o.receive(c.folder, n, n)
				o.until("mail in "+c.folder, func() bool { return o.cloud.Count(c.folder) == n })
			}
			o.receive("INBOX", 7, 7)
			o.until("mail in INBOX", func() bool { return o.cloud.Count("INBOX") == o.legacy.Count("INBOX") })
			o.legacy.Store("INBOX", "1", "+FLAGS", `\Flagged`)
			o.until("flags in INBOX", func() bool { return flags(o.cloud, "INBOX")[`\Flagged`] == 1 })
			if name == "idle" {
				return
			}
			o.legacy.Create("Later")
			o.until("a new folder", func() bool {
				return slices.ContainsFunc(o.cloud.Folders(), func(f neighbour.Folder) bool { return f.Name == "Later" })
			})
			o.receive("Later", 9, 9)
			o.until("mail in it", func() bool { return o.cloud.Count("Later") == 1 })
		})
	}
}

// TestAnOlderLedgerDovecot: a ledger of before is put back, or a new one begun, between two Dovecots: everything is matched again, nothing is put twice, and flags go on to follow.
func TestAnOlderLedgerDovecot(t *testing.T) {
	o := newOffice(t, neighbour.DovecotConfig{Format: "mdbox"})
	o.poll = time.Second
	o.legacy.Create("Work")
	o.receive("INBOX", 1, 20)
	o.receive("Work", 21, 30)
	o.start()
	o.stop()
	older := t.TempDir() + "/older"
	if err := os.CopyFS(older, os.DirFS(o.state)); err != nil {
		t.Fatal(err)
	}

	o.start()
	o.receive("INBOX", 31, 40)
	o.legacy.Store("INBOX", "1:5", "+FLAGS", `\Seen`)
	o.legacy.Move("INBOX", "6:10", "Work")
	o.until("what happened meanwhile", func() bool {
		return o.cloud.Count("INBOX") == 25 && o.cloud.Count("Work") == 15 && flags(o.cloud, "INBOX")[`\Seen`] == 5
	})
	o.stop()

	for i, state := range []string{older, t.TempDir()} {
		o.state = state
		o.start()
		o.wantEqual("INBOX", "Work")
		o.legacy.Store("Work", "1:*", "FLAGS", []string{`\Flagged`, `\Answered`}[i])
		o.legacy.Store("INBOX", "1:*", "FLAGS", []string{`\Flagged`, `\Answered`}[i])
		o.until("flags", func() bool {
			return maps.Equal(flags(o.legacy, "INBOX"), flags(o.cloud, "INBOX")) && maps.Equal(flags(o.legacy, "Work"), flags(o.cloud, "Work"))
		})
		o.wantEqual("INBOX", "Work")
		r, err := o.bridge.Verify(t.Context(), annasMailbox.ID)
		if err != nil || r.Equal != 40 || r.Moved+len(r.Missing)+len(r.Extra)+len(r.Removed) != 0 {
			t.Errorf("verify: %+v, %v", r, err)
		}
		o.stop()
	}
}
