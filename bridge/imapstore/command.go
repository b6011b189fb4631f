package imapstore

import (
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// internalDate is date-time of RFC 9051 §9: the day is padded with a blank.
const internalDate = `"_2-Jan-2006 15:04:05 -0700"`

// appendHead is what goes before an item's literal, except the literal's announcement. Arrival is left to the server where the date is unknown.
func appendHead(flags []imap.Flag, date time.Time) string {
	var b strings.Builder
	b.WriteString(" (")
	for i, f := range flags {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(f))
	}
	b.WriteByte(')')
	if !date.IsZero() {
		b.WriteString(" " + date.Format(internalDate))
	}
	return b.String()
}

// literalRule tells which literals may follow without waiting for the server's leave (RFC 7888).
type literalRule struct{ plus, minus bool }

func (c capabilities) literals() literalRule {
	return literalRule{plus: c.has("LITERAL+"), minus: c.has("LITERAL-") || c.has("IMAP4REV2")}
}

// announce returns the literal's announcement and whether the server must answer it before the octets.
func (r literalRule) announce(size int64) (text string, wait bool) {
	if r.plus || r.minus && size <= 4096 {
		return " {" + strconv.FormatInt(size, 10) + "+}\r\n", false
	}
	return " {" + strconv.FormatInt(size, 10) + "}\r\n", true
}

// places reads an APPENDUID code (RFC 4315 §3, for several messages RFC 3502): one place for each of count items in the command's order, or none when
// the server does not tell, or tells something else.
func places(r reply, count int) []ledger.Place {
	none := make([]ledger.Place, count)
	validity, set, ok := strings.Cut(r.args, " ")
	if r.code != "APPENDUID" || !ok {
		return none
	}
	if _, err := strconv.ParseUint(validity, 10, 32); err != nil {
		return none
	}
	refs := expand(set, count)
	if len(refs) != count {
		return none
	}
	all := make([]ledger.Place, count)
	for i, ref := range refs {
		all[i] = ledger.Place{Validity: validity, Ref: ref}
	}
	return all
}

// expand lists a uid-set in its own order, at most limit and one more.
func expand(set string, limit int) []cutover.Ref {
	var refs []cutover.Ref
	for _, part := range strings.Split(set, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		first, err1 := strconv.ParseUint(low, 10, 32)
		last, err2 := strconv.ParseUint(high, 10, 32)
		if err1 != nil || err2 != nil || first == 0 || last < first {
			return nil
		}
		for uid := first; uid <= last && len(refs) <= limit; uid++ {
			refs = append(refs, refOf(imap.UID(uid)))
		}
	}
	return refs
}

// verdict turns the server's refusal of one item into its outcome.
func verdict(item bridge.PutItem, r reply) bridge.Outcome {
	switch {
	case r.waits():
		return bridge.Outcome{ID: item.ID, Err: asBusy(r, refusal{r})}
	case r.tooLarge():
		return failed(item, bridge.ErrTooLarge, refusal{r})
	}
	return failed(item, bridge.ErrRefused, refusal{r})
}
