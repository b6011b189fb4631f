package davstore

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"unicode/utf8"

	"posthouse/bridge/object"
)

// cardLine is a content line that every program takes (RFC 6350 §3.3): a name, parameters, and a value without control characters.
var cardLine = regexp.MustCompile(`^([A-Za-z0-9-]+\.)?[A-Za-z0-9-]+(;[A-Za-z0-9-]+(=("[^"\x00-\x1f]*"|[^"\x00-\x1f;:,]*)(,("[^"\x00-\x1f]*"|[^"\x00-\x1f;:,]*))*)?)*:[^\x00-\x08\x0a-\x1f\x7f]*$`)

// plainCard reports whether a contact can go together with others: it is one card with all that a server may demand (RFC 2426 §4, RFC 6350 §6.2.1), and nothing in it could make a server refuse them all, or mix it with its
// neighbours.
func plainCard(raw []byte) bool {
	if !utf8.Valid(raw) || !bytes.HasSuffix(raw, []byte("\r\n")) {
		return false
	}
	lines := object.Lines(raw)
	if len(lines) < 2 || lines[0].Text != "BEGIN:VCARD" || lines[len(lines)-1].Text != "END:VCARD" {
		return false
	}
	count := map[string]int{}
	for _, l := range lines {
		if !cardLine.MatchString(l.Text) || !plainEncoding(l) {
			return false
		}
		count[l.Name()]++
	}
	return count["BEGIN"] == 1 && count["END"] == 1 && count["VERSION"] == 1 && count["UID"] == 1 && count["FN"] >= 1 && count["N"] <= 1
}

// plainEncoding reports whether the value is what its encoding says; quoted-printable, of cards of version 2.1, is no line of its own.
func plainEncoding(l object.Line) bool {
	head, value := l.Cut()
	upper := strings.ToUpper(head)
	switch {
	case strings.Contains(upper, "QUOTED-PRINTABLE"):
		return false
	case !strings.Contains(upper, "ENCODING") && !strings.Contains(upper, "BASE64"):
		return true
	}
	_, err := base64.StdEncoding.DecodeString(value)
	return err == nil
}
