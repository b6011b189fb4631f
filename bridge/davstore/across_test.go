package davstore_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/bridge/davstore"
	"posthouse/cutover"
	"posthouse/internal/clock/clocktest"
	"posthouse/internal/testserver"
	"posthouse/ledger"
	"posthouse/ledger/sqlite"
)

const anna cutover.MailboxID = "anna@example.com"

// across is a bridge between two servers of calendars and address books, and Anna's collections on both.
type across struct {
	*testing.T
	old, new *testserver.DAV
	ledger   *sqlite.Ledger
	saved    string
	bridge   *bridge.Bridge

	deletions      int  // how many follow
	forgets        bool // what was read when items were listed
	oldVia, newVia http.RoundTripper
	clock          *clocktest.Clock
	of             func(bridge.Ledger) bridge.Ledger
}

func newAcross(t *testing.T, legacy, cloud testserver.DAVConfig) *across {
	t.Helper()
	a := &across{T: t, old: serve(t, legacy), new: serve(t, cloud), saved: t.TempDir() + "/refused", clock: clocktest.New()}
	l, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	a.ledger = l
	a.restart()
	return a
}

// restart begins with another bridge, as another process would.
func (a *across) restart() {
	log := logrus.New()
	log.SetOutput(io.Discard)
	book := bridge.Ledger(a.ledger)
	if a.of != nil {
		book = a.of(book)
	}
	a.bridge = bridge.New(bridge.Config{
		Ledger: book, Kinds: []cutover.FolderKind{cutover.Calendar, cutover.Contacts}, Clock: a.clock, Log: log, Parallel: 1, Poll: time.Minute, Pause: time.Millisecond, Settle: time.Millisecond, Saved: a.saved,
		Rules: func(cutover.MailboxID) bridge.Rules { return bridge.Rules{Mailbox: anna, Deletions: a.deletions} },
		Open: func(_ cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
			server, via := a.old, a.oldVia
			if side == cutover.Cloud {
				server, via = a.new, a.newVia
			}
			o := options(server)
			o.Batch = 10
			if a.forgets {
				o.Kept = 1
			}
			if via != nil {
				o.Transport = via
			}
			return davstore.New(o), nil
		},
	}, []cutover.Mailbox{{ID: anna}})
	b := a.bridge
	a.Cleanup(func() {
		if err := b.Stop(context.Background()); err != nil {
			a.Error(err)
		}
	})
}

// follow brings everything up to date.
func (a *across) follow() {
	a.Helper()
	err := a.bridge.CatchUp(a.Context(), []cutover.MailboxID{anna}, func(_ cutover.MailboxID, err error) {
		if err != nil {
			a.Fatal(err)
		}
	})
	if err != nil {
		a.Fatal(err)
	}
}

// verified is what a comparison of both sides finds.
func (a *across) verified() bridge.Report {
	a.Helper()
	r, err := a.bridge.VerifyFully(a.Context(), anna)
	if err != nil {
		a.Fatal(err)
	}
	return r
}

// equal demands that both sides agree in so many items.
func (a *across) equal(n int) {
	a.Helper()
	if r := a.verified(); r.Equal != n || len(r.Missing)+len(r.Extra)+len(r.Altered)+len(r.Removed) != 0 {
		a.Errorf("%d equal, want %d: %+v", r.Equal, n, r)
	}
}

// rows are Anna's items by what their UID is in the cloud, or by their reference on the old side.
func (a *across) rows() (rows []ledger.Item) {
	a.Helper()
	pairs, err := a.ledger.Pairs(a.Context(), anna)
	if err != nil {
		a.Fatal(err)
	}
	for _, p := range pairs {
		if err := a.ledger.All(a.Context(), p.ID, func(row ledger.Item) bool { rows = append(rows, row); return true }); err != nil {
			a.Fatal(err)
		}
	}
	return rows
}

// noted is the note of the item that lies under a name on the old side.
func (a *across) row(ref cutover.Ref) ledger.Item {
	a.Helper()
	for _, row := range a.rows() {
		if row.Legacy.Ref == ref {
			return row
		}
	}
	a.Fatalf("no item %s", ref)
	return ledger.Item{}
}

// cloud is the one object in a collection of the new server that holds a text.
func (a *across) cloud(collection, text string) (name string, raw []byte) {
	a.Helper()
	for n, r := range a.new.Objects("anna", collection) {
		if bytes.Contains(r, []byte(text)) {
			if name != "" {
				a.Fatalf("%q lies in %s twice", text, collection)
			}
			name, raw = n, r
		}
	}
	return name, raw
}

func meeting(uid string, lines ...string) []byte {
	return fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20300101T100000Z\r\n%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", uid, strings.Join(lines, "\r\n"))
}

func person(uid string, lines ...string) []byte {
	return fmt.Appendf(nil, "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:%s\r\nFN:%s\r\nN:%s;;;;\r\n%s\r\nEND:VCARD\r\n", uid, uid, uid, strings.Join(lines, "\r\n"))
}

func TestCalendarsAndContactsCross(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
	want := map[string][]byte{}
	for n := range 25 {
		uid := fmt.Sprint("e", n)
		want[uid] = meeting(uid, "SUMMARY:X", "X-ODD;A=b:c", fmt.Sprintf("COMMENT:%0*d", n*100+1, n))
		a.old.Put("anna", home, uid+".ics", want[uid])
		a.old.Put("anna", "contacts", uid+".vcf", person(uid, "X-ODD:y"))
	}
	a.old.Put("anna", "work", "same.ics", meeting("e1", "SUMMARY:the same UID"))
	a.follow()
	a.equal(51)
	for uid, raw := range want {
		if _, got := a.cloud(home, "UID:"+uid+"\r"); !bytes.Equal(got, raw) {
			t.Errorf("%s became %q", uid, got)
		}
	}
	if got := a.new.Property("anna", "work", "DAV: displayname"); got != "Work" {
		t.Errorf("the calendar is called %q", got)
	}
	before := a.new.Asked()["PUT"]
	a.restart()
	a.follow()
	a.equal(51)
	if n := a.new.Asked()["PUT"] - before; n != 0 {
		t.Errorf("%d were put again", n)
	}
}

// In a cloud that has nothing yet the default calendar and the default address book are two things, and the plan says so before.
func TestPlanTellsKindsApart(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.old.Put("anna", home, "e.ics", meeting("e"))
	a.old.Put("anna", "contacts", "c.vcf", person("c"))
	a.new.RemoveCollection("anna", home)
	a.new.RemoveCollection("anna", "contacts")
	planned := map[string]string{}
	err := a.bridge.Plan(t.Context(), []cutover.MailboxID{anna}, func(p bridge.Plan, err error) {
		for _, f := range p.Folders {
			if want := map[string]cutover.FolderKind{"Calendars": cutover.Calendar, "Address books": cutover.Contacts}[f.Legacy[0]]; f.Kind != want {
				t.Errorf("%s holds %q, want %q", f.Legacy, f.Kind, want)
			}
			if planned[f.Legacy.Key()] = f.Cloud.Key(); err != nil || len(f.Clash) > 0 || f.Cloud[0] != f.Legacy[0] {
				t.Errorf("%+v, %v", f, err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	a.follow()
	a.equal(2)
	pairs, err := a.ledger.Pairs(t.Context(), anna)
	if err != nil || len(pairs) != len(planned) || len(pairs) != 2 {
		t.Fatalf("%+v, planned %q, %v", pairs, planned, err)
	}
	for _, p := range pairs {
		if p.Cloud.Key() != planned[p.Legacy.Key()] {
			t.Errorf("%s went to %s, planned %q", p.Legacy, p.Cloud, planned[p.Legacy.Key()])
		}
	}
}

// What changes on the old side follows; what was changed or removed in the cloud stays as it is, and is told.
func TestEditsFollow(t *testing.T) {
	for name, cloud := range map[string]testserver.DAVConfig{"usual": {}, "rewriting": {Rewrite: func(raw []byte) []byte {
		return bytes.Replace(raw, []byte("BEGIN:VEVENT"), []byte("X-SERVER:1\r\nBEGIN:VEVENT"), 1)
	}}, "no tokens": {NoSync: true}} {
		t.Run(name, func(t *testing.T) {
			a := newAcross(t, testserver.DAVConfig{NoSync: cloud.NoSync}, cloud)
			for _, uid := range []string{"stays", "old", "new", "both", "removed", "deleted"} {
				a.old.Put("anna", home, uid, meeting(uid, "SUMMARY:first"))
			}
			a.follow()
			change := func(uid, text string) {
				n, _ := a.cloud(home, "UID:"+uid+"\r")
				a.new.Put("anna", home, n, meeting(uid, "SUMMARY:"+text))
			}
			a.old.Put("anna", home, "old", meeting("old", "SUMMARY:second"))
			a.old.Put("anna", home, "both", meeting("both", "SUMMARY:second"))
			a.old.Put("anna", home, "removed", meeting("removed", "SUMMARY:second"))
			a.old.Put("anna", home, "came", meeting("came", "SUMMARY:second"))
			a.old.Remove("anna", home, "deleted")
			change("new", "the user's")
			change("both", "the user's")
			n, _ := a.cloud(home, "UID:removed\r")
			a.new.Remove("anna", home, n)
			a.follow()
			for uid, text := range map[string]string{"stays": "first", "old": "second", "new": "the user's", "both": "the user's", "deleted": "first", "came": "second"} {
				if _, raw := a.cloud(home, "UID:"+uid+"\r"); !bytes.Contains(raw, []byte("SUMMARY:"+text)) {
					t.Errorf("%s is %q, want %s", uid, raw, text)
				}
			}
			if _, raw := a.cloud(home, "UID:removed"); raw != nil {
				t.Error("what was removed in the cloud came back")
			}
			for uid, begins := range map[cutover.Ref]string{"both": bridge.ConflictNote, "removed": bridge.RemovedNote} {
				note := a.row(uid).Note
				saved, err := os.ReadFile(strings.TrimPrefix(note, begins))
				if err != nil || !bytes.Contains(saved, []byte("second")) {
					t.Errorf("%s: noted %q, saved %q, %v", uid, note, saved, err)
				}
			}
			// And once more: what follows goes on following.
			a.old.Put("anna", home, "old", meeting("old", "SUMMARY:third"))
			a.follow()
			if _, raw := a.cloud(home, "UID:old"); !bytes.Contains(raw, []byte("third")) {
				t.Errorf("old is %q", raw)
			}
			if r := a.verified(); len(r.Missing)+len(r.Extra)+len(r.Altered) != 0 || len(r.Removed) != 1 || r.Equal != 5 || r.Edited != 2 || len(r.Noted) != 2 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestForgottenTokens(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	for n := range 30 {
		a.old.Put("anna", home, fmt.Sprint(n), meeting(fmt.Sprint("e", n), "SUMMARY:first"))
	}
	a.follow()
	a.old.ForgetTokens()
	a.new.ForgetTokens()
	a.old.Put("anna", home, "3", meeting("e3", "SUMMARY:second"))
	a.old.Put("anna", home, "30", meeting("e30", "SUMMARY:new"))
	before := a.new.Asked()["PUT"]
	a.follow()
	if n := a.new.Asked()["PUT"] - before; n != 2 {
		t.Errorf("%d were put, want the new one and the changed one", n)
	}
	a.equal(31)
}

// A server that names members otherwise after it was replaced holds the same items.
func TestRenamedMembers(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	for n := range 5 {
		a.old.Put("anna", home, fmt.Sprint(n), meeting(fmt.Sprint("e", n)))
	}
	a.follow()
	for n := range 5 {
		a.old.Rename("anna", home, fmt.Sprint(n), fmt.Sprint("other", n))
	}
	a.old.Put("anna", home, "other2", meeting("e2", "SUMMARY:changed"))
	a.follow()
	a.equal(5)
	if _, raw := a.cloud(home, "UID:e2"); !bytes.Contains(raw, []byte("changed")) || len(a.rows()) != 5 {
		t.Errorf("%q, %d rows", raw, len(a.rows()))
	}
}

func TestMovedBetweenCalendars(t *testing.T) {
	for name, cloud := range map[string]testserver.DAVConfig{"usual": {}, "no MOVE": {NoMove: true}} {
		t.Run(name, func(t *testing.T) {
			a := newAcross(t, testserver.DAVConfig{}, cloud)
			a.old.AddCollection("anna", "work", testserver.DAVCalendar, "Work")
			a.old.Put("anna", home, "a", meeting("a", "SUMMARY:first"))
			a.old.Put("anna", home, "b", meeting("b", "SUMMARY:first"))
			a.follow()
			a.old.Remove("anna", home, "a")
			a.old.Put("anna", "work", "a", meeting("a", "SUMMARY:moved and changed"))
			a.follow()
			_, raw := a.cloud("work", "UID:a")
			if !bytes.Contains(raw, []byte("moved and changed")) {
				t.Errorf("in the new calendar: %q", raw)
			}
			if _, raw := a.cloud(home, "UID:a"); cloud.NoMove == (raw == nil) {
				t.Errorf("in the old calendar: %q", raw)
			}
			a.old.Put("anna", "work", "a", meeting("a", "SUMMARY:changed again"))
			a.follow()
			if _, raw := a.cloud("work", "UID:a"); !bytes.Contains(raw, []byte("changed again")) {
				t.Errorf("after a change: %q", raw)
			}
		})
	}
}

func TestClashesAndOddMembers(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{}, testserver.DAVConfig{})
	a.old.Put("anna", home, "1", meeting("twice", "SUMMARY:one"))
	a.old.Put("anna", home, "2", meeting("twice", "SUMMARY:two"))
	a.old.Put("anna", home, "3", bytes.ReplaceAll(meeting("", "SUMMARY:no UID"), []byte("UID:\r\n"), nil))
	two := string(meeting("p", "SUMMARY:p")) + string(meeting("q", "SUMMARY:q"))
	a.old.Put("anna", home, "4", []byte(strings.Replace(two, "END:VCALENDAR\r\nBEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n", "", 1)))
	a.old.Put("anna", home, "5", []byte("nothing of the kind \x01"))
	a.old.Put("anna", home, "6", meeting("bin", "SUMMARY:\xfc\x01"))
	a.follow()
	if row := a.row("2"); row.Disposition != cutover.Refused || !strings.Contains(row.Note, "twice") || !strings.HasSuffix(row.Note, ".ics") {
		t.Errorf("the second of one UID: %+v", row)
	}
	if row := a.row("3"); !row.Repaired() {
		t.Errorf("without UID: %+v", row)
	}
	for _, text := range []string{"SUMMARY:one", "SUMMARY:no UID", "SUMMARY:p\r", "SUMMARY:q\r", "UID:bin"} {
		if _, raw := a.cloud(home, text); raw == nil {
			t.Errorf("%s is not there", text)
		}
	}
	if row := a.row("5"); row.Disposition != cutover.Refused {
		t.Errorf("no object: %+v", row)
	}
	if n := len(a.new.Objects("anna", home)); n != 5 {
		t.Errorf("%d objects in the cloud", n)
	}
	r := a.verified()
	if r.Equal != 5 || len(r.Missing) != 2 || len(r.Extra) != 0 {
		t.Errorf("%+v", r)
	}
	before := a.new.Asked()["PUT"]
	a.restart()
	a.old.ForgetTokens()
	a.follow()
	if n := a.new.Asked()["PUT"] - before; n != 0 || len(a.rows()) != 7 {
		t.Errorf("%d were put again, %d rows", n, len(a.rows()))
	}
}

// No server sends anything for what we do, whoever organises.
func TestNobodyIsInvited(t *testing.T) {
	a := newAcross(t, testserver.DAVConfig{Schedules: true}, testserver.DAVConfig{Schedules: true})
	organiser := []string{"ORGANIZER;CN=Anna:mailto:anna@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.com", "ATTENDEE;PARTSTAT=TENTATIVE;ROLE=CHAIR:mailto:bob@example.com"}
	attendee := []string{"ORGANIZER:mailto:boss@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.com", "ATTENDEE:mailto:bob@example.com"}
	a.old.Put("anna", home, "mine", meeting("mine", organiser...))
	a.old.Put("anna", home, "theirs", meeting("theirs", attendee...))
	a.old.Put("anna", home, "others", meeting("others", "ORGANIZER:mailto:boss@example.com", "ATTENDEE:mailto:bob@example.com"))
	a.old.Put("anna", home, "alone", meeting("alone", "ORGANIZER:mailto:anna@example.com", "ATTENDEE:mailto:anna@example.com"))
	a.follow()
	for ref, repaired := range map[cutover.Ref]bool{"mine": true, "theirs": true, "others": false, "alone": false} {
		if row := a.row(ref); row.Repaired() != repaired || row.Disposition != cutover.Copied {
			t.Errorf("%s: %+v", ref, row)
		}
	}
	if note := a.row("mine").Note; !strings.Contains(note, bridge.SilentNote) {
		t.Errorf("noted %q", note)
	}
	if _, raw := a.cloud(home, "UID:mine"); !bytes.Contains(raw, []byte("PARTSTAT=TENTATIVE")) || !bytes.Contains(raw, []byte("ROLE=CHAIR")) {
		t.Errorf("%q", raw)
	}
	a.old.Put("anna", home, "mine", meeting("mine", append(organiser, "SUMMARY:changed")...))
	a.old.Put("anna", home, "alone", meeting("alone", append(organiser, "SUMMARY:no longer alone")...))
	a.follow()
	for _, text := range []string{"SUMMARY:changed", "SUMMARY:no longer alone"} {
		if _, raw := a.cloud(home, text); raw == nil {
			t.Errorf("%s did not follow", text)
		}
	}
	if sent := append(a.old.Messages(), a.new.Messages()...); len(sent) != 0 {
		t.Errorf("sent: %q", sent)
	}
	if r := a.verified(); r.Equal != 4 || len(r.Altered)+len(r.Missing)+len(r.Extra) != 0 || len(r.Noted) != 3 {
		t.Errorf("%+v", r)
	}
}

// What the cloud refuses is repaired as little as it takes, and what it takes with nothing is kept as a file.
func TestRefusedObjects(t *testing.T) {
	cloud := testserver.DAVConfig{MaxObject: 100_000, Refuse: func(raw []byte) string {
		switch {
		case bytes.Contains(raw, []byte("Standard Time")), !bytes.Contains(raw, []byte("PRODID")) && bytes.Contains(raw, []byte("VCALENDAR")), bytes.Contains(raw, []byte("hopeless")), bytes.Contains(raw, []byte("VERSION:2.1")):
			return "valid-calendar-data"
		}
		return ""
	}}
	a := newAcross(t, testserver.DAVConfig{}, cloud)
	a.old.Put("anna", home, "zone", meeting("zone", "DTEND;TZID=W. Europe Standard Time:20300101T120000"))
	a.old.Put("anna", home, "prodid", bytes.Replace(meeting("prodid", "SUMMARY:x"), []byte("PRODID:-//test//EN\r\n"), nil, 1))
	a.old.Put("anna", home, "hopeless", meeting("hopeless"))
	a.old.Put("anna", home, "fine", meeting("fine"))
	a.old.Put("anna", "contacts", "photo", person("photo", "PHOTO;ENCODING=b:"+strings.Repeat("QUJD", 40_000)))
	a.old.Put("anna", "contacts", "old", bytes.Replace(person("old", "TEL;HOME:1"), []byte("3.0"), []byte("2.1"), 1))
	a.follow()
	for ref, note := range map[cutover.Ref]string{"zone": "Windows", "prodid": "required", "photo": "large picture", "old": "vCard 2.1"} {
		row := a.row(ref)
		if !row.Repaired() || !strings.Contains(row.Note, note) || strings.Contains(strings.SplitN(row.Note, ";", 2)[0], ",") {
			t.Errorf("%s: %+v", ref, row)
		}
	}
	row := a.row("hopeless")
	_, file, _ := strings.Cut(row.Note, "saved as ")
	file, _, _ = strings.Cut(file, ";")
	if saved, err := os.ReadFile(file); row.Disposition != cutover.Refused || !bytes.Equal(saved, meeting("hopeless")) || !strings.HasSuffix(file, ".ics") {
		t.Errorf("%+v, saved %q, %v", row, saved, err)
	}
	if r := a.verified(); r.Equal != 5 || len(r.Missing) != 1 || len(r.Altered)+len(r.Extra) != 0 {
		t.Errorf("%+v", r)
	}
	a.old.Put("anna", home, "hopeless", meeting("better"))
	a.old.Put("anna", home, "zone", meeting("zone", "DTEND;TZID=Tokyo Standard Time:20300101T120000"))
	a.follow()
	if _, raw := a.cloud(home, "UID:zone"); !bytes.Contains(raw, []byte("Asia/Tokyo")) {
		t.Errorf("%q", raw)
	}
	a.equal(6)
}

// What the cloud holds already, by whatever name, is taken for what it is.
func TestCopiesOfBefore(t *testing.T) {
	for name, cloud := range map[string]testserver.DAVConfig{"usual": {}, "no tokens": {NoSync: true}, "neither tokens nor tags": {NoSync: true, NoCTag: true}} {
		t.Run(name, func(t *testing.T) {
			a := newAcross(t, testserver.DAVConfig{}, cloud)
			for n := range 40 {
				raw := meeting(fmt.Sprint("e", n), "SUMMARY:first")
				a.old.Put("anna", home, fmt.Sprint(n), raw)
				if n%2 == 0 {
					a.new.Put("anna", home, fmt.Sprint("by another tool ", n), raw)
				}
			}
			a.new.Put("anna", home, "own", meeting("own"))
			a.follow()
			if n := a.new.Asked()["PUT"]; n != 20 {
				t.Errorf("%d were put, want 20", n)
			}
			a.equal(40)
			a.old.Put("anna", home, "4", meeting("e4", "SUMMARY:second"))
			a.follow()
			if raw := a.new.Objects("anna", home)["by another tool 4"]; !bytes.Contains(raw, []byte("second")) {
				t.Errorf("%q", raw)
			}
			names := slices.Collect(maps.Keys(a.new.Objects("anna", home)))
			if len(names) != 41 {
				t.Errorf("%d objects", len(names))
			}
		})
	}
}
