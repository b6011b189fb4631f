package object_test

import (
	"slices"
	"strings"
	"testing"

	"posthouse/bridge/object"
)

func lines(all ...string) []byte { return []byte(strings.Join(all, "\r\n") + "\r\n") }

func event(all ...string) []byte {
	return lines(slices.Concat([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:1"}, all, []string{"END:VEVENT", "END:VCALENDAR"})...)
}

func card(all ...string) []byte {
	return lines(slices.Concat([]string{"BEGIN:VCARD", "VERSION:3.0", "UID:1"}, all, []string{"END:VCARD"})...)
}

func TestLost(t *testing.T) {
	for name, test := range map[string]struct {
		from, copied []byte
		want         []string
	}{
		"the same":                         {event("SUMMARY:a"), event("SUMMARY:a"), nil},
		"another order, and folds":         {event("SUMMARY:abc", "LOCATION:x"), event("LOCATION:x", "SUMM", " ARY:a", "\tbc"), nil},
		"another value":                    {event("SUMMARY:a, b"), event("SUMMARY:a"), []string{"SUMMARY"}},
		"lacking":                          {card("PHOTO:data:image/png;base64,AAAA", "FN:A"), card("FN:A", "PHOTO:data:image/png\\;base64"), []string{"PHOTO"}},
		"what the copy has beside":         {card("FN:A"), card("FN:A", "NOTE:x", "REV:2026"), nil},
		"one of two":                       {card("TEL:1", "TEL:1"), card("TEL:1"), []string{"TEL"}},
		"several, each once":               {card("TEL:1", "TEL:2", "ADR:;;a"), card(), []string{"ADR", "TEL"}},
		"escapes":                          {event("GEO-X:48.85,2.35", `DESCRIPTION:a\, b\; c\nd`), event(`GEO-X:48.85\,2.35`, `DESCRIPTION:a\, b\; c\Nd`), nil},
		"escaped once too often":           {event(`DESCRIPTION:a\nb`), event(`DESCRIPTION:a\\nb`), []string{"DESCRIPTION"}},
		"quotes":                           {event(`ATTENDEE;CN="Anna B":mailto:a@b`), event(`ATTENDEE;CN=Anna B:mailto:a@b`), nil},
		"types in one parameter":           {card("EMAIL;type=INTERNET;type=home:a@b"), card(`EMAIL;TYPE="home,INTERNET":a@b`), nil},
		"types without the word":           {card("TEL;CELL;VOICE:1"), card("TEL;TYPE=CELL,VOICE:1"), nil},
		"another type":                     {card("TEL;TYPE=CELL:1"), card("TEL;TYPE=HOME:1"), []string{"TEL"}},
		"a parameter":                      {event("DTSTART;TZID=Europe/Paris:20300101T100000"), event("DTSTART:20300101T100000"), []string{"DTSTART"}},
		"what servers do when scheduling":  {event("ATTENDEE:mailto:a@b"), event("ATTENDEE;SCHEDULE-STATUS=1.1:mailto:a@b"), nil},
		"groups, and labels in capitals":   {card("item1.X-ABLabel:x"), card("ITEM1.X-ABLABEL:x"), nil},
		"empty parts at the end":           {card("N:Familie", "ORG:A;"), card("N:Familie;;;;", "ORG:A"), nil},
		"an empty part within":             {card("N:A;;B"), card("N:A;B"), []string{"N"}},
		"the parts of a rule":              {event("RRULE:FREQ=WEEKLY;WKST=MO;BYDAY=MO"), event("RRULE:FREQ=WEEKLY;BYDAY=MO;WKST=MO"), nil},
		"another rule":                     {event("RRULE:FREQ=WEEKLY"), event("RRULE:FREQ=DAILY"), []string{"RRULE"}},
		"an alarm's, not the event's":      {event("DESCRIPTION:x", "BEGIN:VALARM", "END:VALARM"), event("BEGIN:VALARM", "DESCRIPTION:x", "END:VALARM"), []string{"DESCRIPTION"}},
		"what holds without being said":    {event("TRANSP:OPAQUE", "CLASS:PUBLIC", "PRIORITY:0"), event(), nil},
		"what does not":                    {event("TRANSP:TRANSPARENT"), event(), []string{"TRANSP"}},
		"nothing said":                     {event("LOCATION:"), event(), nil},
		"no end":                           {lines("BEGIN:VCARD", "FN:A"), lines("BEGIN:VCARD", "FN:A"), nil},
		"ends alone":                       {lines("END:VCARD", "END:X", "FN:A"), lines("FN:A"), nil},
		"not a line":                       {[]byte("\x00\xff;;;:\r\n\r\n ;\n"), nil, nil},
		"time zones":                       {lines("BEGIN:VCALENDAR", "BEGIN:VTIMEZONE", "TZID:X", "BEGIN:STANDARD", "TZNAME:A", "END:STANDARD", "END:VTIMEZONE", "X-A:b", "END:VCALENDAR"), lines("BEGIN:VCALENDAR", "X-A:b", "END:VCALENDAR"), nil},
		"a copy of which nothing was left": {event("SUMMARY:a"), nil, []string{"SUMMARY", "UID"}},
	} {
		if got := object.Lost(test.from, test.copied); !slices.Equal(got, test.want) {
			t.Errorf("%s: lost %q, want %q", name, got, test.want)
		}
	}
}
