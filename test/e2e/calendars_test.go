package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/test/neighbour"
)

const events, contacts = 120, 120 // on the old server

// TestCalendarsAndKills copies calendars and address books between real servers while they are changed on both sides, and kills the daemon again and again. In the end each item lies in the cloud once: as the old
// side has it, or as its owner made it there, and what was deleted on the old side does not.
func TestCalendarsAndKills(t *testing.T) {
	t.Parallel()
	seed := seed(t)
	h := newHands(t, rand.New(rand.NewPCG(seed, 2)))
	toml := fmt.Sprintf("state = \"state\"\ndomains = [\"example.com\"]\n[servers.legacy]\nside = \"legacy\"\ndav = %q\ninsecure_plaintext = true\n[servers.cloud]\nside = \"cloud\"\ndav = %q\ninsecure_plaintext = true\n"+
		"[bridge]\ncalendar_poll = \"1s\"\nsettle_time = \"500ms\"\ndeletions = 1000\n", h.old.URL, h.new.URL)
	d := newDaemon(t, folder(t), toml, map[string]string{
		"mailboxes.csv": "address,legacy_server,legacy_login,legacy_password,cloud_server,cloud_login,cloud_password\nanna@example.com,legacy,anna,secret,cloud,anna,secret\n",
	})
	for range 12 {
		d.start()
		ctx, kill := context.WithTimeout(t.Context(), time.Duration(50+h.random.IntN(1500))*time.Millisecond)
		for ctx.Err() == nil {
			h.happen()
			time.Sleep(time.Duration(h.random.IntN(60)) * time.Millisecond)
		}
		kill()
		d.kill()
	}
	began := time.Now()
	d.start()
	d.until("calendars and contacts to be followed", func(s control.Status) bool {
		o := s.Mailboxes[0].Objects
		return o != nil && o.Caught.After(began) && o.Left() == 0 && s.Copy.Caught == 1 && s.Copy.Problems == 0
	})
	if out, talk, code := d.command("mailboxes"); code != 0 || !strings.Contains(out, "calendars and address books alone") {
		t.Errorf("mailboxes: %d, %s%s", code, out, talk)
	}
	if out, talk, code := d.command("backfill", "--plan"); code != 0 || strings.Contains(out+talk, "no IMAP server") {
		t.Errorf("backfill --plan: %d, %s%s", code, out, talk)
	}
	if out, talk, code := d.command("verify"); code != 0 && code != 3 {
		t.Errorf("verify: %d, %s%s", code, out, talk)
	}
	d.stop()
	h.check()
}

// hands are a user's, on both servers.
type hands struct {
	*testing.T
	random   *rand.Rand
	old, new *neighbour.DAV
	want     map[string]string // by UID what the old side has
	own      map[string]string // by UID what the user made of the copy
	gone     map[string]bool   // by UID what he deleted on the old side
	next     int
}

func newHands(t *testing.T, random *rand.Rand) *hands {
	users := map[string]string{"anna": "secret"}
	h := &hands{T: t, random: random, old: neighbour.Radicale(t, "old", users, ""), new: neighbour.Radicale(t, "new", users, ""), want: map[string]string{}, own: map[string]string{}, gone: map[string]bool{}}
	for name, tag := range map[string]string{"default": "VCALENDAR", "contacts": "VADDRESSBOOK"} {
		folder := filepath.Join(h.old.Dir, "collections", "collection-root", "anna", name)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, ".Radicale.props"), fmt.Appendf(nil, `{"tag": %q}`, tag), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n := range events + contacts {
		uid := fmt.Sprint("event-", n)
		if n >= events {
			uid = fmt.Sprint("contact-", n-events)
		}
		h.want[uid] = "first"
		if err := os.WriteFile(filepath.Join(h.old.Dir, "collections", "collection-root", "anna", h.name(uid)), h.object(uid, "first"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// name is where an item lies on the old side.
func (h *hands) name(uid string) string {
	if strings.HasPrefix(uid, "contact") {
		return "contacts/" + uid + ".vcf"
	}
	return "default/" + uid + ".ics"
}

func (h *hands) object(uid, note string) []byte {
	if strings.HasPrefix(uid, "contact") {
		return fmt.Appendf(nil, "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:%s\r\nFN:%s\r\nN:%s;;;;\r\nX-ODD:kept\r\nNOTE:%s\r\nEND:VCARD\r\n", uid, uid, uid, note)
	}
	return fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20300101T100000Z\r\nRRULE:FREQ=WEEKLY\r\nX-ODD:kept\r\nSUMMARY:x\r\nCOMMENT:%s\r\nEND:VEVENT\r\n"+
		"BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20300108T100000Z\r\nDTSTART:20300109T100000Z\r\nSUMMARY:a day later\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", uid, note, uid)
}

// happen is one thing that the user does.
func (h *hands) happen() {
	uids := slices.Sorted(maps.Keys(h.want))
	uid := uids[h.random.IntN(len(uids))]
	h.next++
	text := fmt.Sprint("version ", h.next)
	switch h.random.IntN(6) {
	case 0:
		uid = fmt.Sprint("event-new-", h.next)
		fallthrough
	case 1, 2:
		h.want[uid] = text
		h.ask(http.MethodPut, h.old.URL+"anna/"+h.name(uid), h.object(uid, text))
	case 3:
		delete(h.want, uid)
		h.gone[uid] = true
		h.ask(http.MethodDelete, h.old.URL+"anna/"+h.name(uid), nil)
	default:
		if at, there := h.cloud(true)[uid]; there {
			h.own[uid] = "by its owner in " + text
			h.ask(http.MethodPut, h.new.URL+"anna/"+at.name, h.object(uid, h.own[uid]))
		}
	}
}

func (h *hands) ask(method, at string, body []byte) {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), method, at, bytes.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.SetBasicAuth("anna", "secret")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer got.Body.Close()
	if got.StatusCode/100 != 2 {
		h.Fatalf("%s %s: %s", method, at, got.Status)
	}
}

// lying is an object in the cloud, read from the server's disk.
type lying struct {
	name string
	raw  string
}

var uidOf = regexp.MustCompile(`(?m)^UID:(.*?)\r?$`)

// cloud is what lies there by UID; nothing may lie there twice.
func (h *hands) cloud(final bool) map[string]lying {
	h.Helper()
	all, root := map[string]lying{}, os.DirFS(filepath.Join(h.new.Dir, "collections", "collection-root", "anna"))
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), ".Radicale") { // its caches, and what is about to take a collection's place
			return fs.SkipDir
		}
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			return nil // it came and went
		}
		raw, err := fs.ReadFile(root, name)
		if strings.Contains(string(raw), "X-POSTHOUSE-STANDIN") && !final {
			return nil // no calendar shows it to anybody
		}
		if found := uidOf.FindSubmatch(raw); err == nil && found != nil {
			if all[string(found[1])].raw != "" {
				h.Errorf("%s lies in the cloud twice", found[1])
			}
			all[string(found[1])] = lying{name, string(raw)}
		}
		return nil
	})
	if err != nil {
		return nil // no folder yet
	}
	return all
}

func (h *hands) check() {
	h.Helper()
	there := h.cloud(true)
	h.Logf("%d items on the old side, %d in the cloud; %d were changed there, %d deleted on the old side", len(h.want), len(there), len(h.own), len(h.gone))
	for uid, want := range h.want {
		if own, changed := h.own[uid]; changed {
			want = own
		}
		if at := there[uid]; !strings.Contains(at.raw, ":"+want+"\r\n") || !strings.Contains(at.raw, "X-ODD:kept\r\n") {
			h.Errorf("%s is %q, want %s", uid, at.raw, want)
		}
	}
	for uid := range h.gone {
		own, changed := h.own[uid]
		if at, lies := there[uid]; lies != changed || changed && !strings.Contains(at.raw, own) {
			h.Errorf("%s was deleted on the old side and is %q, by its owner %q", uid, at.raw, own)
		}
	}
}
