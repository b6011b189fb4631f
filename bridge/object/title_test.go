package object_test

import (
	"testing"

	"posthouse/bridge/object"
)

func TestTitle(t *testing.T) {
	for name, test := range map[string]struct {
		raw  []byte
		want string
	}{
		"a contact":             {lines("BEGIN:VCARD", "UID:1", `FN:Smith\, Anna`, "END:VCARD"), "Smith, Anna"},
		"an event":              {event("SUMMARY;LANGUAGE=en:Board"), "Board"},
		"not that of its alarm": {event("BEGIN:VALARM", "SUMMARY:mail", "END:VALARM", "SUMMARY:Board"), "Board"},
		"on one line":           {event(`SUMMARY:Board\n  of all`, "  directors"), "Board of all directors"},
		"the first that is any": {lines("BEGIN:VEVENT", "SUMMARY: ", "END:VEVENT", "BEGIN:VEVENT", "SUMMARY:b", "END:VEVENT"), "b"},
		"none":                  {event("LOCATION:x"), ""},
		"ends alone":            {lines("END:X", "FN:A"), "A"},
		"not a line":            {[]byte("\x00\xff;;;:\r\n\r\n ;\n"), ""},
	} {
		if got := object.Title(test.raw); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
