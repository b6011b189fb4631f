package daemon_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"posthouse/internal/control"
	"posthouse/ledger/sqlite"
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

// Who was accepted by the name of a host, before the book knew whose host that is, is reached by that name.
func TestTakingBackAHost(t *testing.T) {
	const host, system = "sender.test.example", "sender.example via test.example"
	b := newBed(t, layout{verdict: "mx_switched = 2020-01-01T00:00:00Z"})
	l, err := sqlite.Open(t.Context(), filepath.Join(b.dir, "state"), sqlite.Options{})
	must(t, err)
	must(t, l.SetFact(t.Context(), "accepted", `[{"schema":"posthouse.accepted/1","name":"`+host+`","by":"root","at":"2026-11-01T00:00:00Z"}]`))
	must(t, l.Close())
	b.start()
	b.send("late", "x@sender.example", "anna@example.com")
	b.until("the use", func(control.Status) bool {
		s := b.senders()
		return len(s.Senders) == 1 && slices.Contains(s.Senders[0].Hosts, host)
	})
	if acts, err := b.accept(false, host); err != nil || len(acts) != 1 || acts[0].Name != system {
		t.Fatalf("%+v, %v", acts, err)
	}
	acts, err := b.accept(true, strings.ToUpper(host), host)
	if err != nil || len(acts) != 2 || acts[0].Name != system || acts[1].Name != host {
		t.Errorf("%+v, %v", acts, err)
	}
	if s := b.senders(); len(s.Accepted) != 0 {
		t.Errorf("still accepted: %+v", s.Accepted)
	}
	if s := b.status(); s.Address.LastUse.IsZero() {
		t.Error("it was taken back, and does not count")
	}
	if _, err := b.accept(true, host); err == nil || !strings.Contains(err.Error(), "is not accepted") {
		t.Errorf("taken back twice: %v", err)
	}
	if _, err := b.accept(false, host); err != nil {
		t.Fatal(err)
	}
	if acts, err := b.accept(true, host); err != nil || len(acts) != 1 || acts[0].Name != system {
		t.Errorf("%+v, %v", acts, err)
	}
}
