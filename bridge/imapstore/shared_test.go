package imapstore_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// TestSharedFoldersOfDovecot: public folders and another user's, which several users see, are copied once, into the mailboxes that they are mapped to; nothing else of what they see is.
func TestSharedFoldersOfDovecot(t *testing.T) {
	legacy := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "legacy", Users: people(3), Shared: true})
	cloud := neighbour.StartDovecot(t, neighbour.DovecotConfig{Name: "cloud", Users: people(4), Special: map[string]string{"Sent Items": `\Sent`}, Create: []string{"Sent Items"}})
	first := neighbour.OpenMailbox(t, legacy.IMAP, "anna1", password, nil)
	third := neighbour.OpenMailbox(t, legacy.IMAP, "anna3", password, nil)
	put := func(m *neighbour.Mailbox, folder string, n int) {
		if folder != "INBOX" {
			m.Create(folder)
		}
		for i := range n {
			m.Append(folder, neighbour.Upload{Bytes: []byte(fmt.Sprintf("Message-ID: <%s-%d>\r\nSubject: x\r\n\r\nbody\r\n", folder, i)), Date: time.Now()})
		}
	}
	put(first, "INBOX", 1)
	put(first, "Public/Sales", 2)
	put(first, "Public/Sales/2019", 3)
	put(first, "Public/Lost", 1)
	put(third, "INBOX", 4)
	put(third, "Sent", 5)
	for _, folder := range []string{"INBOX", "Sent"} {
		third.Allow(folder, "anna1", "lrs")
	}

	sales, office, other := box("sales@example.com", "anna1", "anna2"), box("office@example.com", "anna1", "anna3"), box("anna1@example.com", "anna1", "anna1")
	shared := []bridge.Shared{
		{From: cutover.FolderPath{"Public", "Sales"}, Mailbox: sales.ID, Into: cutover.FolderPath{"Sales"}}, {From: cutover.FolderPath{"Users", "anna3"}, Mailbox: office.ID},
	}
	a := newAcross(t, legacy.IMAP, cloud.IMAP, func(m cutover.MailboxID) bridge.Rules { return bridge.Rules{Mailbox: m, Shared: shared} }, sales, office, other)
	plan := a.plan(other.ID)
	for path, want := range map[string]string{
		"INBOX": "→ INBOX", "Public / Sales": "copied into sales@example.com", "Public / Sales / 2019": "copied into sales@example.com", "Users / anna3 / Sent": "copied into office@example.com",
		"Public / Lost": "outside the personal namespace",
	} {
		if plan[path] != want {
			t.Errorf("the plan for %s is %q, want %q, in %v", path, plan[path], want, plan)
		}
	}
	a.copy(sales.ID, office.ID, other.ID)
	a.copy(sales.ID, office.ID, other.ID)
	for user, want := range map[string]map[string]int{
		"anna1": {"INBOX": 1, "Sent Items": 0}, "anna2": {"INBOX": 1, "Sent Items": 0, "Sales": 2, "Sales/2019": 3}, "anna3": {"INBOX": 4, "Sent Items": 5},
	} {
		found := map[string]int{}
		for folder, all := range neighbour.OpenMailbox(t, cloud.IMAP, user, password, nil).ReadAll() {
			found[folder] = len(all)
		}
		if !maps.Equal(found, want) {
			t.Errorf("%s has %v, want %v", user, found, want)
		}
	}
	for _, m := range []cutover.MailboxID{sales.ID, office.ID, other.ID} {
		if r, err := a.bridge.Verify(t.Context(), m); err != nil || len(r.Missing)+len(r.Extra) > 0 {
			t.Errorf("verify %s: %+v, %v", m, r, err)
		}
	}
}
