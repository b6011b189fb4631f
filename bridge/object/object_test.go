package object_test

import (
	"bytes"
	"strings"
	"testing"

	"posthouse/bridge/object"
	"posthouse/cutover"
)

func calendar(lines ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Ours\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n"
}

func TestSplit(t *testing.T) {
	zone := "BEGIN:VTIMEZONE\r\nTZID:Berlin\r\nEND:VTIMEZONE"
	event := func(uid string, lines ...string) string {
		return "BEGIN:VEVENT\r\nUID:" + uid + "\r\n" + strings.Join(append(lines, "END:VEVENT"), "\r\n")
	}
	one, again, two := event("1", "DTSTART;TZID=Berlin:20260101T100000", "BEGIN:VALARM\r\nUID:x\r\nEND:VALARM"), event("1", "RECURRENCE-ID:20260108T090000Z"), event("2", "SUMMARY:fol\r\n ded")
	bare := "BEGIN:VEVENT\r\nSUMMARY:bare\r\nEND:VEVENT"
	for _, c := range []struct {
		name string
		kind cutover.FolderKind
		raw  string
		want []string // UID, then the object
	}{
		{"two and an override", cutover.Calendar, calendar(zone, one, two, again), []string{"1", calendar(zone, one, again), "2", calendar(two)}},
		{"one is as it is", cutover.Calendar, "\n\n" + calendar(two, zone) + "\r\n", []string{"2", "\n\n" + calendar(two, zone) + "\r\n"}},
		{"without UID", cutover.Calendar, calendar(bare, bare), []string{"", calendar(bare), "", calendar(bare)}},
		{"two calendars", cutover.Calendar, calendar(one) + calendar(two), []string{"1", calendar(one), "2", calendar(two)}},
		{"calendars as they are", cutover.Calendar, calendar(two, zone, "X-LATE:1") + calendar(one), []string{"2", calendar(two, zone, "X-LATE:1"), "1", calendar(one)}},
		{"two events of one UID", cutover.Calendar, calendar(two) + calendar(zone, two), []string{"2", calendar(two), "2", calendar(zone, two)}},
		{"an event and a task of one UID", cutover.Calendar, calendar(one, strings.ReplaceAll(one, "VEVENT", "VTODO"), again), []string{"1", calendar(one, again), "1", calendar(strings.ReplaceAll(one, "VEVENT", "VTODO"))}},
		{"an override in another calendar", cutover.Calendar, calendar(one) + calendar(zone, strings.Replace(again, "RECURRENCE-ID", "RECURRENCE-ID;TZID=Berlin", 1)),
			[]string{"1", calendar(zone, one, strings.Replace(again, "RECURRENCE-ID", "RECURRENCE-ID;TZID=Berlin", 1))}},
		{"byte order marks", cutover.Calendar, "\ufeff" + calendar(one) + "\ufeff" + calendar(two), []string{"1", calendar(one), "2", calendar(two)}},
		{"a byte order mark before one", cutover.Calendar, "\ufeff" + calendar(one), []string{"1", "\ufeff" + calendar(one)}},
		{"nothing", cutover.Calendar, "hello", []string{"", "hello"}},
		{"an empty calendar", cutover.Calendar, calendar(zone), []string{"", calendar(zone)}},
		{"not ended", cutover.Calendar, "BEGIN:VCALENDAR\r\n" + one + "\r\n" + two + "\r\n", []string{"1", "BEGIN:VCALENDAR\r\n" + one + "\r\nEND:VCALENDAR\r\n", "2", "BEGIN:VCALENDAR\r\n" + two + "\r\nEND:VCALENDAR\r\n"}},
		{"cut off", cutover.Calendar, calendar(one) + "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:2\r\nSUMMARY:cu", []string{"1", calendar(one), "2", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:2\r\nSUMMARY:cu\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}},
		{"cards", cutover.Contacts, "BEGIN:VCARD\nUID:a\nEND:VCARD\n\nbegin:vcard\nFN:b\nend:vcard\n", []string{"a", "BEGIN:VCARD\nUID:a\nEND:VCARD\n", "", "begin:vcard\nFN:b\nend:vcard\n"}},
	} {
		parts := object.Split(c.kind, []byte(c.raw))
		if len(parts)*2 != len(c.want) {
			t.Errorf("%s: %d parts", c.name, len(parts))
			continue
		}
		for i, p := range parts {
			if p.UID != c.want[2*i] || string(p.Raw) != c.want[2*i+1] {
				t.Errorf("%s: part %d is %q\n%q, want\n%q", c.name, i, p.UID, p.Raw, c.want[2*i+1])
			}
		}
	}
}

func TestLines(t *testing.T) {
	long := "NOTE;X=\"a:b;c\":" + strings.Repeat("ü", 100)
	l := object.NewLine(long)
	if l.Value() != strings.Repeat("ü", 100) || l.Param("x") != "a:b;c" || l.Name() != "NOTE" {
		t.Errorf("%+v", l)
	}
	for physical := range strings.Lines(string(l.Raw)) {
		if len(physical) > 77 || strings.ContainsRune(physical, '�') {
			t.Errorf("%q", physical)
		}
	}
	if back := object.Lines(l.Raw); len(back) != 1 || back[0].Text != long {
		t.Errorf("read back as %+v", back)
	}
	if l := (object.Line{Text: "home.tel;type=work:1"}); l.Name() != "TEL" || l.Value() != "1" || !(object.Line{Text: "begin:vEvent "}).Is("BEGIN", "VEVENT") {
		t.Errorf("%+v", l)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(calendar("BEGIN:VEVENT\r\nUID:a\r\nEND:VEVENT", "END:VCALENDAR", "BEGIN:")))
	f.Add([]byte(" \n:\nEND:X\nBEGIN:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got := object.Join(object.Lines(raw)...); !bytes.Equal(got, raw) {
			t.Fatalf("%q became %q", raw, got)
		}
		for _, kind := range []cutover.FolderKind{cutover.Calendar, cutover.Contacts} {
			parts := object.Split(kind, raw)
			if len(parts) == 0 || len(parts) == 1 && !bytes.Equal(parts[0].Raw, raw) && bytes.Count(bytes.ToUpper(raw), []byte("VCALENDAR")) < 2 {
				t.Fatalf("%q is split into %q", raw, parts)
			}
		}
	})
}

// An object with a large attachment is read in one go, however often it is folded.
func BenchmarkLines(b *testing.B) {
	raw := object.NewLine("ATTACH;ENCODING=BASE64:" + strings.Repeat("QUJD", 1<<19)).Raw
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		object.Lines(raw)
	}
}
