package bridge

import (
	"strings"
	"testing"

	"posthouse/cutover"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"Trash", "Trash", true},
		{"Trash", "trash", false},
		{"Trash", "Trash2", false},
		{"Trash", "My Trash", false},
		{"", "", true},
		{"", "x", false},
		{"*", "", true},
		{"*", "anything at all", true},
		{"Trash*", "Trash", true},
		{"Trash*", "Trash 2019", true},
		{"Trash*", "My Trash", false},
		{"*2019", "2019", true},
		{"*2019", "Old 2019", true},
		{"*2019", "2019 old", false},
		{"a*c", "abc", true},
		{"a*c", "ac", true},
		{"a*c", "a", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"*b*", "abc", true},
		{"*b*", "ac", false},
		{"**", "x", true},
		{"a**b", "ab", true},
		{"*ab*ab", "ab", false},
		{"*ab*ab", "abab", true},
		{"Ge*te*", "Gelöschte Objekte", true},
		{"?", "x", false},
		{"[a]", "[a]", true},
	} {
		if got := matches(c.pattern, c.name); got != c.want {
			t.Errorf("matches(%q, %q) = %t", c.pattern, c.name, got)
		}
	}
}

func TestSkips(t *testing.T) {
	path := func(s string) cutover.FolderPath { return strings.Split(s, "/") }
	for _, c := range []struct {
		pattern, folder string
		want            bool
	}{
		{"Trash", "Trash", true},
		{"Trash", "Trash/2019", false},
		{"Public/*", "Public/News", true},
		{"Public/*", "Public", false},
		{"Public/*", "Public/News/2019", false},
		{"*/News", "Public/News", true},
		{"*/News", "News", false},
		{"*", "Public/News", false},
		{"Public/*/20*", "Public/News/2019", true},
	} {
		r := Rules{Skip: []cutover.FolderPath{path("Other"), path(c.pattern)}}
		if ok, why := r.folder(cutover.Folder{Path: path(c.folder)}); ok == c.want || !ok && why == "" {
			t.Errorf("pattern %q, folder %q: copied %t, why %q", c.pattern, c.folder, ok, why)
		}
	}
}

func TestRename(t *testing.T) {
	r := Rules{Rename: map[string]string{"Sent Items": "Sent", "Old\x00A": "B\x00C"}}
	for _, c := range []struct {
		from cutover.Folder
		to   string
		role cutover.FolderRole
	}{
		{cutover.Folder{Path: cutover.FolderPath{"Sent Items"}, Role: cutover.Sent}, "Sent", cutover.NoRole},
		{cutover.Folder{Path: cutover.FolderPath{"Old", "A"}}, "B / C", cutover.NoRole},
		{cutover.Folder{Path: cutover.FolderPath{"Drafts"}, Role: cutover.Drafts}, "Drafts", cutover.Drafts},
	} {
		if got := r.target(c.from); got.Path.String() != c.to || got.Role != c.role {
			t.Errorf("%s goes to %s (%q)", c.from.Path, got.Path, got.Role)
		}
	}
}

// A mailbox's own rules go before those for all.
func TestCopyInSpiteOfSkip(t *testing.T) {
	r := Rules{Skip: []cutover.FolderPath{{"Old", "*"}, {"Trash"}}, Copy: []cutover.FolderPath{{"Old", "20*"}}}
	for name, want := range map[string]bool{"Old/2019": true, "Old/x": false, "Trash": false, "Old": true} {
		if ok, _ := r.folder(cutover.Folder{Path: strings.Split(name, "/")}); ok != want {
			t.Errorf("%s is copied: %t", name, ok)
		}
	}
}

// What becomes of the folders that one login sees, in the mailboxes that shared trees go to.
func TestSharedTrees(t *testing.T) {
	shared := []Shared{
		{From: cutover.FolderPath{"Public"}, Mailbox: "sales@example.com"}, {From: cutover.FolderPath{"Public", "Press"}, Mailbox: "anna@example.com", Into: cutover.FolderPath{"From Public", "Press"}},
		{From: cutover.FolderPath{"Users", "bob"}, Mailbox: "bob@example.com"},
	}
	folders := []cutover.Folder{
		{Path: cutover.FolderPath{"INBOX"}, Role: cutover.Inbox}, {Path: cutover.FolderPath{"Public"}}, // the login's own
		{Path: cutover.FolderPath{"Public"}, Foreign: true}, {Path: cutover.FolderPath{"Public", "Sent"}, Foreign: true, Role: cutover.Sent},
		{Path: cutover.FolderPath{"Public", "Press", "Sent"}, Foreign: true, Role: cutover.Sent}, {Path: cutover.FolderPath{"Publicity"}, Foreign: true},
		{Path: cutover.FolderPath{"Users", "bob", "INBOX"}, Foreign: true}, {Path: cutover.FolderPath{"Users", "bob", "All"}, Foreign: true, Role: cutover.All},
		{Path: cutover.FolderPath{"Users", "carl", "INBOX"}, Foreign: true},
	}
	const outside, elsewhere, login = "outside the personal namespace", "copied into ", "belongs to the login, not to this mailbox"
	sales, bob, press := elsewhere+"sales@example.com", elsewhere+"bob@example.com", elsewhere+"anna@example.com"
	for m, want := range map[cutover.MailboxID][]string{
		"anna@example.com":  {"→ INBOX inbox", "→ Public ", sales, sales, "→ From Public / Press / Sent ", outside, bob, bob, outside},
		"sales@example.com": {login, login, "→ INBOX inbox", "→ Sent sent", press, outside, bob, bob, outside},
		"bob@example.com":   {login, login, sales, sales, press, outside, "→ INBOX inbox", "virtual", outside},
		"carl@example.com":  {"→ INBOX inbox", "→ Public ", sales, sales, press, outside, bob, bob, outside},
	} {
		r := Rules{Mailbox: m, Shared: shared}
		for i, f := range folders {
			ok, got := r.folder(f)
			if to := r.target(f); ok {
				got = "→ " + to.Path.String() + " " + string(to.Role)
			}
			if got != want[i] {
				t.Errorf("%s, %s: %q, want %q", m, f.Path, got, want[i])
			}
		}
	}
}
