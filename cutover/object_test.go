package cutover_test

import (
	"strings"
	"testing"

	"posthouse/cutover"
)

const weekly = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a//b\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nUID:no\r\nEND:VTIMEZONE\r\n" +
	"BEGIN:VEVENT\r\nUID:we\r\n ekly@example.com\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin;X-A=\"b:c\":20260105T100000\r\nSUMMARY:Gr\xc3\xbc\xc3\r\n \x9fe\r\n" +
	"BEGIN:VALARM\r\nUID:alarm\r\nEND:VALARM\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:weekly@example.com\r\nRECURRENCE-ID:20260112T090000Z\r\nSUMMARY:later\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func object(kind cutover.FolderKind, raw string) *cutover.ObjectDigester {
	d := cutover.NewObjectDigester(kind)
	d.Write([]byte(raw))
	return d
}

func TestObjectIsKnownByItsUID(t *testing.T) {
	want := cutover.IdentityOfUID(cutover.Calendar, "weekly@example.com")
	d := object(cutover.Calendar, weekly)
	if d.Identity() != want || len(d.UIDs()) != 1 || want.MessageID != "weekly@example.com" {
		t.Errorf("identity %+v of UIDs %q", d.Identity(), d.UIDs())
	}
	for i := range weekly { // however it is cut
		d := cutover.NewObjectDigester(cutover.Calendar)
		d.Write([]byte(weekly[:i]))
		d.Write([]byte(weekly[i:]))
		if d.Identity() != want || d.Size() != int64(len(weekly)) {
			t.Fatalf("cut at %d: %+v", i, d.Identity())
		}
	}
	if cutover.IdentityOfUID(cutover.Contacts, "a").Match() == cutover.IdentityOfUID(cutover.Calendar, "a").Match() {
		t.Error("a contact is taken for an event")
	}
}

func TestObjectsOfManyKinds(t *testing.T) {
	event := func(lines string) string {
		return "BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + lines + "END:VEVENT\nEND:VCALENDAR\n"
	}
	for _, c := range []struct {
		name string
		kind cutover.FolderKind
		raw  string
		uid  string
	}{
		{"bare line ends", cutover.Calendar, event("uid:a\n"), "a"},
		{"no end of line", cutover.Contacts, "BEGIN:VCARD\r\nUID:x", "x"},
		{"a group", cutover.Contacts, "BEGIN:VCARD\r\nitem1.UID:urn:uuid:1\r\nEND:VCARD\r\n", "urn:uuid:1"},
		{"escaped", cutover.Calendar, event(`UID:a\,b\\c` + "\n"), `a,b\c`},
		{"parameters", cutover.Calendar, event("UID;X=\"a;b:c\":d\n"), "d"},
		{"task", cutover.Calendar, "BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:t\nEND:VTODO\nEND:VCALENDAR\n", "t"},
		{"empty UID", cutover.Calendar, event("UID: \nSUMMARY:x\n"), ""},
		{"a byte order mark", cutover.Calendar, "\ufeff" + event("UID:m\n"), "m"},
		{"no object", cutover.Calendar, "UID:a\n", ""},
		{"nothing", cutover.Contacts, "", ""},
	} {
		id := cutover.IdentityOfObject(c.kind, []byte(c.raw))
		if c.uid != "" && id != cutover.IdentityOfUID(c.kind, c.uid) || c.uid == "" && (!id.Key.IsZero() || id.Loose.IsZero()) {
			t.Errorf("%s: %+v", c.name, id)
		}
	}
	one, two := event("SUMMARY:one\nDTSTART:20260101\n"), event("SUMMARY:two\nDTSTART:20260101\n")
	if a, b := cutover.IdentityOfObject(cutover.Calendar, []byte(one)), cutover.IdentityOfObject(cutover.Calendar, []byte(two)); a == b {
		t.Error("two events without UID are one")
	}
	if uids := object(cutover.Calendar, strings.Replace(weekly, "UID:weekly@", "UID:other@", 1)).UIDs(); len(uids) != 2 {
		t.Errorf("UIDs %q, want two", uids)
	}
}

func TestSingle(t *testing.T) {
	one, bare := "BEGIN:VEVENT\nUID:a\nBEGIN:VALARM\nEND:VALARM\nEND:VEVENT\n", "BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\n"
	calendar := func(lines string) string {
		return "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nEND:VTIMEZONE\n" + lines + "END:VCALENDAR\n"
	}
	for raw, want := range map[string]bool{
		calendar(one): true, calendar(bare): true, calendar(one + one): true, calendar(""): true, "": true,
		calendar(one + bare): false, calendar(bare + bare): false, calendar(one) + calendar(one): false, calendar(one + strings.Replace(one, ":a", ":b", 1)): false,
	} {
		if got := object(cutover.Calendar, raw).Single(); got != want {
			t.Errorf("%v, want %v: %q", got, want, raw)
		}
	}
}

// What servers do to the form of an object does not change what it says.
func TestObjectText(t *testing.T) {
	base := object(cutover.Calendar, weekly)
	text, digest := base.Text(), base.Digest()
	for name, c := range map[string]struct {
		raw  string
		same bool
	}{
		"line ends":      {strings.ReplaceAll(weekly, "\r\n", "\n"), true},
		"unfolded":       {strings.ReplaceAll(weekly, "\r\n ", ""), true},
		"another stamp":  {strings.Replace(weekly, "20260101T000000Z", "20260202T000000Z", 1), true},
		"another writer": {strings.Replace(weekly, "-//a//b", "-//c//d", 1), true},
		"parameters":     {strings.Replace(weekly, `;TZID=Europe/Berlin;X-A="b:c"`, `;x-a="b:c";tzid=Europe/Berlin`, 1), true},
		"scheduling":     {strings.Replace(weekly, `;TZID=Europe/Berlin;`, `;TZID=Europe/Berlin;SCHEDULE-STATUS="1.1";`, 1), true},
		"order":          {strings.Replace(strings.Replace(weekly, "VERSION:2.0\r\n", "", 1), "PRODID", "VERSION:2.0\r\nPRODID", 1), true},
		"no time zone":   {weekly[:strings.Index(weekly, "BEGIN:VTIMEZONE")] + weekly[strings.Index(weekly, "END:VTIMEZONE")+len("END:VTIMEZONE\r\n"):], true},
		"another title":  {strings.Replace(weekly, "later", "sooner", 1), false},
		"another time":   {strings.Replace(weekly, "20260105T100000", "20260105T110000", 1), false},
		"other place":    {strings.Replace(weekly, "SUMMARY:later\r\nEND:VEVENT", "END:VEVENT\r\nSUMMARY:later", 1), false},
	} {
		d := object(cutover.Calendar, c.raw)
		if same := d.Text() == text; same != c.same {
			t.Errorf("%s: says the same: %v", name, same)
		}
	}
	if object(cutover.Calendar, strings.ReplaceAll(weekly, "\r\n", "\n")).Digest() != digest {
		t.Error("line ends count in the digest")
	}
	long := strings.Replace(weekly, "later", strings.Repeat("x", 9000), 1)
	if object(cutover.Calendar, long).Text() == object(cutover.Calendar, long[:len(long)-60]+"y"+long[len(long)-59:]).Text() {
		t.Error("the end of a long value does not count")
	}
}

func FuzzObject(f *testing.F) {
	f.Add([]byte(weekly), 7)
	f.Add([]byte("BEGIN:VCARD\nEND:VCARD\nEND:VCARD\nUID:\n :"), 3)
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		cut = min(max(cut, 0), len(raw))
		whole, parts := cutover.NewObjectDigester(cutover.Calendar), cutover.NewObjectDigester(cutover.Calendar)
		whole.Write(raw)
		parts.Write(raw[:cut])
		parts.Write(raw[cut:])
		if whole.Identity() != parts.Identity() || whole.Text() != parts.Text() || whole.Digest() != parts.Digest() {
			t.Errorf("cut at %d: %q", cut, raw)
		}
	})
}
