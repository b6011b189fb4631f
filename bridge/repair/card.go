package repair

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"posthouse/bridge/object"
	"posthouse/cutover"
)

// fromCard21 writes vCard 2.1 as 3.0 (RFC 2426 §5).
func fromCard21(kind cutover.FolderKind, raw []byte) []byte {
	if kind != cutover.Contacts || !hasVersion(raw, "2.1") {
		return raw
	}
	lines := object.Lines(raw)
	var out []object.Line
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		if l.Name() == "VERSION" {
			out = append(out, object.NewLine("VERSION:3.0"))
			continue
		}
		for isQuoted(l) && strings.HasSuffix(l.Text, "=") && i+1 < len(lines) { // a soft line break
			i++
			l.Text = strings.TrimSuffix(l.Text, "=") + lines[i].Text
			l.Raw = nil
		}
		out = append(out, line30(l))
	}
	return object.Join(out...)
}

func hasVersion(raw []byte, version string) bool {
	for _, l := range object.Lines(raw) {
		if l.Name() == "VERSION" {
			return strings.TrimSpace(l.Value()) == version
		}
	}
	return false
}

func isQuoted(l object.Line) bool {
	head, _ := l.Cut()
	return strings.Contains(strings.ToUpper(head), "QUOTED-PRINTABLE")
}

// line30 writes one line of 2.1 in the way of 3.0.
func line30(l object.Line) object.Line {
	head, value := l.Cut()
	parts := object.Params(head)
	kept := parts[:1:1]
	var types []string
	charset, quoted := "", false
	for _, p := range parts[1:] {
		key, v, named := strings.Cut(p, "=")
		if !named {
			key, v = "TYPE", p
		}
		switch key, v = strings.ToUpper(key), strings.ToUpper(v); {
		case key == "CHARSET":
			charset = v
		case v == "QUOTED-PRINTABLE":
			quoted = true
		case v == "BASE64", v == "B":
			kept = append(kept, "ENCODING=b")
			value = strings.Join(strings.Fields(value), "")
		case key == "ENCODING": // 7BIT, 8BIT
		case key == "TYPE":
			types = append(types, v)
		default:
			kept = append(kept, p)
		}
	}
	if len(types) > 0 {
		kept = append(kept, "TYPE="+strings.Join(types, ","))
	}
	if quoted {
		value = fromQuotedPrintable(value)
	}
	if quoted || !utf8.ValidString(value) {
		value = decoded(value, charset)
	}
	if quoted || texts[l.Name()] {
		value = withCommas(value)
	}
	if now := strings.Join(kept, ";") + ":" + value; now != l.Text || l.Raw == nil {
		return object.NewLine(now)
	}
	return l
}

// fromQuotedPrintable decodes quoted-printable; line ends within the text are written as 3.0 does.
func fromQuotedPrintable(value string) string {
	text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(value)))
	if err != nil {
		return value
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	return strings.ReplaceAll(string(text), "\n", `\n`)
}

// texts are properties in which a comma is no more than that in 2.1, and separates values in 3.0.
var texts = map[string]bool{"FN": true, "N": true, "ADR": true, "LABEL": true, "ORG": true, "TITLE": true, "ROLE": true, "NOTE": true}

func withCommas(value string) string {
	return strings.ReplaceAll(strings.ReplaceAll(value, `\,`, ","), ",", `\,`)
}

// otherCardVersion writes 3.0 as 4.0 and 4.0 as 3.0, for servers that take only the other.
func otherCardVersion(kind cutover.FolderKind, raw []byte) []byte {
	switch {
	case kind != cutover.Contacts:
		return raw
	case hasVersion(raw, "3.0"):
		return eachLine(raw, card40)
	case hasVersion(raw, "4.0"):
		return eachLine(raw, card30)
	}
	return raw
}

// card40 writes a line of 3.0 in the way of 4.0 (RFC 6350 appendix A).
func card40(l object.Line) []object.Line {
	head, value := l.Cut()
	switch name := l.Name(); {
	case name == "VERSION":
		return []object.Line{object.NewLine("VERSION:4.0")}
	case name == "X-ADDRESSBOOKSERVER-KIND":
		return []object.Line{object.NewLine("KIND:" + value)}
	case name == "X-ADDRESSBOOKSERVER-MEMBER":
		return []object.Line{object.NewLine("MEMBER:" + value)}
	case strings.EqualFold(l.Param("ENCODING"), "b"):
		media := strings.ToLower(l.Param("TYPE"))
		if media == "" {
			media = "jpeg"
		}
		return []object.Line{object.NewLine(object.Params(head)[0] + ":data:image/" + strings.TrimPrefix(media, "image/") + ";base64," + value)}
	}
	parts := object.Params(head)
	kept, preferred := parts[:1:1], false
	for _, p := range parts[1:] {
		key, v, _ := strings.Cut(p, "=")
		if !strings.EqualFold(key, "TYPE") {
			kept = append(kept, p)
			continue
		}
		var types []string
		for _, one := range strings.Split(v, ",") {
			if strings.EqualFold(one, "PREF") {
				preferred = true
			} else {
				types = append(types, one)
			}
		}
		if len(types) > 0 {
			kept = append(kept, key+"="+strings.Join(types, ","))
		}
	}
	if !preferred {
		return []object.Line{l}
	}
	return []object.Line{object.NewLine(strings.Join(append(kept, "PREF=1"), ";") + ":" + value)}
}

// card30 writes a line of 4.0 in the way of 3.0.
func card30(l object.Line) []object.Line {
	head, value := l.Cut()
	name := object.Params(head)[0]
	switch {
	case l.Name() == "VERSION":
		return []object.Line{object.NewLine("VERSION:3.0")}
	case l.Name() == "KIND":
		return []object.Line{object.NewLine("X-ADDRESSBOOKSERVER-KIND:" + value)}
	case l.Name() == "MEMBER":
		return []object.Line{object.NewLine("X-ADDRESSBOOKSERVER-MEMBER:" + value)}
	case strings.HasPrefix(value, "data:"):
		media, octets, ok := strings.Cut(strings.TrimPrefix(value, "data:"), ";base64,")
		if _, err := base64.StdEncoding.DecodeString(octets); ok && err == nil {
			_, kind, _ := strings.Cut(media, "/")
			return []object.Line{object.NewLine(name + ";ENCODING=b;TYPE=" + strings.ToUpper(kind) + ":" + octets)}
		}
	case l.Param("PREF") == "1":
		l = withParam(l, "PREF", "")
		if types := l.Param("TYPE"); types != "" {
			return []object.Line{withParam(l, "TYPE", types+",pref")}
		}
		return []object.Line{withParam(l, "TYPE", "pref")}
	}
	return []object.Line{l}
}
