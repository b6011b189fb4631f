package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver/corpus"
)

// The old server refuses one mailbox's login: that mailbox says why and when it is tried again, the others go on.
func TestLegacyLoginRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t, folder(t), small, nil)
	for i, address := range staff {
		if err := o.legacy.Fill(address, corpus.New(uint64(i)).Mailbox(60)); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.legacy.SetPassword("bob@example.com", "changed"); err != nil {
		t.Fatal(err)
	}
	o.daemon.start()
	s := o.daemon.until("anna to be copied and bob to be refused", func(s control.Status) bool {
		return len(s.Mailboxes) == 2 && !s.Mailboxes[0].Caught.IsZero() && s.Mailboxes[1].Error != ""
	})
	anna, bob := s.Mailboxes[0], s.Mailboxes[1]
	if anna.State != "following" || anna.Done != 60 || anna.Error != "" {
		t.Errorf("anna: %+v", anna)
	}
	if bob.State != "problem" || !strings.Contains(strings.ToLower(bob.Error), "login") || !bob.Next.After(time.Now()) || bob.Done != 0 {
		t.Errorf("bob: %+v", bob)
	}
	out, _, _ := o.daemon.command("status")
	if !strings.Contains(out, "bob@") {
		t.Errorf("status does not name bob:\n%s", out)
	}
	// Mail for bob goes on too: it does not need the old server.
	o.must("1", "bob@example.com")
	o.wantReceived("bob@example.com", "1")

	// The right password, and a reload: nobody waits for the next try, and nothing is stopped.
	csv, err := os.ReadFile(filepath.Join(o.daemon.dir(), "mailboxes.csv"))
	if err != nil {
		t.Fatal(err)
	}
	o.daemon.write("mailboxes.csv", strings.Replace(string(csv), "bob@example.com,old,", "bob@example.com,changed,", 1))
	o.daemon.signal(syscall.SIGHUP)
	s = o.daemon.until("bob to be copied", func(s control.Status) bool { return !s.Mailboxes[1].Caught.IsZero() })
	if s.Mailboxes[1].Done != 60 || s.Mailboxes[1].Error != "" {
		t.Errorf("bob with the right password: %+v", s.Mailboxes[1])
	}
	o.daemon.stop()
}
