package memstore

import (
	"encoding/json"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// cursor is what the caller keeps as an opaque string.
type cursor struct {
	Validity uint32
	Start    uint32 // the next reference when following began: at and above it is news
	Modseq   uint64 // changes of flags up to it were yielded
	Done     ranges
	Anchor   uint32 // the newest that was yielded
	Key      cutover.Key
}

// restored reports whether the anchor's reference was given to another message.
func (c cursor) restored(f *folder) bool {
	m := f.find(refOf(c.Anchor))
	return m != nil && m.identity.Match() != c.Key
}

func parseCursor(c ledger.Cursor) (cursor, error) {
	if c == "" {
		return cursor{}, nil
	}
	var parsed cursor
	if err := json.Unmarshal([]byte(c), &parsed); err != nil {
		return cursor{}, fmt.Errorf("cursor %q: %w", c, err)
	}
	return parsed, nil
}

func (c cursor) String() ledger.Cursor {
	text, _ := json.Marshal(c) // of numbers only: it cannot fail
	return ledger.Cursor(text)
}

// ranges is a sorted set of numbers as inclusive pairs that do not touch.
type ranges [][2]uint32

func (r ranges) has(n uint32) bool {
	return slices.ContainsFunc(r, func(p [2]uint32) bool { return p[0] <= n && n <= p[1] })
}

// with returns the set with first..last added; r itself is not changed.
func (r ranges) with(first, last uint32) ranges {
	if last < first {
		return r
	}
	var out ranges
	for _, p := range r {
		if uint64(p[1])+1 < uint64(first) || uint64(last)+1 < uint64(p[0]) {
			out = append(out, p)
			continue
		}
		first, last = min(first, p[0]), max(last, p[1])
	}
	out = append(out, [2]uint32{first, last})
	slices.SortFunc(out, func(a, b [2]uint32) int { return int(int64(a[0]) - int64(b[0])) })
	return out
}

// top is the highest number of the set, 0 when it is empty.
func (r ranges) top() uint32 {
	if len(r) == 0 {
		return 0
	}
	return r[len(r)-1][1]
}
