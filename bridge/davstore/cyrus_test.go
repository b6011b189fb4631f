package davstore_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/test/neighbour"
)

// TestCyrus goes to a server that schedules by itself, and from there to another one: it is target and source, and what arrives in the end is what there was, with what it refused repaired.
func TestCyrus(t *testing.T) {
	t.Parallel()
	const n = 120
	users := map[string]string{"anna": "secret"}
	first, second, third := neighbour.Radicale(t, "first", users, ""), neighbour.CyrusDAV(t, "second", users), neighbour.Radicale(t, "third", users, "")
	fill(t, first.Dir, n)
	cross(t, first, second, n)
	cross(t, second, third, n)
}

// people are Anna, who moves to a Cyrus, and Bob, who is there.
func people(t *testing.T, deletions int) (old, new *neighbour.DAV, b *bridge.Bridge) {
	old = neighbour.Radicale(t, "old", map[string]string{"anna": "secret"}, "")
	fill(t, old.Dir, 0)
	new = neighbour.CyrusDAV(t, "cyrus", map[string]string{"anna": "secret", "bob": "secret"})
	return old, new, real(t, t.TempDir(), old.URL, new.URL, deletions)
}

// messages are what lies in somebody's calendars and his scheduling inbox on a Cyrus: what he was told.
func messages(t *testing.T, c *neighbour.DAV, user string) (all []string) {
	t.Helper()
	for _, folder := range []string{"Default", "Inbox"} {
		at := c.URL + "dav/calendars/user/" + user + "/" + folder + "/"
		answer := askAs(t, user, "PROPFIND", at, nil, "Depth", "1")
		for _, part := range strings.Split(string(answer), "<D:href>")[1:] {
			if href, _, _ := strings.Cut(part, "<"); strings.HasSuffix(href, ".ics") {
				all = append(all, folder+": "+string(askAs(t, user, http.MethodGet, strings.TrimSuffix(c.URL, "/")+href, nil)))
			}
		}
	}
	return all
}

// TestRealScheduling: a server that would invite, cancel and answer by itself does nothing of it for what we do. That it would is shown first.
func TestRealScheduling(t *testing.T) {
	t.Parallel()
	old, new, b := people(t, 10)
	at := new.URL + "dav/calendars/user/anna/Default/"
	mine := []string{"DTEND:20300101T110000Z", "ORGANIZER:mailto:anna@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.com", "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob@example.com"}
	theirs := []string{"DTEND:20300101T110000Z", "ORGANIZER:mailto:bob@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.com"}
	askAs(t, "anna", http.MethodPut, at+"loud.ics", meeting("loud", mine...))
	if told := messages(t, new, "bob"); len(told) == 0 {
		t.Fatal("the server does not invite by itself")
	}
	askAs(t, "anna", http.MethodDelete, at+"loud.ics", nil)
	before := len(messages(t, new, "bob"))

	for uid, lines := range map[string][]string{"mine": mine, "theirs": theirs, "plain": {"DTEND:20300101T110000Z", "SUMMARY:x"}} {
		askAs(t, "anna", http.MethodPut, old.URL+"anna/default/"+uid+".ics", meeting(uid, lines...))
	}
	catchUp(t, b)
	there := byUID(t, new.URL)
	if there["mine"] == "" || there["theirs"] == "" || there["plain"] == "" {
		t.Fatalf("there are %v", there)
	}
	askAs(t, "anna", http.MethodPut, old.URL+"anna/default/mine.ics", meeting("mine", append(mine, "SUMMARY:changed")...))
	catchUp(t, b)
	if raw := askAs(t, "anna", http.MethodGet, there["mine"], nil); !bytes.Contains(raw, []byte("SUMMARY:changed")) {
		t.Errorf("the change did not follow: %s", raw)
	}
	for _, uid := range []string{"mine", "theirs"} {
		askAs(t, "anna", http.MethodDelete, old.URL+"anna/default/"+uid+".ics", nil)
	}
	catchUp(t, b)
	if left := byUID(t, new.URL); left["mine"] == "" || left["theirs"] != "" || left["plain"] == "" {
		t.Errorf("left are %v", left)
	}
	if told := messages(t, new, "bob"); len(told) != before {
		t.Errorf("Bob was told: %q", told)
	}
	if r, err := b.Verify(t.Context(), anna); err != nil || r.Kinds[cutover.Calendar] != 1 || len(r.Missing)+len(r.Extra) != 0 || len(r.Noted) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
