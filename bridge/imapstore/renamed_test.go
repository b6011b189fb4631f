package imapstore_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/imapstore"
	"posthouse/cutover"
	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// TestFoldersRenamedOnDovecot: copies follow a folder that is renamed, also when another one is made under its old name, and what is deleted with its folder stays in the cloud.
func TestFoldersRenamedOnDovecot(t *testing.T) {
	for _, format := range []string{"maildir", "mdbox"} {
		t.Run(format, func(t *testing.T) {
			legacy := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: people(1), Format: format})
			cloud := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "cloud", Users: people(1)})
			old := neighbour.OpenMailbox(t, legacy.IMAP, "anna1", password, nil)
			put := func(folder, mark string, n int) {
				for i := range n {
					old.Append(folder, neighbour.Upload{Bytes: []byte(fmt.Sprintf("Message-ID: <%s-%d@example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nSubject: x\r\n\r\nbody\r\n", mark, i)), Date: time.Now()})
				}
			}
			m := box("anna1@example.com", "anna1", "anna1")
			a := newAcross(t, legacy.IMAP, cloud.IMAP, nil, m)
			for _, folder := range []string{"Projects", "Projects/Deep", "Spring"} {
				old.Create(folder)
				put(folder, folder, 3)
			}
			a.copy(m.ID)
			old.Rename("Projects", "Archive")
			old.Create("Projects")
			put("Projects", "fresh", 5)
			old.Delete("Spring")
			a.copy(m.ID)
			old.Rename("Archive/Deep", "Spring")
			old.Rename("Projects", "Autumn")
			a.copy(m.ID)
			old.Rename("Autumn", "Projects")
			a.copy(m.ID)
			found := map[string]int{}
			for folder, all := range neighbour.OpenMailbox(t, cloud.IMAP, "anna1", password, nil).ReadAll() {
				found[folder] = len(all)
			}
			want := map[string]int{"INBOX": 0, "Archive": 3, "Archive/Deep": 0, "Autumn": 0, "Projects": 5, "Projects/Deep": 0, "Spring": 6}
			if !maps.Equal(found, want) {
				t.Errorf("the cloud holds %v, want %v", found, want)
			}
			if r, err := a.bridge.Verify(t.Context(), m.ID); err != nil || r.Equal != 11 || len(r.Missing)+len(r.Extra)+len(r.Removed)+r.Moved > 0 {
				t.Errorf("verify: %+v, %v", r, err)
			}
		})
	}
}

// TestFolderIsMadeAgain: who lost a cloud folder to its owner, who deleted or renamed it, gets another one, and does not believe the list of before.
func TestFolderIsMadeAgain(t *testing.T) {
	server := startServer(t, testserver.IMAPConfig{})
	for what, lose := range map[string]func(name string) error{
		"deleted": func(name string) error { return server.DeleteFolder(user, name) },
		"renamed": func(name string) error { return server.RenameFolder(user, name, name+" of mine") },
	} {
		store := imapstore.New(options(t, server.Addr()))
		defer store.Close()
		want := cutover.Folder{Path: cutover.FolderPath{what}, Kind: cutover.Mail}
		first, err := store.EnsureFolder(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		if err := lose(first.Name); err != nil {
			t.Fatal(err)
		}
		if _, err := store.State(t.Context(), first); !errors.Is(err, bridge.ErrGone) {
			t.Errorf("%s: %v", what, err)
		}
		again, err := store.EnsureFolder(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.State(t.Context(), again); err != nil {
			t.Errorf("%s, made again: %v", what, err)
		}
	}
}
