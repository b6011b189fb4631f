package ledgertest

import (
	"testing"

	"posthouse/cutover"
	"posthouse/ledger"
)

func expectedByKeyAndID(t *testing.T, s suite) {
	l := s.fresh(t)
	of := func(m cutover.MailboxID, side cutover.Side, required bool, state ledger.DeliveryState) ledger.Delivery {
		d := delivery(state, noon)
		d.Mailbox, d.Side, d.Required = m, side, required
		return d
	}
	seen := func(d ledger.Delivery) ledger.Delivery { d.Seen = "INBOX UID 7"; return d }
	loose := capture(2)
	loose.Identity = cutover.Identity{Loose: key(70), Trace: "t"}
	keyless := capture(3)
	keyless.Identity = cutover.Identity{}
	teed := capture(4)
	teed.Identity = cutover.Identity{Key: key(4)}
	first := keep(t, l, capture(1), []byte("x"),
		of(anna, cutover.Cloud, true, ledger.Accepted), of(anna, cutover.Legacy, true, ledger.Due), of(anna, cutover.Cloud, false, ledger.Due),
		of(ben, cutover.Cloud, true, ledger.Due), of(anna, cutover.Cloud, true, ledger.Held))
	second := keep(t, l, loose, []byte("x"), seen(of(anna, cutover.Cloud, true, ledger.Settled)))
	third := keep(t, l, keyless, []byte("x"), of(anna, cutover.Cloud, true, ledger.Due))
	fourth := keep(t, l, teed, []byte("x"), of(anna, cutover.Cloud, true, ledger.Due), of(anna, cutover.Legacy, false, ledger.Due), of(ben, cutover.Cloud, true, ledger.Due))
	row := func(d ledger.Delivery, c ledger.Capture) ledger.Expected {
		return ledger.Expected{Delivery: d.ID, Capture: c.ID, Identity: c.Identity, Digest: c.Digest, State: d.State, Seen: d.Seen}
	}
	one, two, three := []ledger.Expected{row(first[0], capture(1)), row(first[4], capture(1))}, row(second[0], loose), row(third[0], keyless)
	four := row(fourth[0], teed)
	four.Teed = true
	tests := []struct {
		name     string
		mailbox  cutover.MailboxID
		keys     []cutover.Key
		captures []cutover.CaptureID
		want     []ledger.Expected
	}{
		{"by key", anna, []cutover.Key{key(1)}, nil, one},
		{"by loose key where there is no key", anna, []cutover.Key{key(70)}, nil, []ledger.Expected{two}},
		{"not by the loose key of one that has a key", anna, []cutover.Key{key(1001)}, nil, nil},
		{"the zero key matches nothing", anna, []cutover.Key{{}}, nil, nil},
		{"by id", anna, nil, []cutover.CaptureID{captureID(3)}, []ledger.Expected{three}},
		{"by both, once each", anna, []cutover.Key{key(1), key(70), key(999)}, []cutover.CaptureID{captureID(1), captureID(3), captureID(9)},
			append(append([]ledger.Expected{}, one...), two, three)},
		{"the other mailbox", ben, []cutover.Key{key(1), key(70)}, []cutover.CaptureID{captureID(1)}, []ledger.Expected{row(first[3], capture(1))}},
		{"one with a tee", anna, []cutover.Key{key(4)}, nil, []ledger.Expected{four}},
		{"another mailbox's tee does not count", ben, []cutover.Key{key(4)}, nil, []ledger.Expected{row(fourth[2], teed)}},
		{"nothing asked", anna, nil, nil, nil},
	}
	for _, test := range tests {
		equal(t, test.name, get[[]ledger.Expected](t)(l.Expected(ctx(t), test.mailbox, test.keys, test.captures)), test.want)
	}
}

func joined(t *testing.T, s suite) {
	l := s.fresh(t)
	to := func(m cutover.MailboxID) ledger.Delivery {
		d := delivery(ledger.Accepted, noon)
		d.Mailbox = m
		return d
	}
	keep(t, l, capture(1), []byte("x"), to(anna), to(ben))
	keep(t, l, capture(2), []byte("x"), to(anna))
	f, sent := pair(t, l, "INBOX"), pair(t, l, "Sent")
	bens := get[ledger.FolderPair](t)(l.Pair(ctx(t), ledger.FolderPair{Mailbox: ben, Kind: cutover.Mail, Legacy: cutover.FolderPath{"INBOX"}}))
	by := func(i ledger.Item, id cutover.CaptureID) ledger.Item {
		i.Capture, i.Disposition = id, cutover.Captured
		return i
	}
	stored, err := l.Settle(ctx(t), f, []ledger.Item{by(item(f, 1), captureID(1)), item(f, 2), by(item(sent, 3), captureID(1)), by(item(bens.ID, 4), captureID(1))}, nil)
	must(t, err)
	of := func(m cutover.MailboxID, id cutover.CaptureID) []ledger.ItemID {
		t.Helper()
		found := get[[]ledger.Expected](t)(l.Expected(ctx(t), m, nil, []cutover.CaptureID{id}))
		if len(found) != 1 {
			t.Fatalf("%d expected, want 1", len(found))
		}
		return found[0].Joined
	}
	equal(t, "Anna's", of(anna, captureID(1)), []ledger.ItemID{stored[0].ID, stored[2].ID})
	equal(t, "Ben's", of(ben, captureID(1)), []ledger.ItemID{stored[3].ID})
	equal(t, "nobody joined", of(anna, captureID(2)), []ledger.ItemID(nil))
	stored[0].Capture = ""
	_, err = l.Settle(ctx(t), f, stored[:1], nil)
	must(t, err)
	equal(t, "after one left", of(anna, captureID(1)), []ledger.ItemID{stored[2].ID})
}
