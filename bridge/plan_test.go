package bridge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/memstore"
	"posthouse/cutover"
)

func (w *world) plan() bridge.Plan { return w.planOf(anna.ID) }

func (w *world) planOf(m cutover.MailboxID) bridge.Plan {
	w.t.Helper()
	var plan bridge.Plan
	err := w.bridge.Plan(w.t.Context(), []cutover.MailboxID{m}, func(p bridge.Plan, err error) {
		plan = p
		if err != nil {
			w.t.Error(err)
		}
	})
	if err != nil {
		w.t.Error(err)
	}
	return plan
}

// summary is a planned folder in a line.
func summary(p bridge.PlannedFolder) string {
	text := fmt.Sprintf("%s %d", p.Legacy, p.Items)
	switch {
	case p.Skipped != "":
		return p.Legacy.String() + " skipped"
	case p.Err != nil:
		return p.Legacy.String() + " failed"
	case p.Exists:
		text += fmt.Sprintf(" there %s %d", p.Cloud, p.There)
	default:
		text += " new " + p.Cloud.String()
	}
	if p.Changed {
		text += " changed"
	}
	for _, other := range p.Clash {
		text += " with " + other.String()
	}
	return text
}

func wantPlan(t *testing.T, p bridge.Plan, want ...string) {
	t.Helper()
	var got []string
	for _, f := range p.Folders {
		got = append(got, summary(f))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the plan is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func withRules(t *testing.T, r bridge.Rules) {
	before := routes
	routes = r
	t.Cleanup(func() { routes = before })
}

// The plan tells what becomes of every folder, changes nothing, and comes true.
func TestPlanComesTrue(t *testing.T) {
	withRules(t, bridge.Rules{Skip: []cutover.FolderPath{{"Old*"}}, Rename: map[string]string{"Notes": "v1_2"}})
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{Separator: "."})
		for _, f := range []cutover.Folder{
			{Path: cutover.FolderPath{"Gesendet"}, Role: cutover.Sent}, {Path: cutover.FolderPath{"Papierkorb"}, Role: cutover.Trash}, {Path: cutover.FolderPath{"v1.2"}},
			{Path: cutover.FolderPath{"Notes"}}, {Path: cutover.FolderPath{"Projects", "2019"}}, {Path: cutover.FolderPath{"Sales"}, Foreign: true},
			{Path: cutover.FolderPath{"Old mail"}}, {Path: cutover.FolderPath{"All"}, Role: cutover.All}, {Path: cutover.FolderPath{"Sent Items"}},
		} {
			w.old().AddFolder(f)
		}
		w.new().AddFolder(cutover.Folder{Path: cutover.FolderPath{"Sent Items"}, Role: cutover.Sent})
		for n := range 3 {
			w.old().Deliver(cutover.FolderPath{"Gesendet"}, memstore.Message{Raw: mail(fmt.Sprint(n), "hello"), Date: time.Now()})
		}
		w.new().Deliver(inbox, memstore.Message{Raw: mail("cloud", "hello"), Date: time.Now()})
		w.new().SetFault(func(op string, _ int) error {
			if op == memstore.OpEnsure || op == memstore.OpPut || op == memstore.OpFlags {
				t.Errorf("the plan does: %s", op)
			}
			return nil
		})
		w.open()
		before := fmt.Sprint(w.holds(anna.ID))
		plan := w.plan()
		if after := fmt.Sprint(w.holds(anna.ID)); after != before {
			t.Errorf("the plan changed the cloud from %s to %s", before, after)
		}
		w.stop()
		wantPlan(t, plan, "INBOX 0 there INBOX 1", "Gesendet 3 there Sent Items 0 with Sent Items", "Papierkorb 0 new Papierkorb", "v1.2 0 new v1_2 changed with Notes",
			"Notes 0 new v1_2 with v1.2", "Projects / 2019 0 new Projects / 2019", "Sales skipped", "Old mail skipped", "All skipped", "Sent Items 0 there Sent Items 0 with Gesendet")

		w.new().SetFault(nil)
		w.run(time.Minute)
		w.open()
		for _, p := range w.plan().Folders {
			if p.Skipped == "" && !p.Exists {
				t.Errorf("after the copy the plan is still to make a folder: %s", summary(p))
			}
		}
		pairs, err := w.ledger.Pairs(t.Context(), anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.stop()
		became := map[string]string{}
		for _, p := range pairs {
			became[p.Legacy.Key()] = p.Cloud.String()
		}
		for _, p := range plan.Folders {
			if became[p.Legacy.Key()] != p.Cloud.String() {
				t.Errorf("%s was planned to go to %q and went to %q", p.Legacy, p.Cloud, became[p.Legacy.Key()])
			}
		}
	})
}

// Folders that were paired before keep their counterpart, whatever the rules say by now; those whose role or whose name but for its case is the same become one.
func TestPlanOfPairsAndLikeNames(t *testing.T) {
	withRules(t, routes)
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().AddFolder(cutover.Folder{Path: cutover.FolderPath{"Notes"}})
		w.run(time.Minute)
		routes = bridge.Rules{Rename: map[string]string{"Notes": "Memos"}}
		for _, f := range []cutover.Folder{
			{Path: cutover.FolderPath{"Lists"}}, {Path: cutover.FolderPath{"lists"}}, {Path: cutover.FolderPath{"Sent"}, Role: cutover.Sent}, {Path: cutover.FolderPath{"Gesendet"}, Role: cutover.Sent},
		} {
			w.old().AddFolder(f)
		}
		w.open()
		wantPlan(t, w.plan(), "INBOX 0 there INBOX 0", "Notes 0 there Notes 0", "Lists 0 new Lists with lists", "lists 0 new lists with Lists", "Sent 0 new Sent with Gesendet",
			"Gesendet 0 new Sent with Sent")
		w.stop()
	})
}

// A folder that cannot be looked at does not hide the others; a store that cannot tell beforehand is no reason to guess.
func TestPlanTellsWhatItCannotTell(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, memstore.Options{}, memstore.Options{})
		w.old().AddFolder(cutover.Folder{Path: cutover.FolderPath{"Bad"}})
		w.lens = func(s bridge.Store) bridge.Store {
			return trouble{Store: s, state: func(f cutover.Folder) error {
				if f.Path.Key() == "Bad" {
					return errors.New("NO [SERVERBUG] the folder is broken")
				}
				return nil
			}}
		}
		w.open()
		wantPlan(t, w.plan(), "INBOX 0 there INBOX 0", "Bad failed")
		w.glass = func(s bridge.Store) bridge.Store { return trouble{Store: s} }
		told := errors.New("nothing")
		if err := w.bridge.Plan(t.Context(), []cutover.MailboxID{anna.ID}, func(_ bridge.Plan, err error) { told = err }); err != nil || !errors.Is(told, bridge.ErrUnsupported) {
			t.Errorf("told %v, returned %v", told, err)
		}
		if err := w.bridge.Plan(t.Context(), []cutover.MailboxID{"nobody@example.com"}, nil); err == nil {
			t.Error("a mailbox that is not there was planned")
		}
		w.stop()
	})
}
