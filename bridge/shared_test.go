package bridge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

var (
	bob   = cutover.Mailbox{ID: "bob@example.com", Legacy: cutover.Account{Server: "legacy"}, Cloud: cutover.Account{Server: "cloud"}}
	sales = cutover.Mailbox{ID: "sales@example.com", Legacy: cutover.Account{Server: "legacy", Login: string(anna.ID)}, Cloud: cutover.Account{Server: "cloud"}}
	press = cutover.FolderPath{"Public", "Press"}
)

// sharing is a world in which anna and bob see public folders: one is sales' mailbox, the one in it goes into bob's, and one is nobody's.
func sharing(t *testing.T) *world {
	withRules(t, bridge.Rules{Shared: []bridge.Shared{
		{From: cutover.FolderPath{"Public"}, Mailbox: sales.ID}, {From: press, Mailbox: bob.ID, Into: cutover.FolderPath{"Press"}},
	}})
	w := newWorld(t, memstore.Options{}, memstore.Options{})
	w.mailboxes = []cutover.Mailbox{anna, bob, sales}
	for _, m := range []cutover.Mailbox{anna, bob} {
		box := w.legacy.Mailbox(string(m.ID))
		for _, p := range []cutover.FolderPath{{"Public"}, {"Public", "Sent"}, press, {"Shared", "x"}} {
			f := cutover.Folder{Path: p, Foreign: true}
			if p[len(p)-1] == "Sent" {
				f.Role = cutover.Sent
			}
			box.AddFolder(f)
			box.Deliver(p, memstore.Message{Raw: mail(p.String(), "hello"), Date: time.Now()})
		}
		box.Deliver(inbox, memstore.Message{Raw: mail(string(m.ID), "hello"), Date: time.Now()})
	}
	w.cloud.Mailbox(string(sales.ID)).AddFolder(cutover.Folder{Path: cutover.FolderPath{"Sent Items"}, Role: cutover.Sent})
	return w
}

// Shared folders are copied once, into the mailbox that they are mapped to, whoever else sees them; what is not mapped is only listed.
func TestSharedFoldersAreCopiedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := sharing(t)
		w.open()
		wantPlan(t, w.plan(), "INBOX 1 there INBOX 0", "Public skipped", "Public / Sent skipped", "Public / Press skipped", "Shared / x skipped")
		wantPlan(t, w.planOf(bob.ID), "INBOX 1 there INBOX 0", "Public skipped", "Public / Sent skipped", "Public / Press 1 new Press", "Shared / x skipped")
		wantPlan(t, w.planOf(sales.ID), "INBOX skipped", "Public 1 there INBOX 0", "Public / Sent 1 there Sent Items 0", "Public / Press skipped", "Shared / x skipped")
		w.stop()

		w.start()
		time.Sleep(time.Minute)
		w.old().Deliver(cutover.FolderPath{"Public"}, memstore.Message{Raw: mail("later", "hello"), Date: time.Now()})
		time.Sleep(5 * time.Second) // a hint: sales' connection waits on the folder that is its INBOX
		for m, want := range map[cutover.MailboxID]string{
			anna.ID: "map[INBOX:1]", bob.ID: "map[INBOX:1 Press:1]", sales.ID: "map[INBOX:2 Sent Items:1]",
		} {
			if got := fmt.Sprint(w.holds(m)); got != want {
				t.Errorf("the cloud mailbox of %s holds %s, want %s", m, got, want)
			}
			if r, err := w.bridge.Verify(t.Context(), m); err != nil || len(r.Missing)+len(r.Extra) > 0 {
				t.Errorf("verify %s: %+v, %v", m, r, err)
			}
		}
		p := w.bridge.Progress()
		w.stop()
		why := func(path string) string {
			i := slices.IndexFunc(p[0].Skipped, func(s bridge.SkippedFolder) bool { return s.Path == path })
			return p[0].Skipped[i].Why
		}
		if p[0].Mailbox != anna.ID || why("Public") != "copied into sales@example.com" || why("Shared / x") != "outside the personal namespace" {
			t.Errorf("listed for %s: %+v", p[0].Mailbox, p[0].Skipped)
		}
	})
}

// What lies in the login's own folders is no mail of the mailbox that a shared tree is.
func TestFindInASharedTree(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := sharing(t)
		w.open()
		for id, want := range map[string]bool{string(anna.ID): false, "Public": true} {
			found, err := w.bridge.Find(t.Context(), sales.ID, cutover.Legacy, []cutover.Identity{cutover.IdentityOf(mail(id, "hello"))})
			if err != nil || (len(found) == 1) != want {
				t.Errorf("%s: found %v, %v", id, found, err)
			}
		}
		w.stop()
	})
}

// holds is how many messages each cloud folder of a mailbox has.
func (w *world) holds(m cutover.MailboxID) map[string]int {
	return countsOf(w.t, w.cloud.Open(string(m)))
}

func countsOf(t *testing.T, store bridge.Store) map[string]int {
	t.Helper()
	defer store.Close()
	folders, err := store.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, f := range folders {
		if f.NoSelect || f.Foreign {
			continue
		}
		state, err := store.State(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		found[f.Path.String()] = state.Items
	}
	return found
}

// Each mailbox is planned and copied by its own rules.
func TestRulesOfOneMailbox(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.mailboxes = []cutover.Mailbox{anna, bob}
		w.rules = func(m cutover.MailboxID) bridge.Rules {
			r := bridge.Rules{Mailbox: m, Skip: []cutover.FolderPath{{"Trash"}}, Rename: map[string]string{"Notes": "Memos"}}
			if m == bob.ID {
				r.Copy, r.Rename = []cutover.FolderPath{{"Trash"}}, map[string]string{"Notes": "Notizen"}
			}
			return r
		}
		for _, m := range w.mailboxes {
			for _, name := range []string{"Trash", "Notes"} {
				box := w.legacy.Mailbox(string(m.ID))
				box.AddFolder(cutover.Folder{Path: cutover.FolderPath{name}})
				box.Deliver(cutover.FolderPath{name}, memstore.Message{Raw: mail(name, "hello"), Date: time.Now()})
			}
		}
		w.open()
		wantPlan(t, w.plan(), "INBOX 0 there INBOX 0", "Trash skipped", "Notes 1 new Memos")
		wantPlan(t, w.planOf(bob.ID), "INBOX 0 there INBOX 0", "Trash 1 new Trash", "Notes 1 new Notizen")
		w.stop()
		w.run(time.Minute)
		if a, b := fmt.Sprint(w.holds(anna.ID)), fmt.Sprint(w.holds(bob.ID)); a != "map[INBOX:0 Memos:1]" || b != "map[INBOX:0 Notizen:1 Trash:1]" {
			t.Errorf("anna has %s, bob %s", a, b)
		}
	})
}
