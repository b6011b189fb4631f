package ledgertest

import (
	"fmt"
	"testing"

	"posthouse/cutover"
	"posthouse/ledger"
)

func byKey(t *testing.T, s suite) {
	l := s.fresh(t)
	f, sent := pair(t, l, "INBOX"), pair(t, l, "Sent")
	bens := get[ledger.FolderPair](t)(l.Pair(ctx(t), ledger.FolderPair{Mailbox: ben, Kind: cutover.Mail, Legacy: cutover.FolderPath{"INBOX"}}))
	loose := item(f, 2)
	loose.Identity = cutover.Identity{Loose: key(50)}
	keyless := item(f, 3)
	keyless.Identity = cutover.Identity{}
	stored, err := l.Settle(ctx(t), f, []ledger.Item{item(f, 1), loose, keyless, item(sent, 1), item(bens.ID, 1)}, nil)
	must(t, err)
	tests := []struct {
		name string
		keys []cutover.Key
		want []ledger.Item
	}{
		{"key, in every folder of the mailbox", []cutover.Key{key(1)}, []ledger.Item{stored[0], stored[3]}},
		{"loose key where there is no key", []cutover.Key{key(50)}, stored[1:2]},
		{"not by the loose key of one that has a key", []cutover.Key{key(1001)}, nil},
		{"the zero key matches nothing", []cutover.Key{{}}, nil},
		{"a key twice", []cutover.Key{key(1), {}, key(50), key(1)}, []ledger.Item{stored[0], stored[1], stored[3]}},
		{"none", nil, nil},
	}
	for _, test := range tests {
		equal(t, test.name, get[[]ledger.Item](t)(l.ByKey(ctx(t), anna, test.keys)), test.want)
	}
}

func claimedPlaces(t *testing.T, s suite) {
	l := s.fresh(t)
	f := pair(t, l, "INBOX")
	elsewhere := pair(t, l, "Sent")
	joinedPair := get[ledger.FolderPair](t)(l.Pair(ctx(t), ledger.FolderPair{
		Mailbox: anna, Kind: cutover.Mail, Legacy: cutover.FolderPath{"Old inbox"}, Cloud: cutover.FolderPath{"INBOX"},
	}))
	at := func(i ledger.Item, ref cutover.Ref, d cutover.Disposition) ledger.Item {
		i.Cloud, i.Disposition = ledger.Place{Validity: "9", Ref: ref}, d
		return i
	}
	stored, err := l.Settle(ctx(t), f, []ledger.Item{
		at(item(f, 1), "1", cutover.Copied), at(item(f, 2), "2", cutover.Adopted), at(item(f, 3), "3", cutover.Captured),
		at(item(f, 4), "4", cutover.Merged), item(f, 5), at(item(joinedPair.ID, 6), "6", cutover.Copied), at(item(elsewhere, 7), "7", cutover.Copied),
	}, nil)
	must(t, err)
	place := func(ref cutover.Ref) ledger.Place { return ledger.Place{Validity: "9", Ref: ref} }
	var asked []ledger.Place
	for n := range 300 {
		asked = append(asked, place(cutover.Ref(fmt.Sprint(n))))
	}
	asked = append(asked, ledger.Place{Validity: "8", Ref: "1"}, ledger.Place{})
	want := map[ledger.Place]ledger.ItemID{
		place("1"): stored[0].ID, place("2"): stored[1].ID, place("3"): stored[2].ID, place("6"): stored[5].ID,
	}
	equal(t, "claimed in INBOX", get[map[ledger.Place]ledger.ItemID](t)(l.Claimed(ctx(t), f, asked)), want)
	equal(t, "claimed as seen from the other pair", get[map[ledger.Place]ledger.ItemID](t)(l.Claimed(ctx(t), joinedPair.ID, asked)), want)
}

func cloudPlaceOwner(t *testing.T, s suite) {
	l := s.fresh(t)
	f := pair(t, l, "INBOX")
	with := func(n int, d cutover.Disposition) ledger.Item {
		i := item(f, n)
		i.Cloud, i.Disposition = ledger.Place{Validity: "9", Ref: "1"}, d
		return i
	}
	stored, err := l.Settle(ctx(t), f, []ledger.Item{with(1, cutover.Copied)}, nil)
	must(t, err)
	for _, d := range []cutover.Disposition{cutover.Copied, cutover.Adopted} {
		_, err := l.Settle(ctx(t), f, []ledger.Item{with(2, d)}, nil)
		wants(t, err, ledger.ErrExists)
	}
	// Several legacy copies may have come by one capture, or been merged into one copy by the cloud.
	_, err = l.Settle(ctx(t), f, []ledger.Item{with(3, cutover.Captured), with(4, cutover.Captured), with(5, cutover.Merged), with(6, cutover.Merged)}, nil)
	must(t, err)
	// The owner gives the place up in the change in which another takes it.
	stored[0].Cloud.Ref = "2"
	_, err = l.Settle(ctx(t), f, []ledger.Item{with(7, cutover.Adopted), stored[0]}, nil)
	must(t, err)
}
