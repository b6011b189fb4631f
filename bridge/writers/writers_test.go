package writers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus/hooks/test"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/evidence/witness"
	"posthouse/internal/clock"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
)

// mailboxes are what they hold, and whether they can be read.
type mailboxes struct {
	heads  []bridge.Head
	broken map[cutover.MailboxID]bool
}

func (mailboxes) Progress() []bridge.Progress {
	return []bridge.Progress{{Mailbox: "anna@example.com", Caught: time.Now()}, {Mailbox: "bob@example.com", Caught: time.Now()}}
}

func (b mailboxes) Past(_ context.Context, m cutover.MailboxID, _ time.Time, from map[string]ledger.Place, _ []string, took func(string, []bridge.Head, ledger.Place) error) error {
	if b.broken[m] {
		return errors.New("no")
	}
	if from["INBOX"].Ref != "" {
		return nil
	}
	return took("INBOX", b.heads, ledger.Place{Ref: "9"})
}

func (b mailboxes) News(_ context.Context, m cutover.MailboxID, from ledger.Place, _ []string) ([]bridge.Head, ledger.Place, bool, error) {
	switch {
	case b.broken[m]:
		return nil, from, false, errors.New("no")
	case from.Ref == "":
		return nil, ledger.Place{Ref: "1"}, false, nil
	case from.Ref == "1" && len(b.heads) > 0:
		return b.heads, ledger.Place{Ref: "9"}, false, nil
	}
	return nil, from, false, nil
}

func head(host, message string, at time.Time) bridge.Head {
	stamp := at.Format(time.RFC1123Z)
	h := fmt.Sprintf("Return-Path: <x@%s>\r\nReceived: from mx.example.com by mx.example.com with LMTP; %s\r\nReceived: from %s (%s [198.51.100.7])\r\n\tby mx.example.com with ESMTPS; %s\r\n", host, stamp, host, host, stamp)
	return bridge.Head{Item: cutover.Item{Date: at, Identity: cutover.Identity{MessageID: message}}, Header: []byte(h)}
}

// configured is a Config over these mailboxes, and the ledger behind it.
func configured(t *testing.T, b mailboxes) (Config, ledger.Ledger) {
	t.Helper()
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	w, err := witness.Open(t.Context(), witness.Config{Ledger: l}, time.Now(), nil)
	must(t, err)
	log, _ := test.NewNullLogger()
	return Config{
		Bridge: b, Witness: w, Facts: l, Askable: func(cutover.MailboxID, cutover.Side) bool { return true }, Switched: func() time.Time { return time.Time{} },
		Domains: func() []string { return []string{"example.com"} }, Ours: func(m string) bool { return m == "<ours@x>" }, Clock: clock.Real(), Log: log,
	}, l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What was found counts once every mailbox was read, each message once, and after a restart.
func TestPastCountsOnceAllIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().Add(-30 * 24 * time.Hour)
		b := mailboxes{broken: map[cutover.MailboxID]bool{"bob@example.com": true}}
		b.heads = []bridge.Head{head("mail.partner.example", "<a@x>", at), head("mail.partner.example", "<b@x>", at.Add(time.Hour)), head("mx.ours.example", "<ours@x>", at)}
		cfg, _ := configured(t, b)
		past, err := OpenPast(t.Context(), cfg)
		must(t, err)
		must(t, past.Look(t.Context()))
		if s := past.State(); s != (State{Mailboxes: 2, Read: 1, Messages: 2, Systems: 1}) {
			t.Errorf("half of it is read: %+v", s)
		}
		delete(b.broken, "bob@example.com") // who got the same messages
		must(t, past.Look(t.Context()))
		again, err := OpenPast(t.Context(), cfg)
		must(t, err)
		for _, p := range []*Past{past, again} {
			if s := p.State(); s != (State{Mailboxes: 2, Read: 2, Messages: 2, Systems: 1, Counts: true}) {
				t.Errorf("all is read: %+v", s)
			}
		}
	})
}

// What reaches the cloud is told once, and a round in which a mailbox could not be read covers nothing.
func TestNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mailboxes{heads: []bridge.Head{head("mail.partner.example", "<a@x>", time.Now())}, broken: map[cutover.MailboxID]bool{}}
		cfg, l := configured(t, b)
		news := NewNews(cfg)
		look := func(covered time.Duration, told int) {
			t.Helper()
			must(t, news.Look(t.Context()))
			var all []evidence.Observation
			must(t, l.Observations(t.Context(), time.Time{}, func(o evidence.Observation) bool { all = append(all, o); return true }))
			moved := !slices.ContainsFunc(all, func(o evidence.Observation) bool { return o.Class != evidence.Moved })
			if got := cfg.Witness.Snapshot().Coverage(evidence.CloudSource).Length(); got != covered || len(all) != told || !moved {
				t.Errorf("%v covered, want %v; told %+v", got, covered, all)
			}
			time.Sleep(time.Hour)
		}
		look(0, 0) // it begins at the end
		b.broken["bob@example.com"] = true
		look(0, 1)
		delete(b.broken, "bob@example.com")
		look(2*time.Hour, 2) // to each of them
		look(3*time.Hour, 2)
	})
}
