package davstore_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// deleting is a bridge that lets so many deletions follow, between servers that schedule.
func deleting(t *testing.T, n int, legacy, cloud testserver.DAVConfig) *across {
	t.Helper()
	legacy.Schedules, cloud.Schedules = true, true
	a := newAcross(t, legacy, cloud)
	a.deletions = n
	a.restart()
	return a
}

func (a *across) removes(uids ...string) {
	for _, uid := range uids {
		a.old.Remove("anna", home, uid)
	}
}

// lie demands which of the events lie in the cloud.
func (a *across) lie(want map[string]bool) {
	a.Helper()
	for uid, lies := range want {
		if _, raw := a.cloud(home, "UID:"+uid+"\r"); (raw != nil) != lies {
			a.Errorf("%s is %q in the cloud, there: want %v", uid, raw, lies)
		}
	}
}

func TestDeletionsFollow(t *testing.T) {
	for name, cfg := range map[string]testserver.DAVConfig{"usual": {}, "no tokens": {NoSync: true}, "neither tokens nor tags": {NoSync: true, NoCTag: true}, "weak": {Rewrite: func(raw []byte) []byte {
		return bytes.Replace(raw, []byte("BEGIN:VEVENT"), []byte("X-SERVER:1\r\nBEGIN:VEVENT"), 1)
	}}} {
		t.Run(name, func(t *testing.T) {
			a := deleting(t, 10, testserver.DAVConfig{NoSync: cfg.NoSync, NoCTag: cfg.NoCTag}, cfg)
			mine := []string{"ORGANIZER:mailto:anna@example.com", "ATTENDEE:mailto:anna@example.com", "ATTENDEE:mailto:bob@example.com"}
			theirs := []string{"ORGANIZER:mailto:boss@example.com", "ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:Anna@example.com"}
			for uid, lines := range map[string][]string{"stays": nil, "goes": nil, "touched": nil, "mine": mine, "theirs": theirs, "odd": {"ATTENDEE:mailto:bob@example.com"}, "removed": nil} {
				a.old.Put("anna", home, uid, meeting(uid, append(lines, "SUMMARY:first")...))
			}
			a.old.Put("anna", home, "before", meeting("before", "SUMMARY:first"))
			a.new.Put("anna", home, "of another tool", meeting("before", "SUMMARY:first"))
			a.old.Put("anna", "contacts", "she", person("she"))
			a.old.Put("anna", "contacts", "he", person("he"))
			a.follow()
			n, _ := a.cloud(home, "UID:touched\r")
			a.new.Put("anna", home, n, meeting("touched", "SUMMARY:the user's"))
			n, was := a.cloud(home, "UID:goes\r")
			r, _ := a.cloud(home, "UID:removed\r")
			a.new.Remove("anna", home, r)
			a.removes("goes", "touched", "mine", "theirs", "odd", "before", "removed")
			a.old.Remove("anna", "contacts", "he")
			a.follow()
			a.lie(map[string]bool{"stays": true, "goes": false, "touched": true, "mine": true, "theirs": false, "odd": true, "before": true, "removed": false})
			if _, he := a.cloud("contacts", "UID:he\r"); he != nil {
				t.Errorf("the contact is %q", he)
			}
			for ref, why := range map[cutover.Ref]string{"touched": "changed in the cloud", "mine": "attendees", "odd": "attendees", "before": "before"} {
				if row := a.row(ref); !row.Disposition.InCloud() || !strings.Contains(row.Note, bridge.StaysNote) || !strings.HasSuffix(row.Note, why) && !strings.Contains(row.Note, why) {
					t.Errorf("%s: %+v", ref, row)
				}
			}
			row := a.row("goes")
			_, file, _ := strings.Cut(row.Note, "saved as ")
			if saved, err := os.ReadFile(file); row.Disposition != cutover.Gone || err != nil || !bytes.Equal(saved, was) {
				t.Errorf("%+v, saved %q, %v, was %s %q", row, saved, err, n, was)
			}
			if sent := append(a.old.Messages(), a.new.Messages()...); len(sent) != 0 {
				t.Errorf("sent: %q", sent)
			}
			if r := a.verified(); r.Equal != 2 || len(r.Missing)+len(r.Extra)+len(r.Altered)+len(r.Removed) != 0 || len(r.Noted) != 4 {
				t.Errorf("%+v", r)
			}
			// What comes again is put again, or is what it was.
			a.old.Put("anna", home, "goes", meeting("goes", "SUMMARY:again"))
			a.old.Put("anna", home, "odd", meeting("odd", "ATTENDEE:mailto:bob@example.com", "SUMMARY:first"))
			deleted := a.new.Asked()["DELETE"]
			a.follow()
			a.restart()
			a.follow()
			a.lie(map[string]bool{"goes": true, "odd": true})
			if row := a.row("odd"); row.Note != "" && !row.Repaired() || strings.Contains(row.Note, bridge.StaysNote) {
				t.Errorf("odd: %+v", row)
			}
			if n := a.new.Asked()["DELETE"]; n != deleted {
				t.Errorf("%d deletions more", n-deleted)
			}
		})
	}
}

// Unless the configuration says so nothing is deleted.
func TestNoDeletionFollows(t *testing.T) {
	a := deleting(t, 0, testserver.DAVConfig{}, testserver.DAVConfig{})
	for n := range 4 {
		a.old.Put("anna", home, fmt.Sprint(n), meeting(fmt.Sprint(n)))
	}
	a.follow()
	a.removes("1", "2")
	a.follow()
	a.restart()
	a.follow()
	if n := a.new.Asked()["DELETE"]; n != 0 || len(a.new.Objects("anna", home)) != 4 {
		t.Errorf("%d deletions", n)
	}
}

// What looks like a broken server, or is more than anybody does by hand, does not follow, and is told.
func TestMassDeletionsAreHeld(t *testing.T) {
	held := func(a *across) []bridge.HeldBack { return a.bridge.Progress()[0].HeldBack }
	start := func(t *testing.T, n int) *across {
		a := deleting(t, 5, testserver.DAVConfig{}, testserver.DAVConfig{})
		for i := range n {
			a.old.Put("anna", home, fmt.Sprint(i), meeting(fmt.Sprint(i)))
		}
		a.follow()
		return a
	}
	none := func(t *testing.T, a *across, items int) {
		t.Helper()
		if n := a.new.Asked()["DELETE"]; n != 0 {
			t.Errorf("%d deletions", n)
		}
		if h := held(a); items > 0 && (len(h) != 1 || h[0].Items != items || h[0].Folder != "Calendars / "+home) || items == 0 && len(h) != 0 {
			t.Errorf("held back: %+v", h)
		}
	}
	t.Run("many", func(t *testing.T) {
		a := start(t, 20)
		a.removes("1", "2", "3", "4", "5", "6")
		a.follow()
		a.restart()
		a.follow()
		none(t, a, 6)
		a.old.Put("anna", home, "6", meeting("6"))
		a.follow()
		if n := a.new.Asked()["DELETE"]; n != 5 || len(held(a)) != 0 {
			t.Errorf("%d deletions, held back %+v", n, held(a))
		}
		a.removes("7") // one more on the same day
		a.restart()
		a.follow()
		if n := a.new.Asked()["DELETE"]; n != 5 || len(held(a)) != 1 {
			t.Errorf("%d deletions, held back %+v", n, held(a))
		}
		a.deletions = 6 // as somebody says who looked
		a.restart()
		a.follow()
		if n := a.new.Asked()["DELETE"]; n != 6 || len(held(a)) != 0 {
			t.Errorf("%d deletions, held back %+v", n, held(a))
		}
	})
	t.Run("all", func(t *testing.T) {
		a := start(t, 3)
		a.removes("0", "1", "2")
		a.follow()
		none(t, a, 3)
		for name := range a.new.Objects("anna", home) { // as somebody does who looked
			a.new.Remove("anna", home, name)
		}
		a.follow()
		none(t, a, 0)
	})
	t.Run("all but what stays", func(t *testing.T) {
		a := start(t, 3)
		a.old.Put("anna", home, "stays", meeting("stays", "ATTENDEE:mailto:bob@example.com"))
		a.follow()
		a.removes("stays")
		a.follow()
		a.removes("0", "1", "2")
		a.follow()
		none(t, a, 3)
	})
	t.Run("with their calendar", func(t *testing.T) {
		a := start(t, 3)
		a.old.RemoveCollection("anna", home)
		a.follow()
		none(t, a, 0)
	})
	t.Run("of another login", func(t *testing.T) {
		a := start(t, 3)
		a.old.AddUser("anna", "secret", "anna@example.com")
		a.old.AddCollection("anna", home, testserver.DAVCalendar, "")
		a.follow()
		none(t, a, 3)
	})
	t.Run("refused login", func(t *testing.T) {
		a := start(t, 3)
		a.old.AddUser("anna", "another", "anna@example.com")
		if err := a.bridge.CatchUp(t.Context(), []cutover.MailboxID{anna}, func(cutover.MailboxID, error) {}); err != nil {
			t.Error(err)
		}
		none(t, a, 0)
	})
}

// A list that lacks what the server still has is no deletion.
func TestWhatCanBeReadIsNotDeleted(t *testing.T) {
	blind := false
	a := deleting(t, 5, testserver.DAVConfig{NoSync: true, NoCTag: true, Hide: func(name string) bool { return blind && name == "1" }}, testserver.DAVConfig{})
	for n := range 4 {
		a.old.Put("anna", home, fmt.Sprint(n), meeting(fmt.Sprint(n)))
	}
	a.follow()
	blind = true
	a.follow()
	a.follow()
	if n := a.new.Asked()["DELETE"]; n != 0 {
		t.Errorf("%d deletions", n)
	}
}

// What was moved on the old side, at whatever moment of the look, is no deletion.
func TestMovesAreNoDeletions(t *testing.T) {
	for moment := range 8 {
		for name, cloud := range map[string]testserver.DAVConfig{"usual": {}, "no MOVE": {NoMove: true}} {
			t.Run(fmt.Sprint(name, " ", moment), func(t *testing.T) {
				var a *across
				var asked atomic.Int64
				a = deleting(t, 5, testserver.DAVConfig{Hook: func(r *http.Request) int {
					if r.Method != "PROPFIND" && asked.Add(-1) == 0 {
						a.old.Put("anna", "work", "1", meeting("1", "SUMMARY:first"))
						a.removes("1")
					}
					return 0
				}}, cloud)
				a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
				for n := range 4 {
					a.old.Put("anna", home, fmt.Sprint(n), meeting(fmt.Sprint(n), "SUMMARY:first"))
				}
				a.old.Put("anna", "work", "8", meeting("8"))
				a.follow()
				asked.Store(int64(moment) + 1)
				a.removes("2")
				a.old.Put("anna", "work", "9", meeting("9"))
				a.follow()
				a.old.Put("anna", "work", "10", meeting("10"))
				a.follow()
				if _, raw := a.cloud("work", "UID:1\r"); asked.Load() < 0 && raw == nil {
					t.Error("what was moved is not in the new calendar")
				}
				a.lie(map[string]bool{"0": true, "1": asked.Load() > 0, "2": false, "3": true})
				a.equal(6)
				if n := a.new.Asked()["DELETE"]; n > 1 && !cloud.NoMove {
					t.Errorf("%d deletions", n)
				}
			})
		}
	}
}
