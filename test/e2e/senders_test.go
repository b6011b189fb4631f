package e2e

import (
	"bytes"
	"strings"
	"testing"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// TestRealSenders: a real OpenSMTPD by DATA and a real Exim by BDAT bring mail inside STARTTLS, many on one connection; each message lies in the mailbox once, octet by octet.
func TestRealSenders(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T, next string) (smtp string){
		"OpenSMTPD": func(t *testing.T, next string) string {
			return neighbour.StartOpenSMTPD(t, neighbour.OpenSMTPDConfig{Name: "sender", Next: next}).SMTP
		},
		"Exim": func(t *testing.T, next string) string {
			return neighbour.StartExim(t, neighbour.EximConfig{Name: "sender", Next: next, SMTP: true, Settings: "return_path_remove = false\nenvelope_to_remove = false\ndelivery_date_remove = false\n"}).SMTP
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bringMail(t, start)
		})
	}
}

func bringMail(t *testing.T, start func(*testing.T, string) string) {
	users := map[string]string{"anna": "secret"}
	legacy := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: users})
	cloud := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "cloud", Users: users})
	listener := neighbour.Address() + ":2525"
	sender := start(t, listener)
	d := newDaemon(t, folder(t), settings{oldIMAP: legacy.IMAP, cloudIMAP: cloud.IMAP, cloudSMTP: cloud.LMTP, listener: listener, cloud: `smtp_protocol = "lmtp"`, relay: hasty, bridge: often}.toml(), map[string]string{"mailboxes.csv": sameLogins(users)})
	d.start()
	var all [][]byte
	for i, m := range unlike(60) {
		if !linesAreKept(m) {
			continue
		}
		r, err := testserver.Sender{}.Send(t.Context(), sender, "a@other.example", []string{"anna@example.com"}, m)
		if err != nil || !r.Final.OK() {
			t.Fatalf("letter %d: %+v, %v", i, r, err)
		}
		all = append(all, m)
	}
	if len(all) < 20 {
		t.Errorf("only %d letters", len(all))
	}
	d.until("all to arrive", func(s control.Status) bool { return s.Queue.Settled == len(all) && s.Queue.Held == 0 })
	d.stop()
	got := neighbour.OpenMailbox(t, cloud.IMAP, "anna", "secret", nil).Read("INBOX")
	wantWhole(t, got, all)
	for _, m := range got {
		if !strings.Contains(m.Header, "with ESMTPS id") {
			t.Errorf("it came without TLS:\n%s", m.Header)
		}
	}
}

// linesAreKept reports whether servers carry a message as it is that end lines themselves, and take none beyond 998 octets.
func linesAreKept(m []byte) bool {
	for line := range bytes.Lines(m) {
		text, whole := bytes.CutSuffix(line, []byte("\r\n"))
		if !whole || len(text) > 998 || bytes.ContainsAny(text, "\r\x00") {
			return false
		}
	}
	return true
}
