package daemon_test

import (
	"strings"
	"testing"

	"posthouse/internal/control"
)

func (b *bed) senders() control.Senders {
	b.t.Helper()
	s, err := b.daemon.Senders(b.t.Context())
	must(b.t, err)
	return s
}

func (b *bed) accept(undo bool, names ...string) (acts []control.Accepted, err error) {
	err = b.daemon.AcceptSenders(b.t.Context(), "root", names, undo, func(a control.Accepted) error {
		acts = append(acts, a)
		return nil
	})
	return acts, err
}

// Who is accepted by name does not block any more, also after a restart, until that is taken back. Who said so is told.
func TestSendersAreAcceptedByName(t *testing.T) {
	b := newBed(t, layout{verdict: "mx_switched = 2020-01-01T00:00:00Z"})
	b.start()
	b.send("late", "x@sender.example", "anna@example.com")
	b.until("the use", func(s control.Status) bool { return s.Address.LastUse.After(s.Since) })
	s := b.senders()
	if len(s.Senders) != 1 || !s.Senders[0].Called("sender.example") || s.Senders[0].State != "stale" || !s.Senders[0].Open() || s.Senders[0].Recent != 1 || len(s.Accepted) != 0 {
		t.Fatalf("%+v", s)
	}
	if _, err := b.accept(false, "sendr.example"); err == nil || !strings.Contains(err.Error(), `"sendr.example"`) {
		t.Errorf("a slip was accepted: %v", err)
	}
	acts, err := b.accept(false, "Sender.example")
	if err != nil || len(acts) != 1 || acts[0].Name != "sender.example" || acts[0].By == "" || acts[0].At.IsZero() {
		t.Fatalf("%+v, %v", acts, err)
	}
	if s := b.status(); !s.Address.LastUse.IsZero() {
		t.Errorf("it still counts: %+v", s.Address)
	}
	b.stop()
	b.start()
	if s := b.senders(); len(s.Accepted) != 1 || s.Accepted[0].By != acts[0].By || !s.Senders[0].Accepted || s.Senders[0].Open() {
		t.Errorf("after a restart: %+v", s)
	}
	if _, err := b.accept(true, "sender.example"); err != nil {
		t.Fatal(err)
	}
	if s := b.status(); s.Address.LastUse.IsZero() || len(b.senders().Accepted) != 0 {
		t.Errorf("it was taken back, and does not count: %+v", s.Address)
	}
	if _, err := b.accept(true, "sender.example"); err == nil {
		t.Error("it was taken back twice")
	}
	if !strings.Contains(b.logged.String(), "sender accepted") || !strings.Contains(b.logged.String(), "sender not accepted any more") {
		t.Error("the log does not tell who was accepted")
	}
}

// The configuration may accept too, live, and what it accepts is taken back there.
func TestSendersAreAcceptedByConfiguration(t *testing.T) {
	b := newBed(t, layout{})
	b.start()
	b.send("late", "x@sender.example", "anna@example.com")
	b.until("the use", func(s control.Status) bool { return s.Address.LastUse.After(s.Since) })
	b.layout.verdict = "accepted = [\"sender.example\"]"
	b.reload()
	if s := b.status(); !s.Address.LastUse.IsZero() {
		t.Errorf("it still counts: %+v", s.Address)
	}
	if s := b.senders(); len(s.Accepted) != 1 || s.Accepted[0].By != "configuration" {
		t.Errorf("%+v", s.Accepted)
	}
	if _, err := b.accept(true, "sender.example"); err == nil || !strings.Contains(err.Error(), "configuration") {
		t.Errorf("taken back by command: %v", err)
	}
}
