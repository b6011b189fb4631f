package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// The cloud is down: mail is taken and waits, and who looks sees since when, why, and when the next try comes. Then it is delivered.
func TestCloudDown(t *testing.T) {
	t.Parallel()
	o := newOffice(t, folder(t), small, nil)
	o.mx.Stop()
	o.daemon.start()
	for _, number := range []string{"1", "2", "3"} {
		o.must(number, "anna@example.com")
	}
	first := o.daemon.until("a second try", func(s control.Status) bool { return len(s.Queue.Waiting) == 3 && tries(s) > 3 })
	for i, w := range first.Queue.Waiting {
		if w.To != "anna@example.com" || w.Destination != "cloud:smtp" || w.State != "due" || !w.Next.After(w.At) || !strings.Contains(w.Why, "refused") {
			t.Errorf("waiting: %+v", w)
		}
		if i > 0 && w.At.Before(first.Queue.Waiting[i-1].At) {
			t.Errorf("not the oldest first: %+v", first.Queue.Waiting)
		}
	}
	// Tries go on; who looks never reads of one that should have been.
	o.daemon.until("a later try", func(s control.Status) bool {
		for _, w := range s.Queue.Waiting {
			if w.State == "due" && w.Next.Before(s.At.Add(-time.Second)) {
				t.Errorf("the next try was due at %s, it is %s", w.Next, s.At)
			}
		}
		return tries(s) > tries(first)
	})
	if out, _, _ := o.daemon.command("status"); !strings.Contains(out, "queue 3") {
		t.Errorf("status says:\n%s", out)
	}
	if err := o.mx.Start(); err != nil {
		t.Fatal(err)
	}
	o.wantReceived("anna@example.com", "1", "2", "3")
	o.settled()
	o.daemon.stop()
}

// tries counts the attempts of all that waits.
func tries(s control.Status) (n int) {
	for _, w := range s.Queue.Waiting {
		n += w.Attempts
	}
	return n
}

// The cloud refuses one recipient for good: the letter is held with the cloud's words, for a person to see; nothing is bounced, and others get theirs.
func TestCloudRefusesForGood(t *testing.T) {
	t.Parallel()
	o := newOffice(t, folder(t), small, func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtRcpt && strings.HasPrefix(c.Arg, "bob@") {
			return testserver.Refuse(550, "5.1.10 RecipientNotFound")
		}
		return nil
	})
	o.daemon.start()
	o.must("1", "anna@example.com", "bob@example.com")
	o.wantReceived("anna@example.com", "1")
	o.daemon.until("the letter to be held", func(s control.Status) bool { return s.Queue.Held == 1 })
	o.settled()

	out, _, _ := o.daemon.command("status")
	if !strings.Contains(out, "held 1") {
		t.Errorf("status says:\n%s", out)
	}
	out, _, _ = o.daemon.command("status", "--json")
	var s control.Status
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("status --json: %v\n%s", err, out)
	}
	if w := s.Queue.Waiting; len(w) != 1 || w[0].To != "bob@example.com" || w[0].State != "held" || !strings.Contains(w[0].Why, "5.1.10") || w[0].From != "a@other.example" {
		t.Errorf("held: %+v", w)
	}
	// It is still held, and nothing else happened, after another life.
	o.daemon.kill()
	o.daemon.start()
	o.settled()
	if s := o.daemon.status(); s.Queue.Held != 1 {
		t.Errorf("after a restart: %+v", s.Queue)
	}
	if n := o.mx.Accepted(); n != 1 {
		t.Errorf("the cloud accepted %d messages, want one", n)
	}
	o.daemon.stop()
}
