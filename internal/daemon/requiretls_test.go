package daemon_test

import (
	"crypto/tls"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-smtp"

	"posthouse/config"
	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// offersTLS reports whether the listener offers to keep TLS all the way, inside TLS; in the clear it never does.
func (b *bed) offersTLS() bool {
	b.t.Helper()
	plain, err := smtp.Dial(b.listener())
	must(b.t, err)
	if offered, _ := plain.Extension("REQUIRETLS"); offered {
		b.t.Error("offered in the clear")
	}
	must(b.t, plain.Quit())
	c := b.inTLS()
	offered, _ := c.Extension("REQUIRETLS")
	must(b.t, c.Quit())
	return offered
}

func (b *bed) inTLS() *smtp.Client {
	b.t.Helper()
	c, err := smtp.DialStartTLS(b.listener(), &tls.Config{InsecureSkipVerify: true})
	must(b.t, err)
	return c
}

// demanding sends a message whose sender demands TLS all the way.
func (b *bed) demanding(subject string) []byte {
	b.t.Helper()
	c := b.inTLS()
	defer c.Close()
	must(b.t, c.Mail("x@sender.example", &smtp.MailOptions{RequireTLS: true}))
	must(b.t, c.Rcpt("anna@example.com", nil))
	w, err := c.Data()
	must(b.t, err)
	msg := message(subject, "x@sender.example", "anna@example.com")
	_, err = w.Write(msg)
	must(b.t, err)
	must(b.t, w.Close())
	return msg
}

func demanded(e *testserver.Envelope) bool { return e.TLS && slices.Contains(e.Args, "REQUIRETLS") }

// lossy is a cloud that ends every session when told so, and does not keep TLS from then on.
func lossy(lost *atomic.Bool) func(*layout) {
	return func(l *layout) {
		l.mx.Script = func(call testserver.SMTPCall) *testserver.Reply {
			switch {
			case !lost.Load():
			case call.Stage == testserver.AtHelo:
				return &testserver.Reply{Code: 250, Text: "mx.test.example\nSTARTTLS\nPIPELINING\nCHUNKING"}
			case call.Stage == testserver.AtMail, call.Stage == testserver.AtReset:
				return &testserver.Reply{Code: 421, Text: "4.3.2 Restarting", Close: true}
			}
			return nil
		}
	}
}

// TLS all the way is promised once the cloud was seen to keep it, and then kept.
func TestRequireTLS(t *testing.T) {
	s := newSecured(t, nil)
	s.start()
	if s.offersTLS() {
		t.Error("offered before anything is known of the cloud")
	}
	s.send("hello", "x@sender.example", "anna@example.com")
	s.until("the first", settled(1))
	if !s.offersTLS() {
		t.Fatal("not offered")
	}
	msg := s.demanding("secret")
	s.until("the second", settled(2))
	s.once(s.cloud, "anna@example.com", msg)
	if e := s.mx.Received(); len(e) != 2 || demanded(e[0]) || !demanded(e[1]) {
		t.Errorf("%+v", e)
	}
}

func TestRequireTLSIsNotOffered(t *testing.T) {
	s := newSecured(t, nil, func(l *layout) { l.mx.Without = []string{"REQUIRETLS"} })
	s.start()
	s.send("hello", "x@sender.example", "anna@example.com")
	s.until("the first", settled(1))
	if s.offersTLS() {
		t.Error("offered")
	}
	c := s.inTLS()
	defer c.Close()
	if err := c.Mail("x@sender.example", &smtp.MailOptions{RequireTLS: true}); err == nil || !strings.Contains(err.Error(), "REQUIRETLS") && !strings.Contains(err.Error(), "Parameter") {
		t.Errorf("%v", err)
	}
}

// A cloud that no longer keeps TLS gets nothing that demands it: it waits for a person, over a restart too.
func TestRequireTLSIsHeld(t *testing.T) {
	var lost atomic.Bool
	s := newSecured(t, nil, lossy(&lost))
	s.cfg.Relay.Rescue = false
	s.start()
	s.send("hello", "x@sender.example", "anna@example.com")
	s.until("the first", settled(1))
	lost.Store(true)
	s.demanding("secret")
	w := s.until("it to be held", held(1)).Queue.Waiting[0]
	if w.Class != "tls" || !strings.Contains(w.Why, "REQUIRETLS") {
		t.Errorf("%+v", w)
	}
	s.stop()
	s.start()
	s.act(control.Deed{Do: "release"}, control.QueueFilter{})
	s.eventually("it to be held again", func() bool { return strings.Count(s.logged.String(), "delivery held") == 2 })
	if n := len(s.mx.Received()); n != 1 {
		t.Errorf("%d messages went", n)
	}
}

// Over TLS its mailbox is a way for it.
func TestRequireTLSGoesIntoTheMailbox(t *testing.T) {
	var lost atomic.Bool
	s := newSecured(t, nil, lossy(&lost))
	s.start()
	s.send("hello", "x@sender.example", "anna@example.com")
	s.until("the first", settled(1))
	lost.Store(true)
	msg := s.demanding("secret")
	s.until("the second", settled(2))
	s.once(s.cloud, "anna@example.com", msg)
	if n := len(s.mx.Received()); n != 1 {
		t.Errorf("%d messages went by SMTP", n)
	}
}

// Opened in the clear it is none.
func TestRequireTLSNotIntoAMailboxInTheClear(t *testing.T) {
	var lost atomic.Bool
	s := newSecured(t, nil, lossy(&lost), func(l *layout) { l.cloud = testserver.IMAPConfig{} })
	s.change(func(c *config.Server) { c.IMAPTLS = config.TLSNone })
	s.start()
	first := s.send("hello", "x@sender.example", "anna@example.com")
	s.until("the first", settled(1))
	s.once(s.cloud, "anna@example.com", first)
	lost.Store(true)
	s.demanding("secret")
	w := s.until("it to be held", held(1)).Queue.Waiting[0]
	if w.Class != "tls" || !strings.Contains(w.Why, "imap_tls") {
		t.Errorf("%+v", w)
	}
	if n := len(s.messages(s.cloud, "anna@example.com")); n != 1 || len(s.mx.Received()) != 1 {
		t.Errorf("%d messages in the mailbox", n)
	}
}
