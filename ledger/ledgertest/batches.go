package ledgertest

import (
	"testing"

	"posthouse/cutover"
	"posthouse/ledger"
)

func allStreams(t *testing.T, s suite) {
	l := s.fresh(t)
	f, other := pair(t, l, "INBOX"), pair(t, l, "Sent")
	var want []ledger.Item
	for n := 0; n < 700; n += 100 {
		_, err := l.Settle(ctx(t), other, items(other, n, n+50), nil)
		must(t, err)
		// Newest first, as a backfill works.
		stored, err := l.Settle(ctx(t), f, items(f, 700-n-100, 700-n), nil)
		must(t, err)
		want = append(want, stored...)
	}
	var got []ledger.Item
	must(t, l.All(ctx(t), f, func(i ledger.Item) bool {
		if len(got) == 5 {
			// The ledger can be used while it streams.
			if found := known(t, l, i); found.ID != i.ID {
				t.Errorf("looked up %d while streaming, got %d", i.ID, found.ID)
			}
		}
		got = append(got, i)
		return true
	}))
	equal(t, "all", got, want)
	count := 0
	must(t, l.All(ctx(t), f, func(ledger.Item) bool { count++; return count < 130 }))
	if count != 130 {
		t.Errorf("yielded %d after being told to stop at 130", count)
	}
}

func largeBatches(t *testing.T, s suite) {
	l := s.fresh(t)
	f := pair(t, l, "INBOX")
	for _, size := range []int{1, 31, 32, 33, 500} {
		from := size * 10000
		intended, err := l.Intend(ctx(t), items(f, from, from+size))
		must(t, err)
		for i := range intended {
			intended[i].Disposition = cutover.Copied
			intended[i].Cloud = ledger.Place{Validity: "9", Ref: intended[i].Legacy.Ref}
		}
		settled, err := l.Settle(ctx(t), f, intended, nil)
		must(t, err)
		checkBatch(t, l, f, settled)
	}
}

// checkBatch finds all rows by reference, by key and by cloud place.
func checkBatch(t *testing.T, l ledger.Ledger, f ledger.FolderID, rows []ledger.Item) {
	t.Helper()
	var refs []cutover.Ref
	var keys []cutover.Key
	var places []ledger.Place
	want, claimed := map[cutover.Ref]ledger.Item{}, map[ledger.Place]ledger.ItemID{}
	for _, i := range rows {
		refs, keys, places = append(refs, i.Legacy.Ref), append(keys, i.Identity.Key), append(places, i.Cloud)
		want[i.Legacy.Ref], claimed[i.Cloud] = i, i.ID
	}
	equal(t, "by reference", get[map[cutover.Ref]ledger.Item](t)(l.Known(ctx(t), f, "1700000000", refs)), want)
	equal(t, "by key", get[[]ledger.Item](t)(l.ByKey(ctx(t), anna, keys)), rows)
	equal(t, "claimed", get[map[ledger.Place]ledger.ItemID](t)(l.Claimed(ctx(t), f, places)), claimed)
}

func tallyFollows(t *testing.T, s suite) {
	l := s.fresh(t)
	f, other := pair(t, l, "INBOX"), pair(t, l, "Sent")
	check := func(when string) {
		t.Helper()
		want := ledger.Tally{Items: map[cutover.Disposition]int{}, Bytes: map[cutover.Disposition]int64{}}
		for _, folder := range []ledger.FolderID{f, other} {
			must(t, l.All(ctx(t), folder, func(i ledger.Item) bool {
				want.Items[i.Disposition]++
				want.Bytes[i.Disposition] += i.Size
				if i.Repaired() {
					want.Repaired++
				}
				return true
			}))
		}
		equal(t, when, get[ledger.Tally](t)(l.Tally(ctx(t), anna)), want)
	}
	check("empty")
	intended, err := l.Intend(ctx(t), append(items(f, 1, 50), items(other, 1, 10)...))
	must(t, err)
	check("intended")
	for i := range intended[:20] {
		intended[i].Disposition, intended[i].Size = cutover.Adopted, intended[i].Size+1
	}
	_, err = l.Settle(ctx(t), f, append(items(f, 60, 70), intended[:20]...), nil)
	must(t, err)
	check("settled")
	must(t, l.Forget(ctx(t), []ledger.ItemID{intended[0].ID, intended[30].ID, intended[31].ID}))
	check("forgotten")
	// A row that moves to another folder, and one that stands twice in a change.
	moved := intended[40]
	moved.Folder, moved.Disposition, moved.Legacy.Ref = other, cutover.Copied, "777"
	again := moved
	again.Size, again.Disposition = 5, cutover.Merged
	_, err = l.Settle(ctx(t), other, []ledger.Item{moved, again}, nil)
	must(t, err)
	check("moved")
	mended := moved
	mended.Note = ledger.RepairedNote + "NUL octets"
	for _, change := range [][]ledger.Item{{mended}, {moved}, {mended}} {
		_, err = l.Settle(ctx(t), other, change, nil)
		must(t, err)
		check("repaired, or not")
	}
	_, err = l.Settle(ctx(t), f, []ledger.Item{item(f, 100), item(f, 60)}, nil)
	wants(t, err, ledger.ErrExists)
	check("failed")
	mail := get[ledger.Tally](t)(l.Tally(ctx(t), anna))
	calendar := get[ledger.FolderPair](t)(l.Pair(ctx(t), ledger.FolderPair{Mailbox: anna, Kind: cutover.Calendar, Legacy: cutover.FolderPath{"INBOX"}}))
	event := item(calendar.ID, 1)
	event.Disposition, event.Size = cutover.Copied, 7
	_, err = l.Settle(ctx(t), calendar.ID, []ledger.Item{event}, nil)
	must(t, err)
	equal(t, "mail alone", get[ledger.Tally](t)(l.Tally(ctx(t), anna, cutover.Mail)), mail)
	equal(t, "events alone", get[ledger.Tally](t)(l.Tally(ctx(t), anna, cutover.Calendar, cutover.Contacts)),
		ledger.Tally{Items: map[cutover.Disposition]int{cutover.Copied: 1}, Bytes: map[cutover.Disposition]int64{cutover.Copied: 7}})
	if both := get[ledger.Tally](t)(l.Tally(ctx(t), anna)); both.Items[cutover.Copied] != mail.Items[cutover.Copied]+1 {
		t.Errorf("all kinds: %+v", both)
	}
	equal(t, "a stranger's tally", get[ledger.Tally](t)(l.Tally(ctx(t), ben)),
		ledger.Tally{Items: map[cutover.Disposition]int{}, Bytes: map[cutover.Disposition]int64{}})
}
