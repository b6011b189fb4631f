package demo

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// The names of collections on both servers.
const (
	calendarName = "calendar"
	bookName     = "contacts"
)

// topics are what people meet about, in the scripts that they write.
var topics = []string{"Budget", "Prüfung der Bücher", "Réunion d'équipe", "打ち合わせ", "Совещание", "اجتماع", "Πρόγραμμα", "Lunch, late; maybe"}

// keepCalendar gives a mailbox of so many messages a calendar and an address book on the old server, and empty ones on the new.
func (w *world) keepCalendar(m mailbox, messages int) {
	for _, s := range []struct {
		server   *testserver.DAV
		password string
	}{{w.legacyDAV, oldPassword(m)}, {w.cloudDAV, newPassword(m)}} {
		s.server.AddUser(m.address(), s.password, m.address())
		s.server.AddCollection(m.address(), calendarName, testserver.DAVCalendar, "")
		s.server.AddCollection(m.address(), bookName, testserver.DAVContacts, "")
	}
	for n := range max(4, messages/12) {
		w.legacyDAV.Put(m.address(), calendarName, fmt.Sprintf("%d.ics", n), appointment(m, n, topics[n%len(topics)]))
		w.events++
	}
	for n := range max(3, messages/20) {
		w.legacyDAV.Put(m.address(), bookName, fmt.Sprintf("%d.vcf", n), acquaintance(m, n))
		w.contacts++
	}
}

// appointment is the nth in somebody's calendar: plain ones, weekly ones with an exception in a time zone of their own, meetings that he invited to or was invited to.
func appointment(m mailbox, n int, topic string) []byte {
	uid := fmt.Sprintf("%s-%d@%s", m.local, n, domain)
	day := fmt.Sprintf("2026%02d%02d", n%12+1, n%28+1)
	zone, start, more := "", "DTSTART:"+day+"T100000Z", ""
	other := mailboxes[(n+len(m.local))%len(mailboxes)]
	switch n % 4 {
	case 1:
		zone = "BEGIN:VTIMEZONE\r\nTZID:House\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n" +
			"BEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
		start = "DTSTART;TZID=House:" + day + "T100000\r\nRRULE:FREQ=WEEKLY;COUNT=30"
		more = "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID=House:" + day + "T100000\r\nDTSTART;TZID=House:" + day + "T150000\r\nSUMMARY:" + topic + " (later)\r\nEND:VEVENT\r\n"
	case 2:
		start += "\r\nORGANIZER;CN=\"" + m.name + "\":mailto:" + m.address() + "\r\nATTENDEE;PARTSTAT=TENTATIVE:mailto:" + other.address()
	case 3:
		start += "\r\nORGANIZER:mailto:" + other.address() + "\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:" + m.address() + "\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:!\r\nTRIGGER:-PT15M\r\nEND:VALARM"
	}
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Old Server//EN\r\n" + zone + "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:" + strings.NewReplacer(",", `\,`, ";", `\;`).Replace(topic) +
		"\r\nX-OLD-SERVER;X-P=\"a:b\":kept\r\n" + start + "\r\nEND:VEVENT\r\n" + more + "END:VCALENDAR\r\n")
}

// acquaintance is the nth in somebody's address book: some have pictures, some are groups.
func acquaintance(m mailbox, n int) []byte {
	who := mailboxes[(n+1)%len(mailboxes)]
	lines := []string{"BEGIN:VCARD", "VERSION:3.0", fmt.Sprintf("UID:%s-card-%d", m.local, n), "FN:" + who.name, "N:" + who.name + ";;;;", "EMAIL;TYPE=WORK:" + who.address()}
	switch n % 3 {
	case 1:
		lines = append(lines, "PHOTO;ENCODING=b;TYPE=JPEG:"+base64.StdEncoding.EncodeToString([]byte(strings.Repeat(who.name, 200))))
	case 2:
		lines = append(lines, "X-ADDRESSBOOKSERVER-KIND:group", fmt.Sprintf("X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:%s-card-%d", m.local, n-1))
	}
	return []byte(strings.Join(append(lines, "NOTE:"+strings.ReplaceAll(topics[n%len(topics)], ",", `\,`), "END:VCARD"), "\r\n") + "\r\n")
}

// changeCalendars is what people do in their old calendars on the day of the switch: each moves two appointments, and meets somebody.
func (w *world) changeCalendars() {
	for _, m := range mailboxes {
		for _, n := range []int{0, 2} {
			w.legacyDAV.Put(m.address(), calendarName, fmt.Sprintf("%d.ics", n), appointment(m, n, "changed"))
		}
		w.legacyDAV.Put(m.address(), bookName, "new.vcf", acquaintance(m, 1000))
	}
}

// calendarsCaught reports whether every calendar was copied.
func calendarsCaught(s control.Status) bool {
	return !slices.ContainsFunc(s.Mailboxes, func(m control.Mailbox) bool { return m.Objects == nil || m.Objects.Caught.IsZero() })
}

var (
	uidOf  = regexp.MustCompile(`(?m)^UID:(.*)\r$`)
	silent = regexp.MustCompile(`;SCHEDULE-AGENT=CLIENT`)
	folded = regexp.MustCompile(`\r\n[ \t]`)
)

// compareCalendars holds every event and contact of the old server against the new one. What may differ is the word that keeps servers from inviting.
func (w *world) compareCalendars(c *Comparison) {
	name := func(count *int, format string, args ...any) {
		if *count++; *count <= named {
			c.Findings = append(c.Findings, fmt.Sprintf(format, args...))
		}
	}
	for _, m := range mailboxes {
		for _, collection := range []string{calendarName, bookName} {
			copies := map[string][]string{}
			for _, raw := range w.cloudDAV.Objects(m.address(), collection) {
				uid := string(uidOf.FindSubmatch(raw)[1])
				copies[uid] = append(copies[uid], meant(raw))
			}
			for _, raw := range w.legacyDAV.Objects(m.address(), collection) {
				uid := string(uidOf.FindSubmatch(raw)[1])
				if collection == calendarName {
					c.Events++
				} else {
					c.Contacts++
				}
				switch there := copies[uid]; {
				case len(there) == 0:
					name(&c.Missing, "missing: %s %s, %s", m.address(), collection, uid)
				case len(there) > 1:
					name(&c.Twice, "twice: %s %s, %s", m.address(), collection, uid)
				case there[0] != meant(raw):
					name(&c.Changed, "changed: %s %s, %s", m.address(), collection, uid)
				}
			}
		}
	}
	for _, sent := range append(w.legacyDAV.Messages(), w.cloudDAV.Messages()...) {
		name(&c.Invitations, "sent: %s", sent)
	}
}

func meant(raw []byte) string {
	return silent.ReplaceAllString(folded.ReplaceAllString(string(raw), ""), "")
}
