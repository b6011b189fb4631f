package cutover

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"net/mail"
	"slices"
	"strings"
)

// IdentityVersion is stored beside each identity; a change of the rules below raises it.
const IdentityVersion = 2

// Key is 128 bits of SHA-256 over normalised header fields. The zero Key means that the fields needed are missing.
type Key [16]byte

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k == Key{} }

// String is the key in hexadecimal.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Digest is the SHA-256 of a body: all octets after the empty line that ends the header, line ends normalised to CRLF. Zero means unknown.
type Digest [32]byte

// IsZero reports whether the digest is unknown.
func (d Digest) IsZero() bool { return d == Digest{} }

// Identity is what makes two copies the same message.
//
// Key covers Message-ID, Date as an instant and the From addresses; Subject and trace fields are not in it, because servers change
// them. Where Message-ID or Date is missing Key is zero and Loose (Date, From, To, Subject) with digest or size decides: servers
// invent the missing fields, so a copy may have a Key although its original has none.
type Identity struct {
	Key   Key
	Loose Key
	// Before are the loose keys that the message may have had before a server tagged its subject, added a Date, or both; zero where it cannot have. Ledgers do not keep them.
	Before [3]Key
	Trace  Trace // as found in the header, not yet verified; empty if absent
	// MessageID is the raw field, unfolded, for asking servers; it is not compared, and ledgers need not keep it with items.
	MessageID string
}

// Match returns the key by which the item is looked up: Key, or Loose where there is no Key.
func (id Identity) Match() Key {
	if id.Key.IsZero() {
		return id.Loose
	}
	return id.Key
}

// IdentityFields are the header fields that IdentityOf reads: what a store must fetch.
var IdentityFields = []string{"Message-ID", "Date", "From", "To", "Subject", TraceField}

// IdentityOf computes the identity from a raw header (or from just the IdentityFields of it), up to the first empty line. Malformed fields take part
// as raw text; it never fails. Octets above 127 count by their number only (SevenBit).
func IdentityOf(header []byte) Identity {
	fields := fieldsOf(header, IdentityFields...)
	raw := squeeze(fields["message-id"])
	for name, value := range fields {
		fields[name] = SevenBit(value)
	}
	date := instant(fields["date"])
	from := addresses(fields["from"])
	to, subject := addresses(fields["to"]), squeeze(fields["subject"])
	id := Identity{
		Loose: keyOver("loose", date, from, to, subject),
		Trace: Trace(strings.TrimSpace(fields[strings.ToLower(TraceField)])),

		MessageID: raw,
	}
	plain := untagged(subject)
	if plain != subject {
		id.Before[0] = keyOver("loose", date, from, to, plain)
	}
	if date != "" {
		id.Before[1] = keyOver("loose", "", from, to, subject)
	}
	if plain != subject && date != "" {
		id.Before[2] = keyOver("loose", "", from, to, plain)
	}
	if messageID := squeeze(fields["message-id"]); messageID != "" && date != "" {
		id.Key = keyOver("key", messageID, date, from)
	}
	return id
}

// SevenBit puts an X for every octet above 127. Cyrus does the same to the header fields of what it is given (munge8bit, which is its default), so a copy may differ from its original
// in this and in nothing else.
func SevenBit(value string) string {
	if isASCII(value) {
		return value
	}
	octets := []byte(value)
	for i, c := range octets {
		if c > 127 {
			octets[i] = 'X'
		}
	}
	return string(octets)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > 127 {
			return false
		}
	}
	return true
}

// Was reports whether the loose key may be this message's, before a server changed its header.
func (id Identity) Was(loose Key) bool {
	return !loose.IsZero() && slices.Contains(id.Before[:], loose)
}

// untagged is a subject without the tag in brackets that a server put before it.
func untagged(subject string) string {
	if tag, rest, ok := strings.Cut(subject, "]"); ok && strings.HasPrefix(tag, "[") {
		return strings.TrimSpace(rest)
	}
	return subject
}

func keyOver(parts ...string) Key {
	var room [512]byte
	all := room[:0]
	for _, p := range parts {
		all = append(append(all, p...), 0)
	}
	sum := sha256.Sum256(all)
	return Key(sum[:16])
}

// fieldsOf returns the first occurrence of each wanted field, unfolded, by lower-case name.
func fieldsOf(header []byte, wanted ...string) map[string]string {
	raw := make(map[string][]byte, len(wanted))
	var name string
	for line := range bytes.Lines(header) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if name != "" {
				raw[name] = append(append(raw[name], ' '), bytes.TrimSpace(line)...)
			}
			continue
		}
		name = startField(raw, line, wanted)
	}
	fields := make(map[string]string, len(raw))
	for name, value := range raw {
		fields[name] = string(value)
	}
	return fields
}

// startField notes the field that a header line begins and returns its name, or "" when it is not wanted or was seen before.
func startField(fields map[string][]byte, line []byte, wanted []string) string {
	head, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return ""
	}
	head = bytes.TrimSpace(head)
	i := slices.IndexFunc(wanted, func(f string) bool { return len(f) == len(head) && strings.EqualFold(f, string(head)) })
	if i < 0 {
		return ""
	}
	name := strings.ToLower(wanted[i])
	if _, seen := fields[name]; seen {
		return ""
	}
	fields[name] = bytes.Clone(bytes.TrimSpace(value))
	return name
}

// addressParser takes names in any charset: only the addresses count, and a server that writes the names anew changes the charset.
var addressParser = mail.AddressParser{WordDecoder: &mime.WordDecoder{
	CharsetReader: func(_ string, name io.Reader) (io.Reader, error) { return name, nil },
}}

// addresses is the sorted list of addresses in lower case, or the raw text squeezed where the field does not parse.
func addresses(raw string) string {
	list, err := addressParser.ParseList(raw)
	if err != nil {
		return squeeze(raw)
	}
	found := make([]string, len(list))
	for i, a := range list {
		found[i] = strings.ToLower(a.Address)
	}
	slices.Sort(found)
	return strings.Join(found, ",")
}

// squeeze folds runs of white space to one blank: servers refold long fields.
func squeeze(s string) string {
	if isSqueezed(s) {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// isSqueezed reports whether s surely has nothing to fold: printable ASCII with single blanks between.
func isSqueezed(s string) bool {
	blank := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == ' ' && blank:
			return false
		default:
			blank = c == ' '
		}
	}
	return !blank || s == ""
}
