package ledgertest

import (
	"fmt"
	"testing"

	"posthouse/cutover"
	"posthouse/ledger"
)

func pairs(t *testing.T, s suite) {
	l := s.fresh(t)
	ask := ledger.FolderPair{
		Mailbox: anna, Kind: cutover.Mail, Role: cutover.Archive, Legacy: cutover.FolderPath{"Projekte", `a/b "c"`, "2019"}, Cloud: cutover.FolderPath{"Projects"},
	}
	made := get[ledger.FolderPair](t)(l.Pair(ctx(t), ask))
	want := ask
	want.ID = made.ID
	equal(t, "new pair", made, want)
	if made.ID == 0 {
		t.Error("a new pair has no id")
	}
	ask.Cloud, ask.Role = cutover.FolderPath{"Elsewhere"}, cutover.Trash
	equal(t, "existing pair", get[ledger.FolderPair](t)(l.Pair(ctx(t), ask)), want)

	inbox := pair(t, l, "INBOX")
	calendar := get[ledger.FolderPair](t)(l.Pair(ctx(t), ledger.FolderPair{Mailbox: anna, Kind: cutover.Calendar, Legacy: cutover.FolderPath{"INBOX"}}))
	if calendar.ID == inbox {
		t.Error("a calendar and a mail folder of one name are one pair")
	}
	bens := get[ledger.FolderPair](t)(l.Pair(ctx(t), ledger.FolderPair{Mailbox: ben, Kind: cutover.Mail, Legacy: cutover.FolderPath{"INBOX"}}))
	if bens.ID == inbox {
		t.Error("two mailboxes share a pair")
	}
	all := get[[]ledger.FolderPair](t)(l.Pairs(ctx(t), anna))
	if len(all) != 3 || all[0].ID != made.ID || all[1].ID != inbox || all[2].ID != calendar.ID {
		t.Errorf("Anna's pairs are %+v", all)
	}
	equal(t, "pairs of a stranger", get[[]ledger.FolderPair](t)(l.Pairs(ctx(t), "x@example.com")), []ledger.FolderPair(nil))
}

// fullItem has a value in every field.
func fullItem(f ledger.FolderID) ledger.Item {
	return ledger.Item{
		Folder: f, Legacy: ledger.Place{Validity: "1700000000", Ref: "4711"},
		Identity: cutover.Identity{Key: key(1), Loose: key(2), Trace: "01HQ.ABC"}, Size: 12345, Digest: digest(1),
		Flags: cutover.NewFlags(`\Seen`, "$Forwarded"), Version: "modseq 7", Disposition: cutover.Adopted,
		Cloud: ledger.Place{Validity: "9", Ref: "12"}, CloudFlags: cutover.NewFlags(`\Seen`), Tail: "13", Capture: captureID(1), Note: "repaired: bare LF",
	}
}

func known(t *testing.T, l ledger.Ledger, i ledger.Item) ledger.Item {
	t.Helper()
	found, err := l.Known(ctx(t), i.Folder, i.Legacy.Validity, []cutover.Ref{i.Legacy.Ref})
	must(t, err)
	return found[i.Legacy.Ref]
}

func itemRoundTrip(t *testing.T, s suite) {
	l := s.fresh(t)
	f := pair(t, l, "INBOX")
	bare := ledger.Item{Folder: f, Legacy: ledger.Place{Validity: "1", Ref: "1"}, Disposition: cutover.Skipped}
	for _, want := range []ledger.Item{fullItem(f), bare} {
		stored, err := l.Settle(ctx(t), f, []ledger.Item{want}, nil)
		must(t, err)
		want.ID = stored[0].ID
		equal(t, "settled", stored[0], want)
		equal(t, "read back", known(t, l, want), want)

		// Everything changes but the row.
		want.Legacy, want.Identity = ledger.Place{Validity: "2", Ref: want.Legacy.Ref + "9"}, cutover.Identity{Loose: key(5)}
		want.Size, want.Digest, want.Flags, want.Version, want.Disposition = 1, digest(9), nil, "v2", cutover.Refused
		want.Cloud, want.CloudFlags, want.Tail, want.Capture, want.Note = ledger.Place{}, nil, "", "", "saved as x.eml"
		_, err = l.Settle(ctx(t), f, []ledger.Item{want}, nil)
		must(t, err)
		equal(t, "written over", known(t, l, want), want)
	}
}

func intendSettleForget(t *testing.T, s suite) {
	l := s.fresh(t)
	f, other := pair(t, l, "INBOX"), pair(t, l, "Sent")
	intended, err := l.Intend(ctx(t), items(f, 1, 6))
	must(t, err)
	for n, i := range intended {
		if i.ID == 0 || i.Disposition != cutover.Intended || i.Legacy.Ref != cutover.Ref(fmt.Sprint(n+1)) {
			t.Errorf("intended %+v", i)
		}
	}
	equal(t, "unsettled", get[[]ledger.Item](t)(l.Unsettled(ctx(t), f)), intended)
	equal(t, "unsettled elsewhere", get[[]ledger.Item](t)(l.Unsettled(ctx(t), other)), []ledger.Item(nil))
	_, err = l.Intend(ctx(t), []ledger.Item{item(f, 9), item(f, 3)})
	wants(t, err, ledger.ErrExists)

	intended[0].Disposition, intended[0].Cloud = cutover.Copied, ledger.Place{Validity: "9", Ref: "1"}
	_, err = l.Settle(ctx(t), f, intended[:1], nil)
	must(t, err)
	// The first is settled by now, so forgetting it does nothing.
	must(t, l.Forget(ctx(t), []ledger.ItemID{intended[0].ID, intended[1].ID, intended[4].ID}))
	equal(t, "unsettled", get[[]ledger.Item](t)(l.Unsettled(ctx(t), f)), intended[2:4])
	equal(t, "settled", known(t, l, intended[0]), intended[0])
	equal(t, "forgotten", known(t, l, intended[1]), ledger.Item{})
	if _, err := l.Intend(ctx(t), []ledger.Item{item(f, 2)}); err != nil {
		t.Errorf("intending a forgotten item again: %v", err)
	}
}

func settleIsOneChange(t *testing.T, s suite) {
	l := s.fresh(t)
	f := pair(t, l, "INBOX")
	cursor := ledger.Cursor("uid 5")
	stored, err := l.Settle(ctx(t), f, items(f, 1, 3), &cursor)
	must(t, err)
	changed := stored[0]
	changed.Note = "changed"
	missing := item(f, 8)
	missing.ID = stored[1].ID + 1000
	next := ledger.Cursor("uid 9")
	for _, bad := range []struct {
		name string
		rows []ledger.Item
		want error
	}{
		{"a row that does not exist", []ledger.Item{changed, missing}, ledger.ErrNotFound},
		{"a reference twice", []ledger.Item{changed, item(f, 7), item(f, 7)}, ledger.ErrExists},
		{"a folder that does not exist", []ledger.Item{changed, item(f+1000, 7)}, ledger.ErrNotFound},
	} {
		_, err := l.Settle(ctx(t), f, bad.rows, &next)
		wants(t, err, bad.want)
		equal(t, bad.name+": the good row", known(t, l, changed), stored[0])
		equal(t, bad.name+": the new row", known(t, l, item(f, 7)), ledger.Item{})
		if got := get[ledger.Cursor](t)(l.Cursor(ctx(t), f)); got != cursor {
			t.Errorf("%s: the cursor is %q, want %q", bad.name, got, cursor)
		}
	}
	_, err = l.Settle(ctx(t), f+1000, nil, &next)
	wants(t, err, ledger.ErrNotFound)
}

func referenceShapes(t *testing.T, s suite) {
	l := s.fresh(t)
	f := pair(t, l, "INBOX")
	var rows []ledger.Item
	refs := []cutover.Ref{"1", "01", "0", "00", "-1", "4294967295", "999999999999999999", "9223372036854775807", "18446744073709551616", "1.0", "1e3", " 1",
		"/dav/anna/Kalender/ä%20b.ics", "0x10", ""}
	for n, ref := range refs {
		i := item(f, n)
		i.Legacy.Ref = ref
		i.Cloud = ledger.Place{Validity: string(ref), Ref: "c" + ref}
		rows = append(rows, i)
	}
	stored, err := l.Settle(ctx(t), f, rows, nil)
	must(t, err)
	found, err := l.Known(ctx(t), f, "1700000000", append(refs, "2", "000"))
	must(t, err)
	if len(found) != len(refs) {
		t.Errorf("found %d of %d references", len(found), len(refs))
	}
	for n, ref := range refs {
		equal(t, fmt.Sprintf("reference %q", ref), found[ref], stored[n])
	}
	equal(t, "another validity", get[map[cutover.Ref]ledger.Item](t)(l.Known(ctx(t), f, "1700000001", refs)), map[cutover.Ref]ledger.Item{})
	equal(t, "another folder", get[map[cutover.Ref]ledger.Item](t)(l.Known(ctx(t), pair(t, l, "Sent"), "1700000000", refs)), map[cutover.Ref]ledger.Item{})
}

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
	_, err = l.Settle(ctx(t), f, []ledger.Item{item(f, 100), item(f, 60)}, nil)
	wants(t, err, ledger.ErrExists)
	check("failed")
	equal(t, "a stranger's tally", get[ledger.Tally](t)(l.Tally(ctx(t), ben)),
		ledger.Tally{Items: map[cutover.Disposition]int{}, Bytes: map[cutover.Disposition]int64{}})
}

func cursors(t *testing.T, s suite) {
	l := s.fresh(t)
	f, other := pair(t, l, "INBOX"), pair(t, l, "Sent")
	if got := get[ledger.Cursor](t)(l.Cursor(ctx(t), f)); got != "" {
		t.Errorf("a new folder's cursor is %q", got)
	}
	cursor := ledger.Cursor(`{"validity":7,"done":"1:5"}`)
	_, err := l.Settle(ctx(t), f, items(f, 1, 3), &cursor)
	must(t, err)
	_, err = l.Settle(ctx(t), f, items(f, 3, 4), nil)
	must(t, err)
	if got := get[ledger.Cursor](t)(l.Cursor(ctx(t), f)); got != cursor {
		t.Errorf("the cursor is %q, want %q", got, cursor)
	}
	if got := get[ledger.Cursor](t)(l.Cursor(ctx(t), other)); got != "" {
		t.Errorf("the other folder's cursor is %q", got)
	}
	must(t, l.Reset(ctx(t), f))
	if got := get[ledger.Cursor](t)(l.Cursor(ctx(t), f)); got != "" {
		t.Errorf("after Reset the cursor is %q", got)
	}
	if known(t, l, item(f, 2)).ID == 0 {
		t.Error("Reset took the rows with it")
	}
	_, err = l.Cursor(ctx(t), f+1000)
	wants(t, err, ledger.ErrNotFound)
	wants(t, l.Reset(ctx(t), f+1000), ledger.ErrNotFound)
}
