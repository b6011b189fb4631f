package ledgertest

import (
	"bytes"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// survivesRestart writes one of everything and reads it back from the ledger opened again.
func survivesRestart(t *testing.T, s suite) {
	if s.reopen == nil {
		t.Skip("this ledger keeps nothing")
	}
	l := s.open(t)
	large := content(1, 300<<10)
	stored := append(keep(t, l, capture(1), []byte("small"), delivery(ledger.Sending, noon)), keep(t, l, capture(2), large, delivery(ledger.Due, noon))...)
	f := pair(t, l, "INBOX")
	cursor := ledger.Cursor("uid 9")
	settled, err := l.Settle(ctx(t), f, items(f, 1, 40), &cursor)
	must(t, err)
	intended, err := l.Intend(ctx(t), items(f, 50, 52))
	must(t, err)
	coverage := []evidence.Coverage{{Source: "log", Span: evidence.Span{From: noon, To: noon.Add(time.Hour)}}}
	must(t, l.Testify(ctx(t), []evidence.Observation{observation(5)}, coverage, &ledger.Offset{Source: "log", Position: "7"}))
	must(t, l.SetFact(ctx(t), "name", "value"))
	must(t, l.NoteUnknown(ctx(t), "old@example.com", noon))
	claim, _, err := l.Claim(ctx(t), anna, "host a", noon, time.Minute)
	must(t, err)
	stored[1].State, stored[1].Since = ledger.Held, noon.Add(time.Minute)
	must(t, l.Act(ctx(t), "held by root", stored[1]))
	secret := get[[]byte](t)(l.TraceKey(ctx(t)))

	l = s.reopen(t, l)
	t.Cleanup(func() { must(t, l.Close()) })
	if !bytes.Equal(read(t, l, captureID(1)), []byte("small")) || !bytes.Equal(read(t, l, captureID(2)), large) {
		t.Error("a body came back otherwise")
	}
	equal(t, "deliveries", get[[]ledger.Delivery](t)(l.Deliveries(ctx(t), ledger.DeliveryFilter{})), stored)
	again, repeated, err := l.Repeated(ctx(t), capture(2).Repeat, noon)
	must(t, err)
	equal(t, "a repeated transaction", repeated, true)
	equal(t, "the capture that it repeats", again, captureID(2))
	equal(t, "items by key", len(get[[]ledger.Item](t)(l.ByKey(ctx(t), anna, []cutover.Key{settled[3].Identity.Match()}))), 1)
	equal(t, "backlog", get[map[ledger.DeliveryState]int](t)(l.Backlog(ctx(t))), map[ledger.DeliveryState]int{ledger.Sending: 1, ledger.Held: 1})
	equal(t, "history", len(get[[]ledger.Event](t)(l.History(ctx(t), captureID(2)))), 1)
	equal(t, "cursor", get[ledger.Cursor](t)(l.Cursor(ctx(t), f)), cursor)
	equal(t, "an item", known(t, l, settled[7]), settled[7])
	equal(t, "unsettled", get[[]ledger.Item](t)(l.Unsettled(ctx(t), f)), intended)
	tally := get[ledger.Tally](t)(l.Tally(ctx(t), anna))
	equal(t, "tally", tally.Items, map[cutover.Disposition]int{cutover.Copied: len(settled), cutover.Intended: len(intended)})
	equal(t, "coverage", get[[]evidence.Coverage](t)(l.Coverage(ctx(t), noon)), coverage)
	equal(t, "observations", len(observed(t, l, time.Time{})), 3)
	equal(t, "fact", get[string](t)(l.Fact(ctx(t), "name")), "value")
	equal(t, "trace key", get[[]byte](t)(l.TraceKey(ctx(t))), secret)
	equal(t, "unknown recipients", len(get[[]ledger.UnknownRecipient](t)(l.UnknownRecipients(ctx(t)))), 1)
	must(t, l.Release(ctx(t), claim))
	continueAfter(t, l, f, stored, intended)
}

// continueAfter writes on: new rows must get ids of their own.
func continueAfter(t *testing.T, l ledger.Ledger, f ledger.FolderID, stored []ledger.Delivery, intended []ledger.Item) {
	t.Helper()
	fresh := keep(t, l, capture(3), []byte("x"), delivery(ledger.Due, noon))
	if fresh[0].ID <= stored[len(stored)-1].ID {
		t.Errorf("delivery id %d was given before", fresh[0].ID)
	}
	more, err := l.Settle(ctx(t), f, items(f, 60, 61), nil)
	must(t, err)
	if more[0].ID <= intended[len(intended)-1].ID {
		t.Errorf("item id %d was given before", more[0].ID)
	}
	equal(t, "again backlog", get[map[ledger.DeliveryState]int](t)(l.Backlog(ctx(t))), map[ledger.DeliveryState]int{ledger.Sending: 1, ledger.Held: 1, ledger.Due: 1})
	if n := get[int](t)(l.Reopen(ctx(t), noon)); n != 1 {
		t.Errorf("reopened %d, want 1", n)
	}
}
