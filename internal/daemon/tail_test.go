package daemon_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"posthouse/internal/control"
)

// What happens is told, in order, to whoever listens by the control socket: a message that is taken and what comes of it, and a recipient that is refused.
func TestTail(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client := control.Dial(filepath.Join(b.dir, "state", "control.sock"))
	begun, events, ended := make(chan struct{}), make(chan control.Event, 10), make(chan error, 1)
	go func() {
		ended <- client.Tail(ctx, func() { close(begun) }, func(e control.Event) error { events <- e; return nil })
	}()
	<-begun
	body := b.send("hello", "x@sender.example", "anna@example.com")
	taken, delivered := <-events, <-events
	if taken.What != control.MailTaken || taken.From != "x@sender.example" || taken.To[0] != "anna@example.com" || taken.Size != int64(len(body)) || taken.Addr != "127.0.0.3" || taken.Capture == "" {
		t.Errorf("taken: %+v", taken)
	}
	if delivered.What != control.MailDelivered || delivered.Capture != taken.Capture || delivered.Destination != "cloud:smtp" || delivered.Reply == "" || delivered.Took <= 0 || delivered.Took > time.Minute {
		t.Errorf("delivered: %+v", delivered)
	}
	if _, err := b.sender.Send(ctx, b.listener(), "x@sender.example", []string{"nobody@example.com"}, body); err != nil {
		t.Fatal(err)
	}
	if refused := <-events; refused.What != control.RecipientRefused || refused.To[0] != "nobody@example.com" || refused.Reply[:3] != "550" {
		t.Errorf("refused: %+v", refused)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the tail ended with %v", err)
	}
}

// Logs and new items in old mailboxes are told of as well: a login and its end, what the old server puts into a mailbox, and what appears there.
func TestTailOfTheOldServer(t *testing.T) {
	b := newBed(t, layout{speed: 2, rest: oldLogConfig})
	log := newOldLog(b)
	b.start()
	b.until("the copy", copied)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client := control.Dial(filepath.Join(b.dir, "state", "control.sock"))
	begun, events, ended := make(chan struct{}), make(chan control.Event, 10), make(chan error, 1)
	go func() {
		ended <- client.Tail(ctx, func() { close(begun) }, func(e control.Event) error { events <- e; return nil })
	}()
	<-begun
	log.write("imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.44, lip=192.0.2.1, mpid=7, TLS, session=<s>")
	if e := <-events; e.What != control.OldServerUsed || e.Channel != "login" || e.Source != "dovecot" || e.Client != "anna" || e.Addr != "192.0.2.44" || e.Message != "" {
		t.Errorf("the login: %+v", e)
	}
	log.write("imap(anna)<7><s>: Logged out in=1 out=2")
	if e := <-events; e.Channel != "login" || e.Detail != "IMAP ended" {
		t.Errorf("its end: %+v", e)
	}
	log.delivered("anna@example.com", "one")
	if e := <-events; e.What != control.OldServerPut || e.Channel != "delivered" || e.To[0] != "anna@example.com" || e.Message != "<one@sender.example>" || e.Detail != "INBOX" {
		t.Errorf("the delivery: %+v", e)
	}
	_, err := b.legacy.Deliver("anna@example.com", bodyless("one"))
	must(t, err)
	if e := <-events; e.What != control.OldServerUsed || e.Source != "mailboxes" || e.Channel != "arriving" || e.Message != "<one@sender.example>" {
		t.Errorf("the new item: %+v", e)
	}
	cancel()
	<-ended
}
