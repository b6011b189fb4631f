package daemon_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"posthouse/config"
	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

func event(uid, summary string) []byte {
	return fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20300101T100000Z\r\nSUMMARY:%s\r\n"+
		"ORGANIZER:mailto:anna@example.com\r\nATTENDEE:mailto:bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", uid, summary)
}

func contact(uid string) []byte {
	return fmt.Appendf(nil, "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:%s\r\nFN:%s\r\nN:%s;;;;\r\nEND:VCARD\r\n", uid, uid, uid)
}

// calendars starts servers of calendars on both sides, with Anna's.
func calendars(t *testing.T) (old, new *testserver.DAV) {
	t.Helper()
	for _, s := range []struct {
		server   **testserver.DAV
		password string
	}{{&old, "old secret"}, {&new, "new secret"}} {
		server := testserver.NewDAV(testserver.DAVConfig{Schedules: true})
		must(t, server.Start())
		t.Cleanup(server.Stop)
		server.AddUser("anna@example.com", s.password, "anna@example.com")
		server.AddCollection("anna@example.com", "calendar", testserver.DAVCalendar, "")
		server.AddCollection("anna@example.com", "contacts", testserver.DAVContacts, "")
		*s.server = server
	}
	return old, new
}

// startWithCalendars starts the daemon with servers of calendars beside those of mail.
func (b *bed) startWithCalendars(old, new string) {
	b.t.Helper()
	cfg := b.config()
	legacy, cloud := cfg.Servers["legacy"], cfg.Servers["cloud"]
	legacy.DAV, cloud.DAV = old, new
	cfg.Servers["legacy"], cfg.Servers["cloud"] = legacy, cloud
	b.daemon = b.newWith(cfg)
	must(b.t, b.daemon.Start(b.t.Context()))
	b.t.Cleanup(b.stop)
}

func TestCalendarsAreFollowedBesideMail(t *testing.T) {
	old, new := calendars(t)
	const anna = "anna@example.com"
	for n := range 12 {
		old.Put(anna, "calendar", fmt.Sprint(n), event(fmt.Sprint("e", n), "first"))
	}
	for n := range 5 {
		old.Put(anna, "contacts", fmt.Sprint(n), contact(fmt.Sprint("c", n)))
	}
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,cloud\n", bridge: "poll_interval = \"1s\"\nsettle_time = \"500ms\"\ncalendar_poll = \"1s\""})
	b.fill(anna, 1, 20)
	b.startWithCalendars(old.URL(), new.URL())
	caught := func(s control.Status) bool {
		o := s.Mailboxes[0].Objects
		return copied(s) && o != nil && !o.Caught.IsZero() && o.Left() == 0
	}
	s := b.until("mail, events and contacts to be copied", caught)
	if s.Copy.Messages != 20 || s.Copy.Events != 12 || s.Copy.EventsTotal != 12 || s.Copy.Contacts != 5 || s.Mailboxes[0].Objects.Repaired != 12 {
		t.Errorf("%+v, %+v", s.Copy, s.Mailboxes[0].Objects)
	}
	if v := b.verify()[anna]; v.Equal != 20 || v.Events != 12 || v.Contacts != 5 || len(v.Missing)+len(v.Extra)+len(v.Altered) != 0 || len(v.Noted) != 12 || v.Error != "" {
		t.Errorf("verified %+v", v)
	}
	old.Put(anna, "calendar", "3", event("e3", "second"))
	old.Put(anna, "contacts", "new", contact("new"))
	b.eventually("news and changes to follow", func() bool {
		seen := 0
		for _, raw := range new.Objects(anna, "calendar") {
			if bytes.Contains(raw, []byte("SUMMARY:second")) {
				seen++
			}
		}
		return seen == 1 && len(new.Objects(anna, "contacts")) == 6
	})
	if sent := append(old.Messages(), new.Messages()...); len(sent) != 0 {
		t.Errorf("sent: %q", sent)
	}
}

// A calendar server that cannot be reached keeps no mail waiting, and is named.
func TestCalendarsThatCannotBeReached(t *testing.T) {
	old, new := calendars(t)
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,cloud\n", bridge: "poll_interval = \"1s\"\nsettle_time = \"500ms\"\ncalendar_poll = \"1s\""})
	b.fill("anna@example.com", 1, 20)
	gone := old.URL()
	old.Stop()
	b.startWithCalendars(gone, new.URL())
	s := b.until("mail to be copied, and the calendars to be a problem", func(s control.Status) bool {
		return copied(s) && s.Mailboxes[0].Objects != nil && s.Mailboxes[0].Objects.Error != ""
	})
	if m := s.Mailboxes[0]; m.Error != "" || m.Done != 20 {
		t.Errorf("%+v", m)
	}
	if v := b.verify()["anna@example.com"]; v.Equal != 20 || v.Error == "" {
		t.Errorf("verified %+v", v)
	}
}

// Deletions follow where the configuration says so; too many at once are an alarm.
func TestDeletionsOfContacts(t *testing.T) {
	const anna = "anna@example.com"
	old, new := calendars(t)
	for n := range 8 {
		old.Put(anna, "contacts", fmt.Sprint(n), contact(fmt.Sprint("c", n)))
	}
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,cloud\n", bridge: "poll_interval = \"1s\"\nsettle_time = \"500ms\"\ncalendar_poll = \"1s\"\ndeletions = 2"})
	b.startWithCalendars(old.URL(), new.URL())
	b.until("the contacts to be copied", func(s control.Status) bool { return s.Copy.Contacts == 8 && copied(s) })
	old.Remove(anna, "contacts", "0")
	b.eventually("the deletion to follow", func() bool { return len(new.Objects(anna, "contacts")) == 7 })
	for n := range 3 {
		old.Remove(anna, "contacts", fmt.Sprint(n+1))
	}
	b.until("the alarm", func(s control.Status) bool {
		return slices.ContainsFunc(s.Trouble, func(text string) bool {
			return strings.Contains(text, "contacts of anna@example.com") && strings.Contains(text, "bridge.deletions")
		})
	})
	if n := len(new.Objects(anna, "contacts")); n != 7 {
		t.Errorf("%d contacts in the cloud", n)
	}
}

// An old server that only exports files is moved too.
func TestCalendarsOfFiles(t *testing.T) {
	_, new := calendars(t)
	alone := func(uid, summary string) []byte {
		return bytes.Replace(event(uid, summary), []byte("ORGANIZER:mailto:anna@example.com\r\nATTENDEE:mailto:bob@example.com\r\n"), nil, 1)
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "anna@example.com"), 0o700))
	export := filepath.Join(dir, "anna@example.com", "calendar.ics")
	must(t, os.WriteFile(export, append(alone("a", "first"), alone("b", "first")...), 0o600))
	b := newBed(t, layout{mailboxes: "anna@example.com,,person,cloud\n", bridge: "poll_interval = \"1s\"\nsettle_time = \"500ms\"\ncalendar_poll = \"1s\"\ndeletions = 5"})
	cfg := b.config()
	legacy, cloud := cfg.Servers["legacy"], cfg.Servers["cloud"]
	legacy.DAV, cloud.DAV = config.DAVFiles+dir+"/"+config.DAVLogin, new.URL()
	cfg.Servers["legacy"], cfg.Servers["cloud"] = legacy, cloud
	d := b.newWith(cfg)
	must(t, d.Start(t.Context()))
	b.daemon = d
	t.Cleanup(b.stop)
	b.until("the files to be copied", func(s control.Status) bool { return s.Copy.Events == 2 })
	follows := func(text string) {
		b.eventually("the next export to follow", func() bool {
			for _, raw := range new.Objects("anna@example.com", "calendar") {
				if bytes.Contains(raw, []byte(text)) {
					return true
				}
			}
			return false
		})
	}
	must(t, os.WriteFile(export, append(alone("a", "second"), alone("b", "first")...), 0o600))
	follows("second")
	if v := b.verify()["anna@example.com"]; v.Events != 2 || len(v.Missing)+len(v.Extra) != 0 {
		t.Errorf("verified %+v", v)
	}
	// What is not in an export may be still to come.
	must(t, os.WriteFile(export, alone("a", "third"), 0o600))
	follows("third")
	looked := time.Now()
	b.until("another look", func(s control.Status) bool { return s.Mailboxes[0].Objects.Caught.After(looked) })
	if n := len(new.Objects("anna@example.com", "calendar")); n != 2 {
		t.Errorf("%d events are left in the cloud", n)
	}
}
