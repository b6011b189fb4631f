package imapstore

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"posthouse/ledger"
)

// cursor is how far a folder was followed. Written as "1 <validity> <start> <modseq> <done> <anchor>", for example "1 3857529045 4712 90060 1:2000,4200:4711 4711:0123456789abcdef0123456789abcdef";
// without the last field where there is no anchor.
type cursor struct {
	validity uint32
	start    imap.UID // UIDNEXT when following began: from here on everything is news
	modseq   uint64   // changes of flags up to it were yielded; 0 without CONDSTORE
	done     ranges
	anchor   anchor
}

const cursorVersion = "1"

func parseCursor(c ledger.Cursor) (cursor, error) {
	if c == "" {
		return cursor{}, nil
	}
	fields := strings.Fields(string(c))
	if len(fields) < 5 || len(fields) > 6 || fields[0] != cursorVersion {
		return cursor{}, fmt.Errorf("cursor %q is not of this store", c)
	}
	validity, err1 := strconv.ParseUint(fields[1], 10, 32)
	start, err2 := strconv.ParseUint(fields[2], 10, 32)
	modseq, err3 := strconv.ParseUint(fields[3], 10, 64)
	done, err4 := parseRanges(fields[4])
	var last anchor
	var err5 error
	if len(fields) == 6 {
		last, err5 = parseAnchor(fields[5])
	}
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return cursor{}, fmt.Errorf("cursor %q: %w", c, err)
		}
	}
	return cursor{validity: uint32(validity), start: imap.UID(start), modseq: modseq, done: done, anchor: last}, nil
}

// String is the inverse of parseCursor.
func (c cursor) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %d %d %s %s", cursorVersion, c.validity, c.start, c.modseq, c.done, c.anchor))
}

// span is an inclusive range of UIDs.
type span struct{ first, last imap.UID }

// ranges is a set of UIDs as rising spans that neither overlap nor touch.
type ranges []span

func parseRanges(text string) (ranges, error) {
	if text == "-" {
		return nil, nil
	}
	var r ranges
	for _, part := range strings.Split(text, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		first, err := strconv.ParseUint(low, 10, 32)
		if err != nil {
			return nil, err
		}
		last, err := strconv.ParseUint(high, 10, 32)
		if err != nil {
			return nil, err
		}
		r = r.with(imap.UID(first), imap.UID(last))
	}
	return r, nil
}

// String writes "-" for the empty set.
func (r ranges) String() string {
	if len(r) == 0 {
		return "-"
	}
	parts := make([]string, len(r))
	for i, s := range r {
		parts[i] = fmt.Sprint(s.first)
		if s.first != s.last {
			parts[i] = fmt.Sprintf("%d:%d", s.first, s.last)
		}
	}
	return strings.Join(parts, ",")
}

// with returns the set with first..last added; r does not change.
func (r ranges) with(first, last imap.UID) ranges {
	if first == 0 || last < first {
		return r
	}
	var before, after ranges
	for _, s := range r {
		switch {
		case uint64(s.last)+1 < uint64(first):
			before = append(before, s)
		case uint64(last)+1 < uint64(s.first):
			after = append(after, s)
		default:
			first, last = min(first, s.first), max(last, s.last)
		}
	}
	return append(append(before, span{first, last}), after...)
}

func (r ranges) has(uid imap.UID) bool {
	for _, s := range r {
		if s.first <= uid && uid <= s.last {
			return true
		}
	}
	return false
}

// top is the highest UID of the set, 0 when it is empty.
func (r ranges) top() imap.UID {
	if len(r) == 0 {
		return 0
	}
	return r[len(r)-1].last
}

// gap returns the highest span within first..last that the set does not hold.
func (r ranges) gap(first, last imap.UID) (span, bool) {
	for i := len(r) - 1; i >= 0 && first <= last; i-- {
		switch s := r[i]; {
		case s.first > last:
			continue
		case s.last < last:
			return span{max(first, s.last+1), last}, true
		case s.first <= first:
			return span{}, false
		default:
			last = s.first - 1
		}
	}
	return span{first, last}, first > 0 && first <= last
}
