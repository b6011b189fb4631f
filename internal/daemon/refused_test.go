package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"posthouse/config"
	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// counted is an IMAP server's hook that counts logins.
func counted(n *atomic.Int32) func(testserver.IMAPCall) *testserver.IMAPFault {
	return func(c testserver.IMAPCall) *testserver.IMAPFault {
		if c.Stage == testserver.Before && (c.Command == "AUTHENTICATE" || c.Command == "LOGIN") {
			n.Add(1)
		}
		return nil
	}
}

// A wrong password is tried once in the pause by all together: by the worker and its waiting connections, by who looks for accepted mail, by verification, and whatever is reloaded.
// A person may try once more; another password ends the pause.
func TestARefusedLoginIsNotTriedAgain(t *testing.T) {
	var logins atomic.Int32
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,legacy\n", legacy: testserver.IMAPConfig{Hook: counted(&logins)}})
	must(t, b.legacy.SetPassword("anna@example.com", "changed"))
	b.start()
	tried := func(when string, want int32) {
		t.Helper()
		if n := logins.Load(); n != want {
			t.Errorf("%s: %d logins, want %d", when, n, want)
		}
	}
	s := b.until("the refusal", func(s control.Status) bool { return s.Copy.Problems == 1 })
	if why := mailboxOf(s, "anna@example.com"); !strings.Contains(why.Error, "login refused at ") || !strings.Contains(why.Error, ", next try ") || !why.Next.After(s.At) {
		t.Errorf("%+v", why)
	}
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	looked := func() int { return strings.Count(b.logged.String(), "could not look for accepted mail") }
	b.eventually("looks for the accepted message", func() bool { return looked() >= 2 })
	tried("looking for accepted mail", 1)

	worked := func() int { return strings.Count(b.logged.String(), "mailbox needs another try") }
	for range 3 {
		before := worked()
		b.reload()
		b.eventually("the worker's next try", func() bool { return worked() > before })
	}
	tried("after reloads that change nothing", 1)

	if v := b.verify()["anna@example.com"]; !strings.Contains(v.Error, "login refused at ") {
		t.Errorf("verified %+v", v)
	}
	tried("after verifying", 2)

	path := filepath.Join(b.dir, "password")
	must(t, os.WriteFile(path, []byte("changed\n"), 0o600))
	next := b.config()
	secret, err := config.ParseSecret("file:" + path)
	must(t, err)
	next.Mailboxes[0].Legacy.Password = secret
	_, err = b.daemon.Reload(t.Context(), next)
	must(t, err)
	b.until("the copy, and the message to be seen", func(s control.Status) bool { return copied(s) && settled(1)(s) })
	b.once(b.legacy, "anna@example.com", msg)
}
