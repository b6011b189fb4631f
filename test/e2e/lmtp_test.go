package e2e

import (
	"crypto/sha256"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// TestLMTP delivers to a real Dovecot by LMTP, over TCP and over its socket: each recipient of one message has an end of its own, what came arrives byte by byte, senders stay as they are, and
// after a restart of the server nothing is there twice.
func TestLMTP(t *testing.T) {
	t.Parallel()
	users := map[string]string{"anna": "new", "bob": "new", "carl": "new"}
	for _, over := range []string{"tcp", "unix"} {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			legacy := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: users})
			cloud := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "cloud", Users: users, Settings: `
mail_plugins = quota
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_grace = 0%%
  quota_rule = *:storage=100K
}
`})
			next := cloud.LMTP
			if over == "unix" {
				next = "unix:" + filepath.Join(cloud.Dir, "run", "lmtp")
			}
			l := &lmtpCloud{t: t, imap: cloud.IMAP, listener: neighbour.Address() + ":2525"}
			d := newDaemon(t, folder(t), settings{
				oldIMAP: legacy.IMAP, cloudIMAP: cloud.IMAP, cloudSMTP: next, listener: l.listener, cloud: `smtp_protocol = "lmtp"`, arriving: "srs = true",
				tables: "[relay.srs]\ndomain = \"srs.example.com\"\nsecret = \"file:srs\"", relay: hasty, bridge: often,
			}.toml(), map[string]string{"mailboxes.csv": sameLogins(users), "srs": "secret\n"})
			full := neighbour.OpenMailbox(t, cloud.IMAP, "bob", "new", nil)
			full.Append("INBOX", neighbour.Upload{Bytes: letter("filling", 102000), Date: time.Now()})
			d.start()
			l.send(letter("1", 0))
			d.until("the two who have room to have it, and the third to be held", func(s control.Status) bool {
				return s.Queue.Settled == 2 && s.Queue.Held == 1 && len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].To == "bob@example.com" && s.Queue.Waiting[0].Class == "full"
			})
			full.Empty("INBOX")
			if _, talk, code := d.command("queue", "release", "--reason", "full", "--yes"); code != 0 {
				t.Fatalf("%d: %s", code, talk)
			}
			d.until("the third to have room", func(s control.Status) bool { return s.Queue.Settled == 3 })
			cloud.Stop()
			l.send(letter("2", 5000))
			d.until("an attempt", func(s control.Status) bool { return len(s.Queue.Waiting) == 3 && s.Queue.Waiting[0].Attempts > 0 })
			cloud.Start()
			d.until("the second letter", func(s control.Status) bool { return s.Queue.Settled == 6 })
			l.send([]byte("X-Test-Number: 3\r\nFrom: a@other.example\r\nMessage-ID: <3@office>\r\n\r\ngr\xc3\xbc\xc3\x9fe\r\n.\r\n..\r\n"))
			d.until("the third letter", func(s control.Status) bool { return s.Queue.Settled == 9 })
			d.stop()
			for name := range users {
				l.wantOnce(name)
			}
		})
	}
}

type lmtpCloud struct {
	t              *testing.T
	imap, listener string
	sent           [][]byte
}

// send gives the listener a letter for all three.
func (l *lmtpCloud) send(letter []byte) {
	l.t.Helper()
	r, err := testserver.Sender{}.Send(l.t.Context(), l.listener, "a@other.example", []string{"anna@example.com", "bob@example.com", "carl@example.com"}, letter)
	if err != nil || !r.Final.OK() {
		l.t.Fatalf("%+v, %v", r, err)
	}
	l.sent = append(l.sent, letter)
}

// wantOnce demands each letter once in a mailbox, as it was sent.
func (l *lmtpCloud) wantOnce(name string) {
	l.t.Helper()
	messages := neighbour.OpenMailbox(l.t, l.imap, name, "new", nil).Read("INBOX")
	if len(messages) != len(l.sent) {
		l.t.Errorf("%s has %d messages, want %d", name, len(messages), len(l.sent))
	}
	for i, letter := range l.sent {
		header, body, _ := strings.Cut(string(letter), "\r\n\r\n")
		found := 0
		for _, m := range messages {
			if !strings.Contains(m.Header, "\r\n"+header+"\r\n") || m.Body != sha256.Sum256([]byte(body)) {
				continue
			}
			found++
			if sender := m.Field("Return-Path"); sender != "<a@other.example>" {
				l.t.Errorf("letter %d came with the sender %s", i+1, sender)
			}
		}
		if found != 1 {
			l.t.Errorf("%s has letter %d %d times", name, i+1, found)
		}
	}
}
