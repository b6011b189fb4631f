package daemon_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/internal/clock/clocktest"
	"posthouse/internal/control"
	"posthouse/internal/daemon"
	"posthouse/internal/testserver"
)

// startSettable starts the daemon on a clock that the test sets; it keeps house every fraction of a second.
func (b *bed) startSettable(t *testing.T) *clocktest.Clock {
	t.Helper()
	c := clocktest.New()
	b.clock = c
	b.daemon = b.newWith(b.config(), func(o *daemon.Options) { o.Speed = 2 })
	must(t, b.daemon.Start(t.Context()))
	t.Cleanup(b.stop)
	return c
}

func troubled(word string) func(control.Status) bool {
	return func(s control.Status) bool { return strings.Contains(strings.Join(s.Trouble, "\n"), word) }
}

// Wanted mail that is not delivered for an hour is an alarm on the status and in the log, once an hour; after a day there is a notice to its sender. Neither is sent by itself, and both end
// when it is delivered.
func TestLateMail(t *testing.T) {
	var up atomic.Bool
	b := newBed(t, layout{relay: "retry = [\"1s\"]\nrescue = false", mx: testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtRcpt && !up.Load() {
			return testserver.Refuse(452, "4.2.2 Mailbox full")
		}
		return nil
	}}})
	clock := b.startSettable(t)
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	s := b.until("an attempt", func(s control.Status) bool { return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].Attempts > 0 })
	if len(s.Trouble) != 0 || s.Queue.Waiting[0].Notice != "" {
		t.Errorf("at once: %q, %+v", s.Trouble, s.Queue.Waiting[0])
	}
	clock.Set(61 * time.Minute)
	s = b.until("an alarm", troubled("not delivered for more than an hour"))
	if text := strings.Join(s.Trouble, "\n"); !strings.Contains(text, "anna@example.com") || !strings.Contains(text, "Mailbox full") || s.Queue.Waiting[0].Notice != "" {
		t.Errorf("%s, %+v", text, s.Queue.Waiting[0])
	}
	b.eventually("a line of the log", func() bool { return strings.Contains(b.logged.String(), "alarm=late") })
	clock.Set(23 * time.Hour)
	s = b.until("a notice", troubled("a notice to each is ready"))
	if n := s.Queue.Waiting[0].Notice; !strings.HasPrefix(n, "To: <x@sender.example>\n") || !strings.Contains(n, "the recipient's mailbox is full") {
		t.Errorf("notice %q", n)
	}
	up.Store(true)
	s = b.until("the delivery", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
	b.until("no trouble", func(s control.Status) bool { return len(s.Trouble) == 0 })
	if n := len(b.mx.Received()); n != 1 {
		t.Errorf("%d messages left us", n)
	}
}

// What the cloud accepted and nobody has seen after six hours is an alarm that says where to look; it is not sent again.
func TestAcceptedAndNotSeen(t *testing.T) {
	b := newBed(t, layout{mx: testserver.SMTPConfig{Deliver: func(*testserver.Envelope) error { return nil }}})
	clock := b.startSettable(t)
	b.send("hello", "x@sender.example", "anna@example.com")
	b.until("it to be accepted", func(s control.Status) bool { return s.Queue.Accepted == 1 })
	clock.Set(5 * time.Hour)
	b.until("five hours without an alarm", func(s control.Status) bool { return len(s.Trouble) == 0 }) // that the sources were not watched in the leap is one, for a moment
	clock.Set(70 * time.Minute)
	s := b.until("an alarm", troubled("quarantine, junk and rules"))
	if len(s.Queue.Unseen) != 1 || s.Queue.Unseen[0].Notice != "" || !strings.HasSuffix(s.Queue.Unseen[0].Why, "when nobody misses it: posthouse queue drop "+s.Queue.Unseen[0].Capture) {
		t.Errorf("%+v", s.Queue.Unseen)
	}
	b.eventually("a line of the log", func() bool { return strings.Contains(b.logged.String(), "alarm=unseen") })
	if a := b.done("drop", control.QueueFilter{Captures: []string{s.Queue.Unseen[0].Capture}}); a.Error != "" {
		t.Errorf("given up by a person: %+v", a)
	}
	b.until("nothing to be open", func(s control.Status) bool { return s.Queue.Accepted+s.Queue.NotSeen == 0 && len(s.Trouble) == 0 })
	if n := b.mx.Accepted(); n != 1 {
		t.Errorf("sent %d times", n)
	}
}

// What nobody saw is not given up while a copy in the old mailbox counts on it: it is sent once more first. Then nothing is missed.
func TestNotSeenAndOnTheOldServer(t *testing.T) {
	var b *bed
	var came atomic.Int32
	b = newBed(t, layout{to: "to = [\"home:smtp\"]\ntee = true", mx: testserver.SMTPConfig{Deliver: func(e *testserver.Envelope) error {
		if came.Add(1) == 1 {
			return nil
		}
		return b.cloud.DeliverEnvelope(e)
	}}})
	clock := b.startSettable(t)
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	b.until("it to be accepted", func(s control.Status) bool { return s.Queue.Accepted == 1 })
	b.eventually("the copy on the old server", func() bool { return len(b.holding(b.legacy, "anna@example.com", msg)) == 1 })
	b.again()
	clock.Set(7 * time.Hour)
	s := b.until("an alarm", troubled("quarantine, junk and rules"))
	filter := control.QueueFilter{Captures: []string{s.Queue.Unseen[0].Capture}}
	advised := func(end string) { // is what can be done
		t.Helper()
		if all := b.status().Queue.Unseen; len(all) != 1 || !strings.HasSuffix(all[0].Why, end) {
			t.Errorf("advice %+v, want %q", all, end)
		}
	}
	advised("it lies in the old mailbox too, and comes to the cloud by this delivery alone: posthouse queue resend " + filter.Captures[0])
	if a := b.done("drop", filter); !strings.Contains(a.Error, "lies in the old mailbox too") || a.Next != "posthouse queue resend "+a.Capture {
		t.Fatalf("%+v", a)
	}
	if a := b.done("resend", filter); a.Error != "" {
		t.Errorf("%+v", a)
	}
	b.until("the second to be seen", func(s control.Status) bool { return s.Queue.Settled == 1 })
	clock.Set(7 * time.Hour) // the first has its time anew
	advised("when nobody misses it: posthouse queue drop " + filter.Captures[0])
	if a := b.done("drop", filter); a.Error != "" {
		t.Errorf("%+v", a)
	}
	b.again()
	b.once(b.cloud, "anna@example.com", msg)
	if v := b.verify("anna@example.com")["anna@example.com"]; len(v.Missing)+len(v.Extra)+len(v.Removed) != 0 || v.Error != "" {
		t.Errorf("%+v", v)
	}
	b.until("nothing to be open", func(s control.Status) bool { return s.Queue.Accepted+s.Queue.NotSeen == 0 })
}

// Nobody is told of a message with the null sender, nor waits for spam.
func TestNoNotice(t *testing.T) {
	b := newBed(t, layout{mx: testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		switch {
		case c.Stage == testserver.AtRcpt && c.Arg == "anna@example.com":
			return testserver.Refuse(550, "5.1.1 no such user")
		case c.Stage == testserver.AtRcpt:
			return testserver.Refuse(550, "5.7.1 spam")
		}
		return nil
	}}})
	clock := b.startSettable(t)
	b.send("a bounce", "", "anna@example.com")
	b.send("spam", "y@sender.example", "bob@example.com")
	b.until("both to be stopped", func(s control.Status) bool { return s.Queue.Held == 1 && s.Queue.Quiet == 1 })
	clock.Set(25 * time.Hour)
	s := b.until("an alarm", troubled("1 delivery not delivered"))
	for _, w := range s.Queue.Waiting {
		if w.Notice != "" || w.To != "anna@example.com" {
			t.Errorf("%+v", w)
		}
	}
}
