package daemon_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

func settled(n int) func(control.Status) bool {
	return func(s control.Status) bool {
		q := s.Queue
		return q.Settled == n && q.Due+q.Sending+q.InDoubt+q.Accepted+q.Held == 0
	}
}

// once demands that a message lies exactly once in a mailbox.
func (b *bed) once(server *testserver.IMAP, user string, msg []byte) {
	b.t.Helper()
	if found := b.holding(server, user, msg); len(found) != 1 {
		b.t.Errorf("%s has it at %v", user, found)
	}
}

func TestCaptureReachesTheCloudOnce(t *testing.T) {
	for _, way := range []string{"smtp", "mailbox"} {
		t.Run(way, func(t *testing.T) {
			b := newBed(t, layout{to: `to = ["home:` + way + `"]`})
			b.start()
			msg := b.send("hello", "x@sender.example", "anna@example.com")
			s := b.until("the message to be seen in the mailbox", settled(1))
			b.once(b.cloud, "anna@example.com", msg)
			if len(b.holding(b.legacy, "anna@example.com", msg)) != 0 {
				t.Error("it lies in the legacy mailbox too")
			}
			if s.Arriving.Week != 1 || s.Arriving.Last.IsZero() {
				t.Errorf("arriving: %+v", s.Arriving)
			}
			if accepted := b.mx.Accepted(); accepted != map[string]int{"smtp": 1, "mailbox": 0}[way] {
				t.Errorf("the cloud's SMTP took %d messages", accepted)
			}
			b.again()
			b.once(b.cloud, "anna@example.com", msg)
		})
	}
}

// A tee brings the old mailbox a copy that nothing comes back from, and that is not copied a second time.
func TestTee(t *testing.T) {
	b := newBed(t, layout{to: "to = [\"home:smtp\"]\ntee = true\ntee_never = [\"bob@example.com\"]", mailboxes: threePeople + "room@example.com,,room,cloud\n"})
	b.start()
	msg := b.send("to all", "x@sender.example", "anna@example.com", "bob@example.com", "room@example.com")
	b.until("three deliveries to be settled", settled(3))
	b.eventually("the copy to lie in the old mailbox", func() bool { return len(b.holding(b.legacy, "anna@example.com", msg)) == 1 })
	copies := b.old.Received()
	if len(copies) != 1 || copies[0].From != "" || !slices.Equal(copies[0].Recipients(), []string{"anna@example.com"}) || !slices.Contains(copies[0].Rcpts[0].Args, "NOTIFY=NEVER") {
		t.Fatalf("the old server took %+v", copies)
	}
	b.again()
	for _, address := range []string{"anna@example.com", "bob@example.com", "room@example.com"} {
		b.once(b.cloud, address, msg)
	}
	if v := b.verify("anna@example.com")["anna@example.com"]; v.Equal != 1 || len(v.Missing)+len(v.Extra) != 0 {
		t.Errorf("verified: %+v", v)
	}
	if s := b.status(); s.Queue.Settled != 3 {
		t.Errorf("copies are counted as deliveries: %+v", s.Queue)
	}
}

// Who still reads on the old server gets the mail there, and the bridge brings it to the cloud as it does everything else.
func TestHomeIsLegacy(t *testing.T) {
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,legacy\n", to: "to = [\"home:smtp\"]\ntee = true"})
	b.start()
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	b.until("the message to be seen in the mailbox", settled(1))
	b.eventually("the copy in the cloud", func() bool { return len(b.holding(b.cloud, "anna@example.com", msg)) == 1 })
	b.again()
	b.once(b.legacy, "anna@example.com", msg)
	b.once(b.cloud, "anna@example.com", msg)
	if got := b.old.Received(); len(got) != 1 || got[0].From != "x@sender.example" || b.mx.Accepted() != 0 {
		t.Errorf("the old server took %+v, the cloud %d", got, b.mx.Accepted())
	}
}

// However many addresses lead to a mailbox, a message comes once; members elsewhere get it by the cloud.
func TestGroupAliasAndPlus(t *testing.T) {
	b := newBed(t, layout{recipients: "groups = { \"team@example.com\" = [\"anna@example.com\", \"bob@example.com\", \"friend@elsewhere.example\"] }",
		mx: testserver.SMTPConfig{Deliver: func(*testserver.Envelope) error { return nil }}})
	b.start()
	b.send("to the team", "x@sender.example", "team@example.com", "a.smith@example.com", "Anna+news@example.com")
	received, err := b.mx.Wait(t.Context(), 1)
	must(t, err)
	b.until("everything to be on its way", func(s control.Status) bool { return s.Queue.Due+s.Queue.Sending == 0 })
	var to []string
	for _, e := range received {
		to = append(to, e.Recipients()...)
	}
	slices.Sort(to)
	if want := []string{"anna@example.com", "bob@example.com", "friend@elsewhere.example"}; !slices.Equal(to, want) {
		t.Errorf("went to %v, want %v", to, want)
	}
	for address, code := range map[string]int{"nobody@example.com": 550, "anna@elsewhere.example": 550} {
		result, err := b.sender.Send(t.Context(), b.listener(), "x@sender.example", []string{address}, message("x", "x@sender.example", address))
		if err != nil || result.Rcpts[0].Code != code {
			t.Errorf("%s: %+v, %v", address, result, err)
		}
	}
}

func TestCloudDownThenUp(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	b.until("the copy", copied)
	b.mx.Stop()
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	s := b.until("an attempt to fail", func(s control.Status) bool { return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].Attempts > 0 })
	if w := s.Queue.Waiting[0]; w.To != "anna@example.com" || w.Why == "" || w.Next.IsZero() || s.Queue.Due+s.Queue.Sending != 1 {
		t.Errorf("%+v", s.Queue)
	}
	if !slices.ContainsFunc(codes(s), func(c string) bool { return c == "unsettled" }) {
		t.Errorf("open work is no reason: %v", codes(s))
	}
	must(t, b.mx.Start())
	b.until("the message to arrive", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
}

func codes(s control.Status) []string {
	var all []string
	for _, r := range s.Server.Reasons {
		all = append(all, string(r.Code))
	}
	return all
}

// What waits for a person is shown whatever else waits, and copies for the old server wait for nobody.
func TestHeldMailIsNotHiddenBehindWaitingMail(t *testing.T) {
	busy := func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtRcpt {
			return testserver.Refuse(451, "4.3.0 later")
		}
		return nil
	}
	b := newBed(t, layout{to: "to = [\"home:smtp\"]\ntee = true", mx: testserver.SMTPConfig{Script: busy}, old: testserver.SMTPConfig{Script: busy}})
	b.start()
	for i := range 21 {
		b.send(fmt.Sprintf("waiting %d", i), "x@sender.example", "anna@example.com")
	}
	b.send("for nobody", "x@sender.example", "postmaster@example.com")
	s := b.status()
	if waiting := s.Queue.Due + s.Queue.Sending + s.Queue.InDoubt; waiting != 21 || s.Queue.Held != 1 || len(s.Queue.Waiting) != 21 {
		t.Fatalf("%+v", s.Queue)
	}
	for i, w := range s.Queue.Waiting {
		if held := w.State == "held"; held != (i == 0) || (!held && w.Destination != "cloud:smtp") {
			t.Errorf("place %d: %+v", i, w)
		}
	}
	if !strings.Contains(b.logged.String(), "delivery held: no mailbox takes mail for postmaster@example.com") {
		t.Error("the log does not warn of it")
	}
}

func TestRefusedForGoodIsHeld(t *testing.T) {
	b := newBed(t, layout{mx: testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtRcpt && c.Arg == "bob@example.com" {
			return testserver.Refuse(550, "5.1.1 no such user here")
		}
		return nil
	}}})
	b.start()
	msg := b.send("hello", "x@sender.example", "anna@example.com", "bob@example.com")
	s := b.until("one to be held", func(s control.Status) bool { return s.Queue.Held == 1 && s.Queue.Settled == 1 })
	if w := s.Queue.Waiting; len(w) != 1 || w[0].State != "held" || w[0].To != "bob@example.com" || !strings.Contains(w[0].Why, "no such user here") || w[0].From != "x@sender.example" {
		t.Errorf("%+v", s.Queue)
	}
	if !slices.Contains(codes(s), "held") {
		t.Errorf("the verdict does not name it: %v", codes(s))
	}
	b.once(b.cloud, "anna@example.com", msg)
}

// A message whose final reply was lost lies in the mailbox: it is found there, not sent again.
func TestLostFinalReply(t *testing.T) {
	var bodies atomic.Int32
	b := newBed(t, layout{relay: "retry = [\"1s\"]\nsettle_time = \"30s\"", mx: testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtBody && bodies.Add(1) == 1 {
			return &testserver.Reply{Accept: true, Drop: true}
		}
		return nil
	}}})
	b.start()
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	b.until("the message to be found", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
	if n := bodies.Load(); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}

// A message whose final reply was lost and that did not arrive is sent again once the settle time is over.
func TestLostMessage(t *testing.T) {
	var bodies atomic.Int32
	b := newBed(t, layout{mx: testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtBody && bodies.Add(1) == 1 {
			return &testserver.Reply{Drop: true}
		}
		return nil
	}}})
	b.start()
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	b.until("the message to be sent again", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
	if n := bodies.Load(); n != 2 {
		t.Errorf("it was sent %d times", n)
	}
}

// A sender that did not hear our 250 repeats the transaction: it is answered, and stored once. That it came again is use of the old route, before and after a restart.
// The week is asked, as midnight may pass meanwhile.
func TestRepeatedTransaction(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	b.send("hello", "x@sender.example", "anna@example.com")
	b.until("the message", settled(1))
	b.again()
	b.once(b.cloud, "anna@example.com", msg)
	if n := b.mx.Accepted(); n != 1 {
		t.Errorf("the cloud took it %d times", n)
	}
	if s := b.status(); s.Arriving.Week != 2 {
		t.Errorf("arriving: %+v", s.Arriving)
	}
	b.stop()
	b.start()
	if s := b.status(); s.Arriving.Week != 2 {
		t.Errorf("in the next process: %+v", s.Arriving)
	}
}

// A capture that was not delivered before the end is delivered by the next process.
func TestRestartWithMailInHand(t *testing.T) {
	b := newBed(t, layout{})
	b.mx.Stop()
	b.start()
	msg := b.send("hello", "x@sender.example", "anna@example.com")
	b.stop()
	must(t, b.mx.Start())
	b.start()
	b.until("the message", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
}

// What calls itself and its reader by a bare name, as printers and cron do, is taken, and the next hop gets whole addresses.
func TestWithoutDomain(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	msg := b.send("report", "root", "anna")
	b.until("the message", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
	if got := b.mx.Received(); len(got) != 1 || got[0].From != "root@example.com" {
		t.Errorf("%+v", got)
	}
}

// A device may send from its network, and nobody else.
func TestDevices(t *testing.T) {
	b := newBed(t, layout{rest: "[listeners.devices]\nrole = \"devices\"\naddress = \"127.0.0.1:0\"\nallow = [\"127.0.0.77\"]\n"})
	b.start()
	at := b.daemon.Addrs("devices")[0].String()
	msg := message("scan", "scanner@example.com", "anna@example.com")
	for from, code := range map[string]int{"127.0.0.77": 250, "127.0.0.78": 550} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		result, err := testserver.Sender{LocalAddr: from}.Send(ctx, at, "scanner@example.com", []string{"anna@example.com"}, msg)
		cancel()
		if err != nil || result.Rcpts[0].Code != code {
			t.Errorf("%s: %+v, %v", from, result, err)
		}
	}
	s := b.until("the scan", settled(1))
	b.once(b.cloud, "anna@example.com", msg)
	if b.daemon.Addrs("none") != nil || len(s.Listeners) != 2 || s.Listeners[0].Role != "devices" || s.Listeners[0].Address != at {
		t.Errorf("listeners: %+v", s.Listeners)
	}
}
