package e2e

import (
	"crypto/sha256"
	"strings"
	"testing"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
	"posthouse/internal/testserver/corpus"
	"posthouse/test/neighbour"
)

// TestEximAsCloud: a real Exim takes everything by either verb, pipelined and on connections that are used again, refuses one recipient without harm to the other, and is away for a
// while; each message lies in the mailbox behind it once, octet by octet.
func TestEximAsCloud(t *testing.T) {
	t.Parallel()
	for verb, more := range map[string]string{"BDAT": "", "DATA": "chunking_advertise_hosts ="} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			users := map[string]string{"anna": "secret", "bob": "secret"}
			legacy := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: users})
			cloud := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "cloud", Users: users})
			exim := neighbour.StartExim(t, neighbour.EximConfig{Name: "cloudmx", Next: cloud.LMTP, Refuse: []string{"bob@example.com"}, Settings: "return_path_remove = false\nenvelope_to_remove = false\ndelivery_date_remove = false\n" + more})
			listener := neighbour.Address() + ":2525"
			d := newDaemon(t, folder(t), settings{oldIMAP: legacy.IMAP, cloudIMAP: cloud.IMAP, cloudSMTP: exim.SMTP, listener: listener, relay: hasty, bridge: often}.toml(), map[string]string{"mailboxes.csv": sameLogins(users)})
			d.start()
			all := unlike(60)
			for i, m := range all {
				if i == len(all)/2 {
					d.until("the first half to arrive", func(s control.Status) bool { return s.Queue.Settled == i })
					exim.Stop()
				}
				to := []string{"anna@example.com"}
				if i%10 == 0 {
					to = append(to, "bob@example.com")
				}
				r, err := testserver.Sender{BDAT: i%2 == 0}.Send(t.Context(), listener, "a@other.example", to, m)
				if err != nil || !r.Final.OK() {
					t.Fatalf("letter %d: %+v, %v", i, r, err)
				}
			}
			d.until("an attempt at a server that is away", func(s control.Status) bool { return len(s.Queue.Waiting) > 6 })
			exim.Start()
			d.until("all to arrive but what was refused", func(s control.Status) bool { return s.Queue.Settled == len(all) && s.Queue.Held == len(all)/10 })
			s := d.status()
			for _, w := range s.Queue.Waiting {
				if w.To != "bob@example.com" || w.Class != "no-mailbox" {
					t.Errorf("%+v", w)
				}
			}
			d.stop()
			wantWhole(t, neighbour.OpenMailbox(t, cloud.IMAP, "anna", "secret", nil).Read("INBOX"), all)
			if exim.Said("K S=") != (verb == "BDAT") { // K: it came by CHUNKING
				t.Errorf("not by %s", verb)
			}
			if bob := neighbour.OpenMailbox(t, cloud.IMAP, "bob", "secret", nil); bob.Count("INBOX") != 0 {
				t.Error("Bob was refused and has mail")
			}
		})
	}
}

// unlike are messages of which no two are the same.
func unlike(n int) (all [][]byte) {
	g := corpus.New(25)
	g.MaxSize = 200 << 10
	seen := map[[32]byte]bool{}
	for len(all) < n {
		m := g.Next().Bytes
		sum := sha256.Sum256(m)
		if _, body, ok := strings.Cut(string(m), "\r\n\r\n"); ok && !seen[sum] && strings.HasSuffix(body, "\r\n") {
			seen[sum] = true
			all = append(all, m)
		}
	}
	return all
}

// wantWhole demands each message once: its body by digest, its header below what the servers put above it.
func wantWhole(t *testing.T, got []neighbour.Message, all [][]byte) {
	t.Helper()
	if len(got) != len(all) {
		t.Errorf("%d messages, want %d", len(got), len(all))
	}
	for i, m := range all {
		header, body, _ := strings.Cut(string(m), "\r\n\r\n")
		found := 0
		for _, have := range got {
			if have.Body == sha256.Sum256([]byte(body)) && strings.Contains(have.Header, "\r\n"+header+"\r\n") {
				found++
			}
		}
		if found != 1 {
			t.Errorf("letter %d is there %d times:\n%.300s", i, found, header)
		}
	}
}
