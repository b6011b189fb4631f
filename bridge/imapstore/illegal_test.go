package imapstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/internal/testserver"
	"posthouse/test/neighbour"
)

// oddFolders are names that some server holds and another does not.
var oddFolders = []string{
	"Lists", "lists", "LISTS/Deep", " leading", "trailing ", "trailing", "inner /x", "dot.", ".dot", "v1.2", "a\\b", "quo\"te", "~tilde", "#news", "100&", "star*percent%", "tab\tcontrol\x01", "\u200b",
	"Projects/INBOX", "Calendar", "Entwürfe", "😀", "Cafe\u0301", "Caf\u00e9", "Nul", "con", strings.Repeat("long-", 40), strings.Repeat("long-", 39) + "lang-",
	strings.Repeat("deep/", 12) + "end", strings.Repeat("broad-and-deep-", 8) + "/" + strings.Repeat("broad-and-deep-", 8) + "/" + strings.Repeat("broad-and-deep-", 8),
}

// strict is a cloud that refuses what the strictest do, and takes names for the same that differ in case or in blanks at the ends.
func strict(call testserver.IMAPCall) *testserver.IMAPFault {
	if call.Command != "CREATE" || call.Stage != testserver.Before {
		return nil
	}
	elements := strings.Split(call.Folder, "/")
	last := elements[len(elements)-1]
	refused := len(call.Folder) > 225 || len(elements) > 8 || strings.ContainsAny(call.Folder, `\"#~*%:?<>|`) || strings.TrimSpace(last) != last || strings.HasPrefix(last, ".") || strings.HasSuffix(last, ".") ||
		slices.Contains([]string{"calendar", "con", "nul"}, strings.ToLower(last)) || len(elements) > 1 && last == "INBOX"
	if refused {
		return &testserver.IMAPFault{Code: "CANNOT", Text: "Invalid mailbox name"}
	}
	if last == "lists" {
		return &testserver.IMAPFault{Code: "ALREADYEXISTS", Text: "Mailbox already exists"}
	}
	return nil
}

// TestIllegalNames: whatever a folder is called, all its messages arrive, and the plan says where, before for those whose name the cloud holds and afterwards for all.
func TestIllegalNames(t *testing.T) {
	legacy := startServer(t, testserver.IMAPConfig{})
	for i, folder := range oddFolders {
		if err := legacy.CreateFolder(user, folder, ""); err != nil {
			t.Fatal(err)
		}
		message := fmt.Sprintf("Message-ID: <%d@example.com>\r\nSubject: %[1]d\r\n\r\n%[1]d\r\n", i)
		if _, err := legacy.Append(user, folder, []byte(message), nil, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	dots := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "cloud", Users: people(1), Separator: "."})
	slashes := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "slashes", Users: people(1)})
	own := startServer(t, testserver.IMAPConfig{Hook: strict})
	for name, cloud := range map[string]struct {
		address, login string
		changed        map[string]string // what some folders are called in the end
	}{
		"Maildir": {dots.IMAP, "anna1", map[string]string{"v1.2": "v1_2", "~tilde": "_tilde", "star*percent%": "star_percent_"}},
		// Maildir++ holds no dot in a name, and does not say so.
		"Maildir with slashes": {slashes.IMAP, "anna1", map[string]string{"v1.2": "v1_2", "dot.": "dot_", ".dot": "_dot", "~tilde": "_tilde"}},
		"strict": {own.Addr(), user, map[string]string{
			"Projects / INBOX": "Projects / INBOX_", "Calendar": "Calendar_", "a\\b": "a_b", " leading": "_leading", "trailing ": "trailing", "tab\tcontrol\x01": "tab_control_",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := box("anna@example.com", user, cloud.login)
			a := newAcross(t, legacy.Addr(), cloud.address, nil, m)
			before := a.plan(m.ID)
			a.copy(m.ID)
			a.copy(m.ID)
			after := a.plan(m.ID)
			found := map[string]string{}
			for folder, all := range neighbour.OpenMailbox(t, cloud.address, cloud.login, password, nil).ReadAll() {
				for _, message := range all {
					if n := message.Field("Subject"); found[n] != "" {
						t.Errorf("%s is there twice", n)
					}
					found[message.Field("Subject")] = folder
				}
			}
			if len(found) != len(oddFolders) {
				t.Errorf("%d of %d messages arrived", len(found), len(oddFolders))
			}
			if r, err := a.bridge.Verify(t.Context(), m.ID); err != nil || r.Equal != len(oddFolders) || len(r.Missing)+len(r.Extra)+r.Moved > 0 {
				t.Errorf("verify %+v, %v", r, err)
			}
			for path, to := range after {
				if to != before[path] && to[0] != '!' {
					t.Errorf("%s was planned as %q and is %q now", path, before[path], to)
				}
				if to[0] != '!' && to != "→ "+path {
					t.Errorf("%s goes to %q, and nobody is told", path, to)
				}
			}
			for path, want := range cloud.changed {
				if after[path] != "! "+want {
					t.Errorf("%s is %q in the end, want %s", path, after[path], want)
				}
			}
		})
	}
}
