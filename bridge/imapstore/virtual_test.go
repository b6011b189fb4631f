package imapstore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"posthouse/test/neighbour"
)

// TestVirtualFoldersOfDovecot: folders that are searches are skipped, and what they show is copied once; a further namespace of the user's own is copied beside the first.
func TestVirtualFoldersOfDovecot(t *testing.T) {
	legacy := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: people(1), Settings: `
mail_plugins = virtual
namespace virtual {
  prefix = virtual/
  separator = /
  location = virtual:~/virtual
}
namespace archive {
  prefix = Archive/
  separator = /
  location = maildir:~/archive
}
`})
	cloud := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "cloud", Users: people(1)})
	old := neighbour.OpenMailbox(t, legacy.IMAP, "anna1", password, nil)
	for _, folder := range []string{"Work", "Archive/Work"} {
		old.Create(folder)
		old.Append(folder, neighbour.Upload{Bytes: []byte("Message-ID: <" + folder + "@example.com>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\n\r\nbody\r\n"), Date: time.Now()})
	}
	all := filepath.Join(legacy.Dir, "mail", "anna1", "virtual", "All")
	if err := os.MkdirAll(all, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Dir(all), all} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(all, "dovecot-virtual"), []byte("Work\n  all\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if n := old.Count("virtual/All"); n != 1 {
		t.Fatalf("the search finds %d messages", n)
	}
	m := box("anna1@example.com", "anna1", "anna1")
	a := newAcross(t, legacy.IMAP, cloud.IMAP, nil, m)
	if plan := a.plan(m.ID); plan["virtual / All"] != "virtual" || plan["Archive / Work"] != "→ Archive / Work" {
		t.Errorf("the plan is %v", plan)
	}
	a.copy(m.ID)
	found := neighbour.OpenMailbox(t, cloud.IMAP, "anna1", password, nil).ReadAll()
	if len(found) != 4 || len(found["Work"]) != 1 || len(found["Archive/Work"]) != 1 || len(found["Archive"])+len(found["INBOX"]) > 0 {
		t.Errorf("the cloud holds %v", found)
	}
}
