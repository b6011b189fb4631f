package cutover

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"slices"
	"strings"
)

// Digester computes what an item is known by from its octets as they pass by.
type Digester interface {
	io.Writer
	Size() int64
	// Digest is of the body, or of the whole object; call it once, after the last Write.
	Digest() Digest
	Identity() Identity
	// Header is a message's header; objects have none.
	Header() []byte
}

// NewDigester returns a digester for one item of that kind.
func NewDigester(kind FolderKind) Digester {
	if kind.Objects() {
		return NewObjectDigester(kind)
	}
	return NewBodyDigester()
}

// Objects reports whether folders of this kind hold objects that are known by their UID, rather than messages.
func (k FolderKind) Objects() bool { return k == Calendar || k == Contacts }

// ObjectDigester reads one calendar object (RFC 5545) or one contact (RFC 6350) as it passes by: an item is known by its UID, and all components that share one (an event and what was changed of its
// recurrences) are one item. Memory is bounded, however long a line is. Not safe for concurrent use.
type ObjectDigester struct {
	kind  FolderKind
	raw   BodyDigester
	open  []string // components, from the outermost on
	uids  []string // different ones, in their order
	loose []string
	tops  int  // outermost components
	bare  int  // items without a UID
	named bool // the item that is open has one

	line   contentLine
	ending bool // an end of line passed by: the next octet tells whether the line goes on (RFC 5545 §3.1)
	lines  []Digest
}

// contentLine is an unfolded line as far as it has passed by.
type contentLine struct {
	head   []byte // name and parameters
	value  []byte // what of it is not hashed yet
	hash   hash.Hash
	quoted bool
	colon  bool
}

const (
	maxHead  = 16 << 10
	maxValue = 4 << 10
)

// NewObjectDigester returns a digester for one object of that kind.
func NewObjectDigester(kind FolderKind) *ObjectDigester {
	return &ObjectDigester{kind: kind, raw: BodyDigester{hash: sha256.New(), inBody: true}}
}

// IdentityOfObject is the identity of a whole object.
func IdentityOfObject(kind FolderKind, raw []byte) Identity {
	d := NewObjectDigester(kind)
	_, _ = d.Write(raw) // it never fails
	return d.Identity()
}

// Write takes the next octets; it never fails.
func (d *ObjectDigester) Write(p []byte) (int, error) {
	for _, c := range p {
		d.take(c)
	}
	return d.raw.Write(p)
}

func (d *ObjectDigester) take(c byte) {
	switch {
	case c == '\r':
	case c == '\n':
		if d.ending {
			d.endLine() // an empty line
		}
		d.ending = true
	case d.ending && (c == ' ' || c == '\t'):
		d.ending = false
	default:
		if d.ending {
			d.endLine()
			d.ending = false
		}
		d.line.take(c)
	}
}

func (l *contentLine) take(c byte) {
	if l.colon {
		if l.value = append(l.value, c); len(l.value) == maxValue {
			l.spill()
		}
		return
	}
	if c == '"' {
		l.quoted = !l.quoted
	}
	if l.colon = c == ':' && !l.quoted; !l.colon && len(l.head) < maxHead {
		l.head = append(l.head, c)
	}
}

// spill hashes what there is of a long value, which then is no more known by its text.
func (l *contentLine) spill() {
	if l.hash == nil {
		l.hash = sha256.New()
	}
	l.hash.Write(l.value)
	l.value = l.value[:0]
}

func (d *ObjectDigester) endLine() {
	l := d.line
	d.line = contentLine{head: l.head[:0], value: l.value[:0]}
	if len(l.head) == 0 {
		return
	}
	name, params := splitHead(string(l.head))
	if l.hash != nil {
		l.spill()
		l.value = l.hash.Sum(l.value)
	}
	value := string(l.value)
	switch name {
	case "BEGIN":
		d.begin(strings.ToUpper(strings.TrimSpace(value)))
		return
	case "END":
		d.finish()
		return
	}
	if slices.Contains(d.open, "VTIMEZONE") {
		return // servers write their own
	}
	d.know(name, value)
	if volatile[name] {
		return
	}
	d.lines = append(d.lines, sha256.Sum256([]byte(strings.Join(d.open, "/")+"\x00"+name+"\x00"+strings.Join(params, ";")+"\x00"+value)))
}

func (d *ObjectDigester) begin(component string) {
	if len(d.open) == 0 {
		d.tops++
	}
	if d.open = append(d.open, component); len(d.open) == d.depth() {
		d.named = false
	}
}

func (d *ObjectDigester) finish() {
	if len(d.open) == d.depth() && !d.named && IsItem(d.open[len(d.open)-1]) {
		d.bare++
	}
	d.open = d.open[:max(0, len(d.open)-1)]
}

// IsItem reports whether a component, by its name in capitals, is what has a UID: an event, a task, an entry of a journal, or a contact.
func IsItem(component string) bool {
	switch component {
	case "VEVENT", "VTODO", "VJOURNAL", "VCARD":
		return true
	}
	return false
}

// depth is how deep items lie: events within a calendar.
func (d *ObjectDigester) depth() int {
	if d.kind == Contacts {
		return 1
	}
	return 2
}

// volatile are properties that servers write anew without anybody changing the object.
var volatile = map[string]bool{"PRODID": true, "DTSTAMP": true, "REV": true, "X-RADICALE-NAME": true, "CALSCALE": true, "METHOD": true}

// splitHead separates a line's name, without a group and in capitals, from its parameters, sorted and in capitals as far as their names go. Those that servers add for scheduling are left out.
func splitHead(head string) (name string, params []string) {
	parts := splitOutsideQuotes(head, ';')
	name = strings.ToUpper(strings.TrimSpace(strings.TrimPrefix(parts[0], "\ufeff"))) // a byte order mark
	if _, bare, grouped := strings.Cut(name, "."); grouped {
		name = bare
	}
	for _, p := range parts[1:] {
		key, value, _ := strings.Cut(p, "=")
		if key = strings.ToUpper(key); !strings.HasPrefix(key, "SCHEDULE-") {
			params = append(params, key+"="+strings.Trim(value, `"`))
		}
	}
	slices.Sort(params)
	return name, params
}

func splitOutsideQuotes(s string, sep byte) (parts []string) {
	start, quoted := 0, false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// looseProperties tell items without a UID apart.
var looseProperties = map[string]bool{"DTSTART": true, "DTEND": true, "DUE": true, "RRULE": true, "SUMMARY": true, "FN": true, "N": true, "EMAIL": true, "TEL": true}

// know notes what an item is known by. Only the items themselves have it, not what lies within them (alarms), nor the calendar around them.
func (d *ObjectDigester) know(name, value string) {
	if len(d.open) != d.depth() {
		return
	}
	if value = strings.TrimSpace(value); name == "UID" && value != "" {
		d.named = true
		if value = unescaped(value); !slices.Contains(d.uids, value) {
			d.uids = append(d.uids, value)
		}
	} else if looseProperties[name] {
		d.loose = append(d.loose, name+"="+squeeze(unescaped(value)))
	}
}

// unescaped is a text value as it is meant (RFC 5545 §3.3.11).
func unescaped(value string) string {
	if !strings.Contains(value, `\`) {
		return value
	}
	return strings.NewReplacer(`\\`, `\`, `\,`, `,`, `\;`, `;`, `\n`, "\n", `\N`, "\n").Replace(value)
}

// end takes what was not ended by a line end.
func (d *ObjectDigester) end() {
	d.endLine()
	d.ending = false
}

// Size is the number of octets written.
func (d *ObjectDigester) Size() int64 { return d.raw.Size() }

// Digest is that of the whole object, line ends normalised as those of a body.
func (d *ObjectDigester) Digest() Digest { return d.raw.Digest() }

// Header is empty.
func (d *ObjectDigester) Header() []byte { return nil }

// Text is what the object says, whatever a server made of its form: the order of its lines, their folding, the order of parameters, time zones and stamps that servers write anew.
func (d *ObjectDigester) Text() Digest {
	d.end()
	sorted := slices.Clone(d.lines)
	slices.SortFunc(sorted, func(a, b Digest) int { return bytes.Compare(a[:], b[:]) })
	all := sha256.New()
	for _, line := range sorted {
		all.Write(line[:])
	}
	return Digest(all.Sum(nil))
}

// UIDs are the different ones in the object. More than one make no single item (RFC 4791 §4.1).
func (d *ObjectDigester) UIDs() []string {
	d.end()
	return d.uids
}

// Single reports whether the object is one item, or none: not several of which some have no UID, nor one that is strewn over several calendars.
func (d *ObjectDigester) Single() bool {
	d.end()
	return d.tops < 2 && len(d.uids)+d.bare < 2
}

// Identity is the UID's. An object without one is known by when it is and what it is called, until it is given one.
func (d *ObjectDigester) Identity() Identity {
	d.end()
	if len(d.uids) == 0 {
		slices.Sort(d.loose)
		return Identity{Loose: keyOver(append([]string{string(d.kind) + " without UID"}, d.loose...)...)}
	}
	return IdentityOfUID(d.kind, d.uids[0])
}

// IdentityOfUID is the identity of the item with that UID. It is the item's MessageID too: what servers are asked for, and what people are told.
func IdentityOfUID(kind FolderKind, uid string) Identity {
	return Identity{Key: keyOver(string(kind), uid), MessageID: uid}
}
