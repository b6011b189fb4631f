package repair_test

import (
	"io"
	"strings"
	"testing"

	"posthouse/bridge/repair"
	"posthouse/cutover"
)

func event(lines ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

func card(version string, lines ...string) string {
	return "BEGIN:VCARD\r\nVERSION:" + version + "\r\nFN:A\r\nN:A;;;;\r\nUID:u\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
}

func TestObjects(t *testing.T) {
	long := strings.Repeat("QUJD", 20000)
	for _, c := range []struct {
		name         string
		kind         cutover.FolderKind
		raw, want    string // repaired with the one repair
		needed, with repair.Repair
	}{
		{"sound", cutover.Calendar, event("SUMMARY:fol\r\n ded", "X-ODD;A=\"b:c\":d"), "", 0, 0},
		{"sound card", cutover.Contacts, card("3.0", "TEL;TYPE=HOME:1"), "", repair.CardVersion, 0},
		{"bare line ends", cutover.Calendar, strings.ReplaceAll(event("SUMMARY:x"), "\r\n", "\n"), event("SUMMARY:x"), repair.Form, repair.Form},
		{"bad folding", cutover.Calendar, event("DESCRIPTION:one", "two words", "", "LOCATION:x\x01y"), event(`DESCRIPTION:one\ntwo words`, "LOCATION:xy"), repair.Form, repair.Form},
		{"byte order mark", cutover.Calendar, "\xef\xbb\xbf" + event("SUMMARY:x"), event("SUMMARY:x"), repair.Form, repair.Form},
		{"Latin 1", cutover.Calendar, event("SUMMARY:Gr\xfc\xdfe \x80", "LOCATION:ok"), event("SUMMARY:Grüße €", "LOCATION:ok"), repair.Charset, repair.Charset},
		{"folded within a character", cutover.Calendar, event("SUMMARY:Gr\xc3\r\n \xbc\xc3\r\n \x9fe"), event("SUMMARY:Grüße"), repair.Charset, repair.Charset},
		{"another charset", cutover.Contacts, card("2.1", "NOTE;CHARSET=windows-1251:\xc8\xe2\xe0\xed"), card("2.1", "NOTE:Иван"), repair.Charset | repair.Card21 | repair.CardVersion, repair.Charset},
		{"a mark in the middle", cutover.Contacts, card("3.0", "NOTE:x") + "\ufeff" + card("3.0", "NOTE:y"), card("3.0", "NOTE:x") + card("3.0", "NOTE:y"), repair.Form | repair.CardVersion, repair.Form},
		{"a picture that is not indented", cutover.Contacts, card("3.0", "PHOTO;ENCODING=b:", "QUJD", "QUI=", ""), card("3.0", "PHOTO;ENCODING=b:QUJDQUI="), repair.Form | repair.CardVersion, repair.Form},
		{"METHOD", cutover.Calendar, strings.Replace(event("X-A:METHOD:b"), "VERSION", "METHOD:PUBLISH\r\nVERSION", 1), event("X-A:METHOD:b"), repair.Method, repair.Method},
		{"empty", cutover.Calendar, event("RRULE:", "CLASS: ", "DESCRIPTION:", "STATUS:CONFIRMED"), event("DESCRIPTION:", "STATUS:CONFIRMED"), repair.Empty, repair.Empty},
		{"zone of Exchange 2010", cutover.Calendar, event("DTSTART;TZID=tzone://Microsoft/Utc:20260101T100000"), event("DTSTART;TZID=Etc/UTC:20260101T100000"), repair.Form | repair.Zones | repair.Length, repair.Form | repair.Zones},
		{"zone of its own", cutover.Calendar, event("DTEND;X=1;TZID=tzone://Microsoft/Custom:20260101T100000"), event(`DTEND;X=1;TZID="tzone://Microsoft/Custom":20260101T100000`), repair.Form, repair.Form},
		{"no DTSTAMP", cutover.Calendar, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u\r\nLAST-MODIFIED:20250102T030405Z\r\nBEGIN:VALARM\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
			"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//posthouse//repaired//EN\r\nBEGIN:VEVENT\r\nDTSTAMP:20250102T030405Z\r\nUID:u\r\nLAST-MODIFIED:20250102T030405Z\r\nBEGIN:VALARM\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
			repair.Required, repair.Required},
		{"no FN", cutover.Contacts, "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Berg;Anna;;;\r\nUID:u\r\nEND:VCARD\r\n", "BEGIN:VCARD\r\nFN:Anna Berg\r\nVERSION:3.0\r\nN:Berg;Anna;;;\r\nUID:u\r\nEND:VCARD\r\n",
			repair.Required | repair.CardVersion, repair.Required},
		{"Windows zone", cutover.Calendar, event("DTSTART;TZID=\"W. Europe Standard Time\":20260101T100000"), event("DTSTART;TZID=Europe/Berlin:20260101T100000"), repair.Zones | repair.Length, repair.Zones},
		{"no end", cutover.Calendar, event("DTSTART:20260101T100000Z", "BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM"), strings.Replace(event("DTSTART:20260101T100000Z", "BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM"), "BEGIN:VEVENT", "BEGIN:VEVENT\r\nDURATION:PT1S", 1),
			repair.Length, repair.Length},
		{"ends when it begins", cutover.Calendar, event("DTEND;TZID=Europe/Berlin:20261231T235959", "DTSTART;TZID=Europe/Berlin:20261231T235959"), event("DTEND;TZID=Europe/Berlin:20270101T000000", "DTSTART;TZID=Europe/Berlin:20261231T235959"), repair.Length, repair.Length},
		{"lasts nothing", cutover.Calendar, event("DTSTART:20260101T100000Z", "DURATION:PT0M"), event("DTSTART:20260101T100000Z", "DURATION:PT1S"), repair.Length, repair.Length},
		{"lasts", cutover.Calendar, event("DTSTART:20260101T100000Z", "DURATION:PT10M"), "", 0, 0},
		{"ends elsewhere", cutover.Calendar, event("DTSTART:20260101T100000Z", "DTEND;TZID=Europe/Berlin:20260101T100000"), "", 0, 0},
		{"a day", cutover.Calendar, event("DTSTART;VALUE=DATE:20260101"), "", 0, 0},
		{"vCard 2.1", cutover.Contacts, card("2.1", "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Gr=FC=DFe, =0D=0A=", "bald", "TEL;HOME;VOICE:1", "PHOTO;BASE64;JPEG:QUJD"),
			card("3.0", `NOTE:Grüße\, \nbald`, "TEL;TYPE=HOME,VOICE:1", "PHOTO;ENCODING=b;TYPE=JPEG:QUJD"), repair.Card21 | repair.CardVersion, repair.Card21},
		{"vCard 2.1 in other charsets", cutover.Contacts, card("2.1", "N;CHARSET=windows-1251;ENCODING=QUOTED-PRINTABLE:=C8=E2=E0=ED;", "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=SHIFT_JIS:=93=FA=96{", "TITLE;CHARSET=X-NONE;QUOTED-PRINTABLE:=FC"),
			card("3.0", "N:Иван;", "NOTE:日本", "TITLE:ü"), repair.Card21 | repair.CardVersion, repair.Card21},
		{"vCard 2.1 with commas", cutover.Contacts, card("2.1", "ORG:Acme, Inc.;Sales", `NOTE:a\, b`, "CATEGORIES:a,b"), card("3.0", `ORG:Acme\, Inc.;Sales`, `NOTE:a\, b`, "CATEGORIES:a,b"), repair.Card21 | repair.CardVersion, repair.Card21},
		{"invitation", cutover.Calendar, event("ORGANIZER;CN=\"A:B\":mailto:a@x.example", "ATTENDEE;SCHEDULE-AGENT=SERVER;PARTSTAT=ACCEPTED:mailto:b@x.example"),
			event("ORGANIZER;CN=\"A:B\";SCHEDULE-AGENT=CLIENT:mailto:a@x.example", "ATTENDEE;PARTSTAT=ACCEPTED;SCHEDULE-AGENT=CLIENT:mailto:b@x.example"), repair.Silent, repair.Silent},
		{"silent already", cutover.Calendar, event("ATTENDEE;SCHEDULE-AGENT=NONE:mailto:b@x.example"), "", 0, 0},
		{"large photo", cutover.Contacts, card("3.0", "PHOTO;ENCODING=b:"+long, "NOTE:x"), card("3.0", "NOTE:x"), repair.Photo | repair.CardVersion, repair.Photo},
		{"4.0", cutover.Contacts, card("3.0", "TEL;TYPE=WORK,pref:1", "PHOTO;ENCODING=b;TYPE=PNG:QUJD"), card("4.0", "TEL;TYPE=WORK;PREF=1:1", "PHOTO:data:image/png;base64,QUJD"), repair.CardVersion, repair.CardVersion},
		{"3.0", cutover.Contacts, card("4.0", "TEL;PREF=1;TYPE=WORK:1", "PHOTO:data:image/png;base64,QUJD", "KIND:group"), card("3.0", "TEL;TYPE=WORK,pref:1", "PHOTO;ENCODING=b;TYPE=PNG:QUJD", "X-ADDRESSBOOKSERVER-KIND:group"),
			repair.CardVersion, repair.CardVersion},
	} {
		needed, err := repair.NeededObject(c.kind, strings.NewReader(c.raw))
		if err != nil || needed&^repair.CardVersion != c.needed&^repair.CardVersion || c.needed&repair.CardVersion != needed&repair.CardVersion {
			t.Errorf("%s: needs %v, want %v, %v", c.name, needed, c.needed, err)
		}
		if c.want == "" {
			c.want = c.raw
		}
		got, err := io.ReadAll(repair.NewObjectReader(c.kind, strings.NewReader(c.raw), c.with))
		if want := strings.ReplaceAll(c.want, "\r\n ", ""); err != nil || strings.ReplaceAll(string(got), "\r\n ", "") != want && c.with != 0 || c.with == 0 && string(got) != c.raw {
			t.Errorf("%s: %v\n%.600q, want\n%.600q", c.name, err, got, want)
		}
		if repair.Named(needed.String()) != needed {
			t.Errorf("%s: %q is read as another repair", c.name, needed)
		}
	}
}

// A UID that is given is the same each time, and another one for another item.
func TestGivenUID(t *testing.T) {
	given := func(raw string) cutover.Identity {
		got, _ := io.ReadAll(repair.NewObjectReader(cutover.Contacts, strings.NewReader(raw), repair.NoUID))
		return cutover.IdentityOfObject(cutover.Contacts, got)
	}
	one, two := "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\nN:;;;;\r\nEND:VCARD\r\n", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:B\r\nN:;;;;\r\nEND:VCARD\r\n"
	if a := given(one); a.Key.IsZero() || a != given(one) || a == given(two) {
		t.Errorf("given %+v", a)
	}
}

func FuzzObjects(f *testing.F) {
	f.Add([]byte(event("ORGANIZER:mailto:a@x.example", "DTSTART;TZID=UTC:1")), uint16(0xffff))
	f.Add([]byte(card("2.1", "NOTE;QUOTED-PRINTABLE:=", "=")), uint16(0xffff))
	f.Fuzz(func(t *testing.T, raw []byte, which uint16) {
		for _, kind := range []cutover.FolderKind{cutover.Calendar, cutover.Contacts} {
			steps := repair.Repair(which) &^ repair.CardVersion // which goes to and fro
			once, err := io.ReadAll(repair.NewObjectReader(kind, strings.NewReader(string(raw)), steps))
			if err != nil {
				t.Fatal(err)
			}
			if steps == 0 && string(once) != string(raw) {
				t.Fatalf("%q became %q", raw, once)
			}
			if _, err := repair.NeededObject(kind, strings.NewReader(string(once))); err != nil {
				t.Fatal(err)
			}
		}
	})
}
