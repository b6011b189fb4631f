package repair

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"posthouse/bridge/object"
	"posthouse/cutover"
)

// maxObject bounds what is read of an object that is to be repaired.
const maxObject = 64 << 20

// ErrObject: the object is too large to be repaired.
var ErrObject = fmt.Errorf("object of more than %d MiB", maxObject>>20)

// objectRepairs are made in this order.
var objectRepairs = []struct {
	repair Repair
	do     func(cutover.FolderKind, []byte) []byte
}{
	{Form, wellFormed}, {Charset, inUTF8}, {Method, withoutMethod}, {Card21, fromCard21}, {Required, withRequired}, {NoUID, withUID}, {Empty, withoutEmpty}, {Zones, ianaZones}, {Length, withLength}, {CardVersion, otherCardVersion}, {Photo, withoutLarge}, {Silent, silent},
}

// NeededObject reads an object to its end and says which repairs change it.
func NeededObject(kind cutover.FolderKind, in io.Reader) (Repair, error) {
	raw, err := readObject(in)
	if err != nil {
		return 0, err
	}
	var needed Repair
	for _, r := range objectRepairs {
		now := r.do(kind, raw)
		if !bytes.Equal(now, raw) {
			needed |= r.repair
		}
		if r.repair&(Photo|CardVersion|Silent) == 0 { // the others make room for those after them
			raw = now
		}
	}
	return needed, nil
}

// NewObjectReader repairs an object as it is read, in memory. Its error may be ErrObject.
func NewObjectReader(kind cutover.FolderKind, in io.Reader, repairs Repair) io.Reader {
	return &objectReader{kind: kind, in: in, repairs: repairs}
}

type objectReader struct {
	kind    cutover.FolderKind
	in      io.Reader
	repairs Repair
	done    *bytes.Reader
}

func (r *objectReader) Read(p []byte) (int, error) {
	if r.done == nil {
		raw, err := readObject(r.in)
		if err != nil {
			return 0, err
		}
		for _, one := range objectRepairs {
			if r.repairs&one.repair != 0 {
				raw = one.do(r.kind, raw)
			}
		}
		r.done = bytes.NewReader(raw)
	}
	return r.done.Read(p)
}

func readObject(in io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(in, maxObject+1))
	if err == nil && len(raw) > maxObject {
		err = ErrObject
	}
	return raw, err
}

func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f {
		return -1
	}
	return r
}

func withoutControls(text []byte) []byte {
	clean := make([]byte, 0, len(text))
	for _, c := range text {
		if c >= ' ' && c != 0x7f || c == '\t' {
			clean = append(clean, c)
		}
	}
	return clean
}

// isProperty reports whether a line begins with a name (RFC 5545 §3.1, RFC 6350 §3.3) and has a value.
func isProperty(l object.Line) bool {
	end := strings.IndexAny(l.Text, ";:")
	if end <= 0 || l.Name() == "" {
		return false
	}
	for _, c := range l.Text[:end] {
		if c != '-' && c != '.' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	head, _ := l.Cut()
	return len(head) < len(l.Text)
}

// eachLine replaces lines. Those that stay keep their octets.
func eachLine(raw []byte, do func(object.Line) []object.Line) []byte {
	var out []object.Line
	for _, l := range object.Lines(raw) {
		out = append(out, do(l)...)
	}
	return object.Join(out...)
}

// eachItem calls do with the lines of each event, task, entry or contact, without BEGIN and END, and of the calendars around them. What do returns stands after BEGIN.
func eachItem(raw []byte, do func(name string, own []object.Line) []object.Line) []byte {
	lines := object.Lines(raw)
	var out []object.Line
	for i, l := range lines {
		out = append(out, l)
		name := strings.ToUpper(strings.TrimSpace(l.Value()))
		if l.Name() == "BEGIN" && (cutover.IsItem(name) || name == "VCALENDAR") {
			out = append(out, do(name, ownLines(lines[i+1:]))...)
		}
	}
	return object.Join(out...)
}

// ownLines are the properties of a component whose BEGIN stands before the lines.
func ownLines(lines []object.Line) (own []object.Line) {
	depth := 0
	for _, l := range lines {
		switch l.Name() {
		case "BEGIN":
			depth++
		case "END":
			if depth--; depth < 0 {
				return own
			}
		default:
			if depth == 0 {
				own = append(own, l)
			}
		}
	}
	return own
}

func valueOf(own []object.Line, names ...string) string {
	for _, name := range names {
		for _, l := range own {
			if l.Name() == name && strings.TrimSpace(l.Value()) != "" {
				return strings.TrimSpace(l.Value())
			}
		}
	}
	return ""
}

// withoutMethod leaves out what only messages have (RFC 4791 §4.1). What programs export has it.
func withoutMethod(kind cutover.FolderKind, raw []byte) []byte {
	if kind != cutover.Calendar {
		return raw
	}
	depth := 0
	return eachLine(raw, func(l object.Line) []object.Line {
		switch l.Name() {
		case "BEGIN":
			depth++
		case "END":
			depth--
		case "METHOD":
			if depth == 1 {
				return nil
			}
		}
		return []object.Line{l}
	})
}

// valued are properties that say nothing, and are no properties, without a value.
var valued = map[string]bool{
	"ATTACH": true, "ATTENDEE": true, "CATEGORIES": true, "CLASS": true, "COMPLETED": true, "CREATED": true, "DTEND": true, "DUE": true, "DURATION": true, "EXDATE": true, "EXRULE": true, "GEO": true, "LAST-MODIFIED": true,
	"ORGANIZER": true, "PERCENT-COMPLETE": true, "PRIORITY": true, "RDATE": true, "RECURRENCE-ID": true, "RRULE": true, "SEQUENCE": true, "STATUS": true, "TRANSP": true, "URL": true,
	"ANNIVERSARY": true, "BDAY": true, "KEY": true, "LOGO": true, "PHOTO": true, "REV": true, "SOUND": true, "TZ": true,
}

func withoutEmpty(_ cutover.FolderKind, raw []byte) []byte {
	return eachLine(raw, func(l object.Line) []object.Line {
		if valued[l.Name()] && strings.TrimSpace(l.Value()) == "" {
			return nil
		}
		return []object.Line{l}
	})
}

// producer is who made an object that does not say so.
const producer = "-//posthouse//repaired//EN"

// withRequired adds what no object may lack: RFC 5545 §3.6 and §3.6.1, RFC 2426 §3.1.1 and §3.6.9.
func withRequired(_ cutover.FolderKind, raw []byte) []byte {
	return eachItem(raw, func(name string, own []object.Line) (added []object.Line) {
		add := func(property, value string) {
			if valueOf(own, property) == "" {
				added = append(added, object.NewLine(property+":"+value))
			}
		}
		switch name {
		case "VCALENDAR":
			add("VERSION", "2.0")
			add("PRODID", producer)
		case "VCARD":
			add("VERSION", "3.0")
			add("FN", nameOf(own))
			if valueOf(append(own, added...), "VERSION") == "3.0" {
				add("N", ";;;;")
			}
		default:
			add("DTSTAMP", stampOf(own))
		}
		return added
	})
}

func nameOf(own []object.Line) string {
	family, rest, _ := strings.Cut(valueOf(own, "N"), ";")
	given, _, _ := strings.Cut(rest, ";")
	if name := strings.TrimSpace(given + " " + family); name != "" {
		return name
	}
	if other := valueOf(own, "ORG", "NICKNAME", "EMAIL", "TEL"); other != "" {
		return other
	}
	return "?"
}

func stampOf(own []object.Line) string {
	if at := valueOf(own, "LAST-MODIFIED", "CREATED"); len(at) == len("20060102T150405Z") && at[len(at)-1] == 'Z' {
		return at
	}
	return "19700101T000000Z"
}

// withUID gives items a UID that is made of the whole object.
func withUID(_ cutover.FolderKind, raw []byte) []byte {
	sum := sha256.Sum256(raw)
	return eachItem(raw, func(name string, own []object.Line) []object.Line {
		if name == "VCALENDAR" || valueOf(own, "UID") != "" {
			return nil
		}
		return []object.Line{object.NewLine("UID:posthouse-" + hex.EncodeToString(sum[:12]))}
	})
}

// withParam is the line with a parameter, which may be there with another value.
func withParam(l object.Line, name, value string) object.Line {
	head, rest := l.Cut()
	parts := object.Params(head)
	kept := parts[:1:1]
	for _, p := range parts[1:] {
		if key, _, _ := strings.Cut(p, "="); !strings.EqualFold(key, name) {
			kept = append(kept, p)
		}
	}
	if value != "" {
		kept = append(kept, name+"="+value)
	}
	return object.NewLine(strings.Join(kept, ";") + ":" + rest)
}

// silent leaves scheduling to the client, which does nothing about it. Objects that invite nobody stay as they are.
func silent(kind cutover.FolderKind, raw []byte) []byte {
	if kind != cutover.Calendar {
		return raw
	}
	return eachLine(raw, func(l object.Line) []object.Line {
		if name := l.Name(); name != "ATTENDEE" && name != "ORGANIZER" {
			return []object.Line{l}
		}
		if agent := l.Param("SCHEDULE-AGENT"); strings.EqualFold(agent, "CLIENT") || strings.EqualFold(agent, "NONE") {
			return []object.Line{l}
		}
		return []object.Line{withParam(l, "SCHEDULE-AGENT", "CLIENT")}
	})
}

// large is how long a value within an object may be that is left out where it is too large.
const large = 64 << 10

func withoutLarge(_ cutover.FolderKind, raw []byte) []byte {
	return eachLine(raw, func(l object.Line) []object.Line {
		switch l.Name() {
		case "PHOTO", "LOGO", "SOUND", "KEY", "ATTACH", "IMAGE":
			if len(l.Value()) > large {
				return nil
			}
		}
		return []object.Line{l}
	})
}
