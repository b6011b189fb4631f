package cutover

import (
	"slices"
	"strings"
	"time"
)

// Ref names one item within one folder and one validity: an IMAP UID in decimal, a DAV href. Only the store that yielded it understands it.
type Ref string

// Flags are IMAP flags and keywords as the server wrote them, sorted and without \Recent, which belongs to the session and not to the item (RFC 9051 §2.3.2).
type Flags []string

// NewFlags sorts, drops \Recent and duplicates, which may differ in case, and writes system flags in their usual spelling.
func NewFlags(raw ...string) Flags {
	flags := make(Flags, 0, len(raw))
	for _, f := range raw {
		f = usualSpelling(f)
		if f != "" && f != `\Recent` && !flags.Has(f) {
			flags = append(flags, f)
		}
	}
	slices.Sort(flags)
	return flags
}

func usualSpelling(flag string) string {
	for _, known := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `\Recent`} {
		if strings.EqualFold(flag, known) {
			return known
		}
	}
	return flag
}

// Has reports whether the flag is set, ignoring case (keywords are case-insensitive, RFC 9051 §2.3.2).
func (f Flags) Has(flag string) bool {
	return slices.ContainsFunc(f, func(have string) bool { return strings.EqualFold(have, flag) })
}

// String joins the flags with single blanks; ParseFlags reads it back.
func (f Flags) String() string { return strings.Join(f, " ") }

// ParseFlags reads what Flags.String wrote.
func ParseFlags(s string) Flags { return NewFlags(strings.Fields(s)...) }

// Equal ignores order and case.
func (f Flags) Equal(g Flags) bool {
	return len(f) == len(g) && !slices.ContainsFunc(f, func(flag string) bool { return !g.Has(flag) })
}

// Item is what is known of one message, event or contact without its body.
type Item struct {
	Ref      Ref
	Version  string    // modseq or ETag at the time of reading; empty where the server has none
	Flags    Flags     // mail only
	Date     time.Time // INTERNALDATE; UTC offset kept, whole seconds
	Size     int64     // octets as the server reports them; an estimate on Exchange
	Identity Identity
	Says     Digest // what an event or contact says (ObjectDigester.Text), if it was read; zero for messages
}

// Disposition is how a legacy item ended. Every item has exactly one when the cutover is done.
type Disposition string

const (
	Intended Disposition = "intended" // not an end: a put is under way or was cut off
	Copied   Disposition = "copied"   // we put it into the cloud
	Adopted  Disposition = "adopted"  // the cloud already held it
	Captured Disposition = "captured" // the listener took it and forwarded it
	Merged   Disposition = "merged by the cloud"
	Skipped  Disposition = "skipped by rule"
	Gone     Disposition = "gone before copy"
	Refused  Disposition = "refused" // saved as a file, named
)

// Final reports whether the disposition is an end.
func (d Disposition) Final() bool { return d != "" && d != Intended }

// InCloud reports whether an item of this disposition has a copy of its own in the cloud.
func (d Disposition) InCloud() bool { return d == Copied || d == Adopted || d == Captured }
