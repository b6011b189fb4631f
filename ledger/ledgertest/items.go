package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
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
		Cloud: ledger.Place{Validity: "9", Ref: "12"}, CloudFlags: cutover.NewFlags(`\Seen`), Tail: "13", Capture: captureID(1), Note: "repaired: bare LF", CloudVersion: `"etag 3"`,
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
		want.Cloud, want.CloudFlags, want.Tail, want.Capture, want.Note, want.CloudVersion = ledger.Place{}, nil, "", "", "saved as x.eml", `"4"`
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

// settleRecordsNews: an item's use becomes an observation with its outcome, together with it or not at all, and once.
func settleRecordsNews(t *testing.T, s suite) {
	l := s.fresh(t)
	f := pair(t, l, "INBOX")
	recorded := func() (all []evidence.Observation) {
		t.Helper()
		must(t, l.Observations(ctx(t), time.Time{}, func(o evidence.Observation) bool { all = append(all, o); return true }))
		return all
	}
	rows := items(f, 1, 4)
	first, third := observation(1), observation(3)
	rows[0].News, rows[2].News = &first, &third
	intended, err := l.Intend(ctx(t), rows)
	must(t, err)
	equal(t, "intended", get[[]ledger.Item](t)(l.Unsettled(ctx(t), f)), intended)
	equal(t, "recorded of what is intended", recorded(), []evidence.Observation(nil))

	intended[0].Disposition = cutover.Copied
	_, err = l.Settle(ctx(t), f, []ledger.Item{intended[0], item(f, 3)}, nil)
	wants(t, err, ledger.ErrExists)
	equal(t, "recorded by what failed", recorded(), []evidence.Observation(nil))

	settled, err := l.Settle(ctx(t), f, intended[:2], nil)
	must(t, err)
	equal(t, "recorded", recorded(), []evidence.Observation{first})
	want := intended[0]
	want.News = nil
	equal(t, "settled", settled[0], want)
	equal(t, "read back", known(t, l, want), want)
	_, err = l.Settle(ctx(t), f, settled[:1], nil)
	must(t, err)
	must(t, l.Forget(ctx(t), []ledger.ItemID{intended[2].ID}))
	equal(t, "recorded in the end", recorded(), []evidence.Observation{first})
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
