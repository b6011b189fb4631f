package davstore_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/bridge/davstore"
	"posthouse/cutover"
	"posthouse/internal/clock"
	"posthouse/ledger/sqlite"
	"posthouse/test/neighbour"
)

// many is how many events, and how many contacts, cross between real servers.
const many = 2000

// shelf is how many items one collection gets: Radicale looks through all of it whenever one more is put.
const shelf = 500

// fill writes calendars and address books into a Radicale's folder before anybody looks, with what real ones hold.
func fill(t testing.TB, dir string, n int) {
	t.Helper()
	for i := range max(1, (n+shelf-1)/shelf) {
		calendar, contacts := shelfIn(t, dir, "default", i, `{"tag": "VCALENDAR", "D:displayname": "Calendar %d", "ICAL:calendar-color": "#ff0000ff"}`), shelfIn(t, dir, "contacts", i, `{"tag": "VADDRESSBOOK", "D:displayname": "Leute %d"}`)
		for k := i * shelf; k < min(n, (i+1)*shelf); k++ {
			put(t, filepath.Join(calendar, fmt.Sprintf("e%d.ics", k)), varied(k))
			put(t, filepath.Join(contacts, fmt.Sprintf("c%d.vcf", k)), person(fmt.Sprint("urn:uuid:", k), "EMAIL;TYPE=WORK:a@example.com", "NOTE:Grüße\\, 日本語 "+strings.Repeat("x", k%50), "X-ODD;A=b:c"))
		}
	}
}

// shelfIn makes the ith collection of a kind.
func shelfIn(t testing.TB, dir, name string, i int, props string) (folder string) {
	t.Helper()
	if i > 0 {
		name = fmt.Sprintf("%s-%d", name, i)
	}
	folder = filepath.Join(dir, "collections", "collection-root", "anna", name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(folder, ".Radicale.props"), fmt.Appendf(nil, props, i))
	return folder
}

func put(t testing.TB, name string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// varied is the nth event: some recur and have exceptions, some have time zones, alarms and attendees.
func varied(n int) []byte {
	uid := fmt.Sprintf("event-%d@example.com", n)
	switch n % 4 {
	case 0:
		return meeting(uid, "SUMMARY:plain "+strings.Repeat("y", n%70), "X-ODD;A=\"b;c\":d")
	case 1:
		return meeting(uid, "RRULE:FREQ=WEEKLY", "SUMMARY:weekly", "END:VEVENT", "BEGIN:VEVENT", "UID:"+uid, "DTSTAMP:20260101T000000Z", "RECURRENCE-ID:20300108T100000Z", "DTSTART:20300109T100000Z", "SUMMARY:a day later")
	case 2:
		return meeting(uid, "SUMMARY:invited", "ORGANIZER:mailto:boss@example.com", "ATTENDEE;PARTSTAT=ACCEPTED;CN=\"Anna B.\":mailto:anna@example.com", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "END:VALARM")
	}
	zone := "BEGIN:VTIMEZONE\r\nTZID:Ours/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT"
	raw := string(meeting(uid, "DTEND;TZID=Ours/Berlin:20300101T120000", "DESCRIPTION:lines\\nand "+strings.Repeat("ü", n%90)))
	return []byte(strings.Replace(raw, "BEGIN:VEVENT", zone, 1))
}

// real is a bridge between two real servers.
func real(t testing.TB, dir, legacy, cloud string, deletions int) *bridge.Bridge {
	t.Helper()
	l, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	log := logrus.New()
	log.SetOutput(io.Discard)
	b := bridge.New(bridge.Config{
		Ledger: l, Kinds: []cutover.FolderKind{cutover.Calendar, cutover.Contacts}, Clock: clock.Real(), Log: log, Parallel: 1, Poll: time.Minute, Pause: time.Millisecond, Settle: time.Millisecond, Saved: dir + "/refused",
		Rules: func(cutover.MailboxID) bridge.Rules { return bridge.Rules{Mailbox: anna, Deletions: deletions} },
		Open: func(_ cutover.Mailbox, side cutover.Side) (bridge.Store, error) {
			o := davstore.Options{URL: legacy, Authorize: func(r *http.Request) error { r.SetBasicAuth("anna", "secret"); return nil }, Transport: &http.Transport{}}
			if side == cutover.Cloud {
				o.URL = cloud
			}
			return davstore.New(o), nil
		},
	}, []cutover.Mailbox{{ID: anna}})
	t.Cleanup(func() {
		if err := b.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func catchUp(t testing.TB, b *bridge.Bridge) {
	t.Helper()
	err := b.CatchUp(t.Context(), []cutover.MailboxID{anna}, func(_ cutover.MailboxID, err error) {
		if err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// cross copies from one server to another and demands that both are equal then, and that a second look changes nothing.
func cross(t *testing.T, from, to *neighbour.DAV, n int) {
	t.Helper()
	b := real(t, t.TempDir(), from.URL, to.URL, 0)
	began := time.Now()
	catchUp(t, b)
	took := time.Since(began)
	began = time.Now()
	catchUp(t, b)
	t.Logf("%s to %s: %d events and contacts in %s; %s when nothing was new", from.Name(), to.Name(), 2*n, took, time.Since(began))
	if r, err := b.Verify(t.Context(), anna); err != nil || r.Equal != 2*n || len(r.Missing)+len(r.Extra)+len(r.Altered)+len(r.Removed) != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// TestManyBetweenRealServers copies what a busy person has.
func TestManyBetweenRealServers(t *testing.T) {
	t.Parallel()
	users := map[string]string{"anna": "secret"}
	old := neighbour.Radicale(t, "old", users, "")
	fill(t, old.Dir, many)
	cross(t, old, neighbour.Radicale(t, "new", users, ""), many)
}

// TestRealServers goes from one real server to another of another make, and from there to a third: each is a source and a target, and what arrives in the end is what there was.
func TestRealServers(t *testing.T) {
	t.Parallel()
	const n = 300 // Xandikos takes some 70 a second
	users := map[string]string{"anna": "secret"}
	first, second, third := neighbour.Radicale(t, "first", users, ""), neighbour.Xandikos(t, "second", "anna"), neighbour.Radicale(t, "third", users, "")
	fill(t, first.Dir, n)
	cross(t, first, second, n)
	cross(t, second, third, n)
	b := real(t, t.TempDir(), first.URL, third.URL, 0)
	catchUp(t, b)
	if r, err := b.VerifyFully(t.Context(), anna); err != nil || r.Equal != 2*n || len(r.Missing)+len(r.Extra)+len(r.Altered) != 0 {
		t.Errorf("the first and the third: %+v, %v", r, err)
	}
}

// TestDeletionsBetweenRealServers deletes by hand on real servers: what nobody changed in the cloud goes there too.
func TestDeletionsBetweenRealServers(t *testing.T) {
	t.Parallel()
	users := map[string]string{"anna": "secret"}
	for name, make := range map[string]func(name string) *neighbour.DAV{
		"Radicale": func(name string) *neighbour.DAV { return neighbour.Radicale(t, name, users, "") },
		"Xandikos": func(name string) *neighbour.DAV { return neighbour.Xandikos(t, name, "anna") },
	} {
		t.Run(name, func(t *testing.T) {
			old, new := make("deletes"), make("follows")
			fromFiles := neighbour.Radicale(t, "before", users, "")
			fill(t, fromFiles.Dir, 20)
			catchUp(t, real(t, t.TempDir(), fromFiles.URL, old.URL, 0))
			b := real(t, t.TempDir(), old.URL, new.URL, 10)
			catchUp(t, b)
			here, there := byUID(t, old.URL), byUID(t, new.URL)
			for _, uid := range []string{"event-4@example.com", "event-5@example.com", "event-6@example.com", "event-8@example.com", "urn:uuid:3"} {
				ask(t, http.MethodDelete, here[uid], nil)
			}
			ask(t, http.MethodPut, there["event-8@example.com"], meeting("event-8@example.com", "SUMMARY:the user's"))
			catchUp(t, b)
			left := byUID(t, new.URL)
			for uid, stays := range map[string]bool{"event-4@example.com": false, "event-5@example.com": false, "event-6@example.com": false, "event-8@example.com": true, "urn:uuid:3": false, "event-7@example.com": true, "urn:uuid:4": true} {
				if (left[uid] != "") != stays {
					t.Errorf("%s lies at %q, stays: want %v", uid, left[uid], stays)
				}
			}
			if r, err := b.Verify(t.Context(), anna); err != nil || r.Equal != 35 || len(left) != 36 || len(r.Noted) != 1 || len(r.Missing)+len(r.Extra)+len(r.Removed) != 0 {
				t.Errorf("%d are left, %+v, %v", len(left), r, err)
			}
		})
	}
}

// byUID are the addresses of what a server holds.
func byUID(t testing.TB, at string) map[string]string {
	t.Helper()
	s := davstore.New(davstore.Options{URL: at, Authorize: func(r *http.Request) error { r.SetBasicAuth("anna", "secret"); return nil }})
	defer s.Close()
	folders, err := s.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range folders {
		for item, err := range s.Scan(t.Context(), f, "") {
			if err != nil {
				t.Fatal(err)
			}
			all[item.Identity.MessageID] = f.Name + string(item.Ref)
		}
	}
	return all
}

// ask does to a server what another program of the user does.
func ask(t testing.TB, method, at string, body []byte) {
	t.Helper()
	askAs(t, "anna", method, at, body)
}

func askAs(t testing.TB, user, method, at string, body []byte, header ...string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, at, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(user, "secret")
	r.Header.Set("Content-Type", "text/calendar")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Del("Content-Type")
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	raw, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s, %v, %s", method, at, got.Status, err, raw)
	}
	return raw
}
