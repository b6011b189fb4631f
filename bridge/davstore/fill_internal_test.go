package davstore

import (
	"bytes"
	"encoding/xml"
	"net/url"
	"strings"
	"testing"
	"time"

	"posthouse/cutover"
)

// A stand-in says nothing: whatever says more than one does is an item.
func TestParseStandIn(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var body bytes.Buffer
	writeStandIn(&body, "a@b", now)
	raw := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n" + body.String() + "END:VCALENDAR\r\n"
	s := parseStandIn(cutover.Calendar, []byte(raw))
	if s == nil || s.key != cutover.IdentityOfUID(cutover.Calendar, "a@b").Key || !s.made.Equal(now) {
		t.Fatalf("%+v", s)
	}
	for name, raw := range map[string]string{
		"a line more":      strings.Replace(raw, "DTSTAMP", "SUMMARY:x\r\nDTSTAMP", 1),
		"an odd line more": strings.Replace(raw, "DTSTAMP", "odd\r\nDTSTAMP", 1),
		"an event":         strings.ReplaceAll(raw, "VJOURNAL", "VEVENT"),
		"no mark":          strings.Replace(raw, standInMark, "X-OTHER", 1),
		"no UID":           strings.Replace(raw, "UID:a@b\r\n", "", 1),
		"two":              strings.Replace(raw, "END:VCALENDAR", body.String()+"END:VCALENDAR", 1),
		"no stamp":         strings.Replace(raw, "DTSTAMP:20260301T120000Z", "DTSTAMP:soon", 1),
		"an alarm":         strings.Replace(raw, "END:VJOURNAL", "BEGIN:VALARM\r\nEND:VALARM\r\nEND:VJOURNAL", 1),
	} {
		if raw == "" || parseStandIn(cutover.Calendar, []byte(raw)) != nil {
			t.Errorf("%s is taken for a stand-in", name)
		}
	}
	if parseStandIn(cutover.Contacts, []byte(raw)) != nil {
		t.Error("a contact is taken for a stand-in")
	}
}

// Only a contact that no server can stumble over, or mix with others, goes together with them.
func TestPlainCard(t *testing.T) {
	card := func(lines ...string) string {
		return "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:x\r\nFN:x\r\n" + strings.Join(append(lines, "END:VCARD\r\n"), "\r\n")
	}
	for raw, want := range map[string]bool{
		card(): true, card("N:a;b;;;", "item1.TEL;TYPE=\"a;b:c\",d;pref:1", "NOTE:ü\\n\t"): true, card("PHOTO;ENCODING=b:aGVsbG8="): true, card("PHOTO;ENCODING=b:aGVs\r\n bG8="): true,
		card("PHOTO;ENCODING=b:no base64"): false, card("NOTE;ENCODING=QUOTED-PRINTABLE:=3D"): false, card("no line"): false, card("A B:x"): false, card("NOTE:\x01"): false, card("NOTE:\xff"): false,
		card("", "X:y"): false, card("N:1", "N:2"): false, card("FN:2"): true, card("VERSION:3.0"): false, card("UID:y"): false, card("END:VCARD", "BEGIN:VCARD"): false, card("BEGIN:X", "END:X"): false,
		strings.Replace(card(), "FN:x\r\n", "", 1): false, strings.TrimSuffix(card(), "\r\n"): false, "\ufeff" + card(): false, strings.ReplaceAll(card(), "VCARD", "vcard"): false, "": false,
		"BEGIN:VCARD\r\n": false, card() + "\r\n": false, card() + " more\r\n": false,
	} {
		if got := plainCard([]byte(raw)); got != want {
			t.Errorf("%q: %v, want %v", raw, got, want)
		}
	}
}

// What a server computes is not kept of a collection, also where it is more than text; what somebody set is.
func TestSightKeepsWhatWasSet(t *testing.T) {
	at := &url.URL{Path: "/anna/contacts/"}
	var w sight
	w.see(at, "", []anyProp{
		{XMLName: xml.Name{Space: nsDAV, Local: "getetag"}, Text: `"1"`},
		{XMLName: xml.Name{Space: nsCardDAV, Local: "supported-address-data"}, Inner: make([]struct {
			XMLName xml.Name
			Name    string `xml:"name,attr"`
		}, 1)},
		{XMLName: xml.Name{Space: nsDAV, Local: "displayname"}, Text: "Friends"},
	})
	if w.odd || w.etag != `"1"` || len(w.props) != 1 || w.props[0].Value != "Friends" {
		t.Errorf("%+v", w)
	}
}
