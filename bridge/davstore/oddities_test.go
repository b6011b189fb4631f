package davstore_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/internal/testserver"
)

// What TestEverythingOddAtOnce found, one by one.

// A token that is gone is not a collection that is gone.
func TestForgottenTokensOfAllKinds(t *testing.T) {
	for _, status := range []int{http.StatusGone, http.StatusInsufficientStorage, http.StatusConflict} {
		a := newAcross(t, testserver.DAVConfig{ForgottenToken: status}, testserver.DAVConfig{ForgottenToken: status})
		a.old.Put("anna", home, "1", meeting("e1", "SUMMARY:first"))
		a.follow()
		a.old.ForgetTokens()
		a.new.ForgetTokens()
		a.old.Put("anna", home, "2", meeting("e2", "SUMMARY:first"))
		a.follow()
		a.equal(2)
	}
}

// A server that stores what is put under another name tells where; changes and deletions go there.
func TestStoredUnderAnotherName(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{Relocate: func(name string) string { return "their-" + name }})
	a.deletions = 10
	a.restart()
	for _, uid := range []string{"stays", "changed", "deleted"} {
		a.old.Put("anna", home, uid, meeting(uid, "SUMMARY:v1"))
	}
	a.follow()
	a.old.Put("anna", home, "changed", meeting("changed", "SUMMARY:v2"))
	a.old.Remove("anna", home, "deleted")
	a.follow()
	a.holds(map[string]string{home: "changed v2, stays v1", "contacts": ""})
	a.equal(2)
}

// A server that does not tell the version with an object that is read alone is asked for it.
func TestVersionsThatAreNotToldWithObjects(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{NoGetETag: true, NoMultiget: true})
	a.deletions = 10
	a.restart()
	for _, uid := range []string{"stays", "changed", "deleted"} {
		a.old.Put("anna", home, uid, meeting(uid, "SUMMARY:v1"))
	}
	a.follow()
	a.old.Put("anna", home, "changed", meeting("changed", "SUMMARY:v2"))
	name, _ := a.cloud(home, "UID:changed\r")
	a.new.Touch("anna", home, name) // so that the copy has to be read
	a.old.Remove("anna", home, "deleted")
	a.follow()
	a.holds(map[string]string{home: "changed v2, stays v1", "contacts": ""})
	a.unnoted()
}

// unnoted demands that no row has a note.
func (a *across) unnoted() {
	a.Helper()
	for _, row := range a.rows() {
		if row.Note != "" && row.Disposition != cutover.Gone {
			a.Errorf("%s: %s", row.Legacy.Ref, row.Note)
		}
	}
}

// Objects that are given each other's names are the same objects, also if they are told of in different batches, or their copies were removed, or another object had the name before.
func TestExchangedNames(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	for n := range 30 { // batches have 10
		a.old.Put("anna", home, fmt.Sprintf("%02d", n), meeting(fmt.Sprintf("e%02d", n), "SUMMARY:v1"))
	}
	a.follow()
	n, _ := a.cloud(home, "UID:e07\r")
	a.new.Remove("anna", home, n)
	for n := range 30 {
		a.old.Put("anna", home, fmt.Sprintf("%02d", 29-n), meeting(fmt.Sprintf("e%02d", n), "SUMMARY:v2"))
	}
	a.old.ForgetTokens()
	a.follow()
	for n := range 30 {
		a.old.Rename("anna", home, fmt.Sprintf("%02d", n), fmt.Sprintf("x%02d", n))
	}
	a.follow()
	if r := a.verified(); r.Equal != 29 || len(r.Removed) != 1 || len(r.Missing)+len(r.Extra)+len(r.Altered) != 0 {
		t.Errorf("%+v", r)
	}
	for name, raw := range a.new.Objects("anna", home) {
		if !bytes.Contains(raw, []byte("SUMMARY:v2")) {
			t.Errorf("%s is %q", name, raw)
		}
	}
}

// One whose name was given to another when it was moved was moved all the same.
func TestMovedAndItsNameGivenAway(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
	a.old.Put("anna", "work", "1", meeting("a", "SUMMARY:v1"))
	a.follow()
	a.old.Put("anna", "work", "1", meeting("b", "SUMMARY:v1"))
	a.old.Put("anna", home, "1", meeting("a", "SUMMARY:v1"))
	a.follow()
	a.holds(map[string]string{home: "a v1", "contacts": "", "work": "b v1"})
}

// One that comes back to a calendar, and to the name that it had there, is the one that it is.
func TestNameOfBefore(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
	at := func(c, name string) {
		for _, from := range []string{home, "work"} {
			for n := range a.old.Objects("anna", from) {
				a.old.Remove("anna", from, n)
			}
		}
		a.old.Put("anna", c, name, meeting("a", "SUMMARY:v1"))
		a.follow()
	}
	at(home, "1")
	at("work", "1")
	at(home, "2")
	at(home, "1")
	a.holds(map[string]string{home: "a v1", "contacts": "", "work": ""})
	a.equal(1)
	a.old.Put("anna", home, "1", meeting("a", "SUMMARY:v2"))
	a.follow()
	a.holds(map[string]string{home: "a v2", "contacts": "", "work": ""})
}

// An object that gets another UID under its name is another item, and the first one is deleted.
func TestUIDChangedInPlace(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.deletions = 10
	a.restart()
	a.old.Put("anna", home, "1", meeting("before", "SUMMARY:v1"))
	a.old.Put("anna", home, "2", meeting("stays", "SUMMARY:v1"))
	a.follow()
	a.old.Put("anna", home, "1", meeting("after", "SUMMARY:v2"))
	a.follow()
	a.holds(map[string]string{home: "after v2, stays v1", "contacts": ""})
	a.equal(2)
}

// Items of one object follow each by itself: one is deleted, or lies alone then; the object is renamed.
func TestItemsOfOneObject(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.deletions = 10
	a.restart()
	several := func(uids ...string) (raw []byte) {
		for _, uid := range uids {
			raw = append(raw, person(uid, "NOTE:x")...)
		}
		return raw
	}
	a.old.Put("anna", "contacts", "1", several("a", "b", "c"))
	a.old.Put("anna", "contacts", "2", several("d", "e"))
	a.follow()
	a.old.Put("anna", "contacts", "1", several("a", "c"))
	a.old.Put("anna", "contacts", "2", several("d"))
	a.follow()
	a.old.Rename("anna", "contacts", "1", "3")
	a.old.Put("anna", "contacts", "1", several("f"))
	a.follow()
	a.equal(4)
	if n := len(a.new.Objects("anna", "contacts")); n != 4 {
		t.Errorf("%d contacts", n)
	}
}

// A server that gives its objects other versions has not changed them, and neither has anybody else.
func TestVersionsWithoutChanges(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.deletions = 10
	a.restart()
	a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
	write := func(version string, uids ...string) {
		for _, uid := range uids {
			a.old.Put("anna", home, uid, meeting(uid, "SUMMARY:"+version))
		}
	}
	touch := func() {
		for c := range a.new.Collections("anna") {
			for name := range a.new.Objects("anna", c) {
				a.new.Touch("anna", c, name)
			}
		}
	}
	write("v1", "stays", "changed", "moved", "deleted", "gone")
	a.follow()
	touch()
	write("v2", "changed", "deleted")
	a.old.Remove("anna", home, "gone")
	a.follow()
	touch()
	write("v3", "changed")
	a.old.Remove("anna", home, "moved")
	a.old.Remove("anna", home, "deleted")
	a.old.Put("anna", "work", "moved", meeting("moved", "SUMMARY:v2"))
	a.follow()
	touch()
	a.old.Put("anna", "work", "moved", meeting("moved", "SUMMARY:v3"))
	a.follow()
	a.holds(map[string]string{home: "changed v3, stays v1", "contacts": "", "work": "moved v3"})
	a.unnoted()
}

// An item that is moved and changed at once has its change followed, though nobody hears that its copy was moved.
func TestChangedItemMovesUnheard(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
	a.old.Put("anna", home, "moved", meeting("moved", "SUMMARY:v1"))
	a.follow()
	a.old.Remove("anna", home, "moved")
	a.old.Put("anna", "work", "moved", meeting("moved", "SUMMARY:v2"))
	a.mishears(&a.newVia, asksFor("MOVE", ""), unheard)
	a.holds(map[string]string{home: "", "contacts": "", "work": "moved v2"})
	a.equal(1)
}

// What was one too many in its calendar, and is moved to another one and changed, is put there.
func TestOneTooManyThatIsMoved(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
	a.old.Put("anna", home, "1", meeting("twice", "SUMMARY:one"))
	a.old.Put("anna", home, "2", meeting("twice", "SUMMARY:two"))
	a.follow()
	a.old.Remove("anna", home, "2")
	a.old.Put("anna", "work", "2", meeting("twice", "SUMMARY:three"))
	a.follow()
	a.holds(map[string]string{home: "twice one", "contacts": "", "work": "twice three"})
	a.equal(2)
}

// What a server takes apart of calendars says nothing about contacts, and the other way round.
func TestServersThatRenderCalendarsAlone(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{Rewrite: stamped})
	a.old.Put("anna", "contacts", "c", person("c", "NOTE:x"))
	a.follow()
	a.old.Put("anna", home, "e", meeting("e", "SUMMARY:v1"))
	a.follow()
	a.equal(2)
}

// An item that cannot be read when it is told of, and can be then, is known as any other: it was moved here.
func TestReadOnlyLater(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
	a.old.Put("anna", home, "stays", meeting("stays", "SUMMARY:v1"))
	a.old.Put("anna", home, "moved", meeting("moved", "SUMMARY:v1"))
	a.follow()
	a.old.Remove("anna", home, "moved")
	a.old.Put("anna", "work", "moved", meeting("moved", "SUMMARY:v1"))
	a.mishears(&a.oldVia, asksFor("GET", ""), instead(403, ""))
	a.holds(map[string]string{home: "stays v1", "contacts": "", "work": "moved v1"})
	a.equal(2)
}

// Of what lay in the cloud before and says something else the old side's version is saved, and named; what says the same is not.
func TestAnotherVersionLayThere(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.old.Put("anna", home, "1", meeting("differs", "SUMMARY:v1"))
	a.old.Put("anna", home, "2", meeting("same", "SUMMARY:v1"))
	a.new.Put("anna", home, "x", meeting("differs", "SUMMARY:the user's"))
	a.new.Put("anna", home, "y", meeting("same", "SUMMARY:v1"))
	a.follow()
	saved, err := os.ReadFile(strings.TrimPrefix(a.row("1").Note, bridge.DiffersNote))
	if err != nil || !bytes.Equal(saved, meeting("differs", "SUMMARY:v1")) || a.row("2").Note != "" {
		t.Errorf("%q, %v, %q", saved, err, a.row("2").Note)
	}
	if r := a.verified(); len(r.Noted) != 1 || r.Equal != 2 {
		t.Errorf("%+v", r)
	}
	a.holds(map[string]string{home: "differs the user's, same v1", "contacts": ""})
}

// An object that gets another UID after it was told of and before it is read is not taken for what it was.
func TestAnotherItemWhenItIsRead(t *testing.T) {
	var a *across
	reads := 0
	a = newAcross(t, testserver.DAVConfig{Hook: func(r *http.Request) int {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/1") {
			if reads++; reads == 2 {
				a.old.Put("anna", home, "1", meeting("after", "SUMMARY:v1"))
			}
		}
		return 0
	}}, testserver.DAVConfig{})
	a.forgets, a.deletions = true, 10
	a.restart()
	a.old.Put("anna", home, "2", meeting("stays", "SUMMARY:v1"))
	a.follow()
	a.old.Put("anna", home, "1", meeting("before", "SUMMARY:v1"))
	a.follow()
	a.follow()
	a.holds(map[string]string{home: "after v1, stays v1", "contacts": ""})
	if a.equal(2); reads < 3 {
		t.Errorf("read %d times", reads)
	}
}

// One that is told of, and not found when it is read, is told of no more. The comparison finds it, and has it looked for.
func TestToldOfAndNotFoundWhenItIsRead(t *testing.T) {
	var hidden atomic.Bool
	a := newAcross(t, testserver.DAVConfig{NoMultiget: true, Hook: func(r *http.Request) int {
		if hidden.Load() && r.Method == http.MethodGet && strings.HasPrefix(path.Base(r.URL.Path), "odd") {
			return http.StatusNotFound
		}
		return 0
	}}, testserver.DAVConfig{})
	a.old.Put("anna", home, "one", meeting("a", "SUMMARY:v1"))
	a.follow()
	hidden.Store(true)
	a.old.Rename("anna", home, "one", "odd one")
	a.old.Put("anna", home, "odd two", meeting("b", "SUMMARY:v1"))
	a.follow()
	hidden.Store(false)
	a.follow()
	if r := a.verified(); len(r.Missing) != 2 {
		t.Fatalf("%+v", r)
	}
	a.follow()
	a.equal(2)
}

// One that is called otherwise, and not found when its change is looked for, keeps its copy: the listing tells of it no more.
func TestRenamedAndNotFoundWhenItIsRead(t *testing.T) {
	var listed, hidden atomic.Bool
	a := newAcross(t, testserver.DAVConfig{NoMultiget: true, Hook: func(r *http.Request) int {
		if hidden.Load() && r.Method == http.MethodGet && path.Base(r.URL.Path) == "other" && listed.Swap(true) {
			return http.StatusNotFound
		}
		return 0
	}}, testserver.DAVConfig{})
	a.forgets = true
	a.restart()
	a.old.Put("anna", home, "one", meeting("a", "SUMMARY:v1"))
	a.follow()
	a.old.Rename("anna", home, "one", "other")
	hidden.Store(true)
	a.follow()
	hidden.Store(false)
	a.equal(1)
}

// What its owner changed stays so where the cloud alters what items say, and nobody hears that the copy was moved; whether that was a conflict before or not.
func TestOwnersChangeThatMovesUnheard(t *testing.T) {
	for name, conflict := range map[string]bool{"conflict": true, "no conflict": false} {
		t.Run(name, func(t *testing.T) {
			a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{Rewrite: rendered})
			a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
			write := func(collection, version string) {
				a.old.Put("anna", collection, "moved", meeting("moved", "SUMMARY:"+version, "X-ODD:1"))
			}
			write(home, "v1")
			a.follow()
			copied, _ := a.cloud(home, "moved")
			a.new.Put("anna", home, copied, meeting("moved", "SUMMARY:by its owner"))
			if conflict {
				write(home, "v2")
				a.follow()
			}
			a.old.Remove("anna", home, "moved")
			write("work", "v2")
			a.mishears(&a.newVia, asksFor("MOVE", ""), unheard)
			write("work", "v3")
			a.settles()
			if _, raw := a.cloud("work", "moved"); !bytes.Contains(raw, []byte("by its owner")) {
				t.Errorf("it is %q", raw)
			}
		})
	}
}

// An item that took another's place, and cannot be read when it is told of, is copied: nobody tells of it again.
func TestAnotherItemReadOnlyLater(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.deletions = 10
	a.restart()
	a.old.Put("anna", home, "1", meeting("before", "SUMMARY:v1"))
	a.follow()
	a.old.Put("anna", home, "1", meeting("after", "SUMMARY:v1"))
	a.mishears(&a.oldVia, asksFor("GET", ""), instead(403, ""))
	a.holds(map[string]string{home: "after v1", "contacts": ""})
	a.equal(1)
}
