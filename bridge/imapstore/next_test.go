package imapstore_test

import (
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

func nextOf(t *testing.T, store bridge.Store) bridge.Batch {
	t.Helper()
	b, err := store.Next(t.Context(), inbox, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNextOddItem: go-imap gives up over an item that it does not know. The others are read in full, this one without what comes with it.
func TestNextOddItem(t *testing.T) {
	store := imapstore.New(serve(t, "next-odd-item"))
	defer store.Close()
	b := nextOf(t, store)
	if len(b.Changes) != 3 {
		t.Fatalf("changes %+v", b.Changes)
	}
	for i, ref := range []cutover.Ref{"3", "2", "1"} {
		item := b.Changes[i].Item
		if item.Ref != ref || item.Identity.MessageID != "<m"+string(ref)+"@example>" || !item.Flags.Equal(cutover.Flags{`\Seen`}) {
			t.Errorf("item %+v", item)
		}
	}
	if written := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC); !b.Changes[1].Item.Date.Equal(written) {
		t.Errorf("the date is %s, want that of the Date field", b.Changes[1].Item.Date)
	}
}

// TestNextWithoutUIDNEXT: servers of before RFC 3501 do not tell it.
func TestNextWithoutUIDNEXT(t *testing.T) {
	store := imapstore.New(serve(t, "next-rfc2060"))
	defer store.Close()
	b := nextOf(t, store)
	if len(b.Changes) != 2 || b.Changes[0].Item.Ref != "9" || b.Validity != "0" || b.Left != 0 {
		t.Errorf("batch %+v", b)
	}
}

// TestFoldersOdd: names that are not modified UTF-7 are listed, can be opened, and do not hide the others.
func TestFoldersOdd(t *testing.T) {
	store := imapstore.New(serve(t, "folders-odd"))
	defer store.Close()
	folders, err := store.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"INBOX", "R&D", "café ", "Entwürfe", `a "b"`}
	for i, f := range folders {
		if f.Path.Key() != want[i] {
			t.Errorf("folder %d is %q, want %q", i, f.Path, want[i])
		}
	}
	if len(folders) != len(want) || folders[3].Role != cutover.Sent || !folders[4].NoSelect {
		t.Fatalf("folders %+v", folders)
	}
	if b, err := store.Next(t.Context(), folders[1], ""); err != nil || b.Validity != "8" {
		t.Errorf("opening R&D: %+v, %v", b, err)
	}
}

// TestRestoredBackup: UIDNEXT below the cursor is a change of validity in all but name.
func TestRestoredBackup(t *testing.T) {
	server := startServer(t, testserver.IMAPConfig{})
	for range 3 {
		if _, err := server.Deliver(user, []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	store := imapstore.New(options(t, server.Addr()))
	defer store.Close()
	before := nextOf(t, store)
	if err := server.RestoreBackup(user, "INBOX", 1); err != nil {
		t.Fatal(err)
	}
	after, err := store.Next(t.Context(), inbox, before.After)
	if err != nil || !after.Reset || len(after.Changes) != 1 || after.Validity != before.Validity {
		t.Errorf("after the restore: %+v, %v", after, err)
	}
}

// TestRestoredBackupThatGrew: as many messages came since as were lost, or more, before anybody looked: none of them is passed over.
func TestRestoredBackupThatGrew(t *testing.T) {
	for _, grew := range []int{4, 6} {
		server := startServer(t, testserver.IMAPConfig{})
		deliver := func(first, last int) {
			for n := first; n <= last; n++ {
				if _, err := server.Deliver(user, []byte(numbered(n))); err != nil {
					t.Fatal(err)
				}
			}
		}
		deliver(1, 5)
		o := options(t, server.Addr())
		o.FlagPoll = 1
		store := imapstore.New(o)
		defer store.Close()
		before := nextOf(t, store)
		if err := server.RestoreBackup(user, "INBOX", 1); err != nil {
			t.Fatal(err)
		}
		deliver(11, 10+grew)
		after, err := store.Next(t.Context(), inbox, before.After)
		if err != nil || !after.Reset || len(after.Changes) != 1+grew || after.Validity != before.Validity {
			t.Errorf("after the restore and %d messages: %+v, %v", grew, after, err)
		}
	}
}

// TestFlagPoll: without CONDSTORE all flags are yielded once, and then those near a change.
func TestFlagPoll(t *testing.T) {
	server := startServer(t, testserver.IMAPConfig{})
	for range 600 {
		if _, err := server.Append(user, "INBOX", []byte("Subject: x\r\n\r\nx\r\n"), nil, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	o := options(t, server.Addr())
	o.FlagPoll, o.Batch = 2, 1000
	store := imapstore.New(o)
	defer store.Close()
	first := nextOf(t, store).After
	cursor := first
	next := func() []bridge.Change {
		t.Helper()
		for range 2 {
			b, err := store.Next(t.Context(), inbox, cursor)
			if err != nil {
				t.Fatal(err)
			}
			if cursor = b.After; len(b.Changes) > 0 {
				return b.Changes
			}
		}
		return nil
	}
	if all := next(); len(all) != 600 || all[0].Kind != bridge.Flagged || all[0].Item.Ref != "600" {
		t.Fatalf("the first poll yields %d changes", len(all))
	}
	if none := next(); len(none) != 0 {
		t.Errorf("a poll without a change yields %d", len(none))
	}
	if err := server.SetFlags(user, "INBOX", 300, `\Seen`); err != nil {
		t.Fatal(err)
	}
	before := cursor
	next()
	cursor = before // that batch was lost: it must come again
	near := next()
	if len(near) == 0 || len(near) > 256 {
		t.Fatalf("a poll after one change yields %d", len(near))
	}
	for _, c := range near {
		if seen := c.Item.Flags.Has(`\Seen`); seen != (c.Item.Ref == "300") {
			t.Errorf("%s has flags %v", c.Item.Ref, c.Item.Flags)
		}
	}
	if none := next(); len(none) != 0 {
		t.Errorf("a poll after the change was disposed of yields %d", len(none))
	}
	cursor = first
	if all := next(); len(all) != 600 {
		t.Errorf("with a cursor of long ago a poll yields %d", len(all))
	}
}
