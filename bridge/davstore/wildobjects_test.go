package davstore_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// object is what lies in a collection, with a UID and what it says now. What kind of an event or contact it is follows from the UID.
func (w *wild) object(collection, uid string) []byte {
	w.next++
	return objectOf(collection, uid, fmt.Sprintf("%s v%d.", uid, w.next), w.random.IntN(3))
}

func objectOf(collection, uid, title string, overrides int) []byte {
	if isContacts(collection) {
		return contactOf(uid, title)
	}
	kind, odd := "VEVENT", len(uid)+int(uid[len(uid)-1])
	var lines []string
	if odd%5 == 4 {
		kind = "VTODO"
	}
	if organised(uid) {
		lines = append(lines, "ORGANIZER:mailto:anna@example.com", "ATTENDEE;PARTSTAT=TENTATIVE:mailto:bob@example.com")
	}
	lines = append(lines, "DESCRIPTION:"+strings.Repeat("long lines\\, folded. ", odd%7), "X-ODD;A=\"b:c\":"+uid)
	out := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + component(kind, uid, title, append(lines, "RRULE:FREQ=DAILY;COUNT=9")...)
	for n := range overrides {
		out += component(kind, uid, title, append(lines, fmt.Sprintf("RECURRENCE-ID:2030010%dT100000Z", n+2))...)
	}
	return []byte(out + "END:VCALENDAR\r\n")
}

func component(kind, uid, title string, lines ...string) string {
	if uid != "" {
		uid = "UID:" + uid + "\r\n"
	}
	out := "BEGIN:" + kind + "\r\n" + uid + "DTSTAMP:20260101T000000Z\r\nDTSTART:20300101T100000Z\r\nSUMMARY:" + title + "\r\n"
	for _, l := range lines {
		out += folded(l)
	}
	return out + "END:" + kind + "\r\n"
}

// folded is a line in pieces of 60 octets.
func folded(line string) (out string) {
	for len(line) > 60 {
		out, line = out+line[:60]+"\r\n ", line[60:]
	}
	return out + line + "\r\n"
}

func contactOf(uid, title string) []byte {
	lines := []string{"VERSION:3.0", "UID:" + uid, "FN:" + title, "N:" + title + ";;;;", "item1.X-ABLABEL:odd"}
	switch odd := len(uid) + int(uid[len(uid)-1]); odd % 4 {
	case 0:
		lines = append(lines, "PHOTO;ENCODING=b;TYPE=JPEG:"+strings.Repeat("QUJD", 50))
	case 1:
		lines[0] = "VERSION:4.0"
		lines = append(lines, "KIND:group", "MEMBER:urn:uuid:other")
	case 2:
		lines[0] = "VERSION:4.0"
	}
	out := "BEGIN:VCARD\r\n"
	for _, l := range lines {
		out += folded(l)
	}
	return []byte(out + "END:VCARD\r\n")
}

func isContacts(collection string) bool {
	return strings.HasPrefix(collection, "contacts") || strings.HasPrefix(collection, "friends")
}

// stamped is what a server makes of an object that writes its own stamps.
func stamped(raw []byte) []byte {
	return bytes.ReplaceAll(raw, []byte("DTSTAMP:2026"), []byte("DTSTAMP:2027"))
}

// rendered is what a server makes of one that takes it apart: lines in another order, folded otherwise, without what it does not know, and with time zones and stamps of its own.
func rendered(raw []byte) []byte {
	text := strings.ReplaceAll(string(raw), "\r\n ", "")
	var out, props []string
	flush := func() {
		slices.Sort(props)
		out, props = append(out, props...), nil
	}
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\r\n")
		switch {
		case strings.HasPrefix(l, "BEGIN:"), strings.HasPrefix(l, "END:"):
			flush()
			if out = append(out, l); l == "BEGIN:VCALENDAR" {
				out = append(out, "BEGIN:VTIMEZONE", "TZID:Theirs", "END:VTIMEZONE")
			}
		case strings.HasPrefix(l, "X-"), strings.HasPrefix(l, "item1.X-"), strings.HasPrefix(l, "DTSTAMP"):
		default:
			name, rest, _ := strings.Cut(l, ":")
			props = append(props, strings.ToLower(name)+":"+rest)
		}
	}
	var b strings.Builder
	for _, l := range out {
		for len(l) > 40 {
			b.WriteString(l[:40] + "\r\n ")
			l = l[40:]
		}
		b.WriteString(l + "\r\n")
	}
	return []byte(b.String())
}

// thing is an item as it lies on a server.
type thing struct {
	collection, name, uid string
	raw                   []byte
	says                  string // what matters of it
	whole                 bool   // it has its object for itself
}

func (t thing) String() string { return t.collection + "/" + t.name + " " + t.says }

var items = regexp.MustCompile(`(?s)BEGIN:(VEVENT|VTODO|VCARD)\r\n.*?END:(VEVENT|VTODO|VCARD)\r\n`)

// things are the items in an object, by UID.
func things(collection, name string, raw []byte) (all []thing) {
	text := strings.ReplaceAll(string(raw), "\r\n ", "")
	for _, c := range items.FindAllString(text, -1) {
		uid, says := "", ""
		for l := range strings.Lines(c) {
			l = strings.TrimSuffix(l, "\r\n")
			name, value, _ := strings.Cut(l, ":")
			switch strings.ToUpper(name) {
			case "UID":
				uid = value
			case "SUMMARY", "FN", "RECURRENCE-ID":
				says += value + " "
			}
		}
		i := slices.IndexFunc(all, func(t thing) bool { return t.uid == uid && uid != "" })
		if i < 0 {
			all = append(all, thing{collection: collection, name: name, uid: uid, raw: raw, says: says})
			continue
		}
		all[i].says += says
	}
	for i := range all {
		all[i].says, all[i].whole = words(all[i].says), len(all) == 1
	}
	return all
}

// words are those of a text, sorted.
func words(text string) string {
	all := strings.Fields(text)
	slices.Sort(all)
	return strings.Join(all, " ")
}
