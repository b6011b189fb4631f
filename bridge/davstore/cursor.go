package davstore

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"posthouse/ledger"
)

// validity is the only era: names of members hold for ever.
const validity = "1"

// cursor is what the caller keeps as an opaque string.
type cursor struct {
	Token string `json:"token,omitempty"` // everything that happened up to it was told
	After string `json:"after,omitempty"` // of the first look: names up to it were told
	Done  bool   `json:"done,omitempty"`  // the first look is over
	// Where there are no tokens:
	Tag  string `json:"tag,omitempty"`  // of the collection, when all was told
	Seen string `json:"seen,omitempty"` // fingerprints of what was told
}

func parseCursor(c ledger.Cursor) (cursor, error) {
	var parsed cursor
	if c == "" {
		return parsed, nil
	}
	if err := json.Unmarshal([]byte(c), &parsed); err != nil {
		return parsed, fmt.Errorf("cursor %q: %w", c, err)
	}
	return parsed, nil
}

func (c cursor) String() ledger.Cursor {
	text, _ := json.Marshal(c) // of strings only: it cannot fail
	return ledger.Cursor(text)
}

// prints are fingerprints of members in a certain version.
type prints map[uint64]bool

func fingerprint(name, etag string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name + "\x00" + etag))
	return h.Sum64()
}

func (c cursor) seen() (prints, error) {
	raw, err := base64.RawStdEncoding.DecodeString(c.Seen)
	if err != nil || len(raw)%8 != 0 {
		return nil, fmt.Errorf("fingerprints of a cursor: %d octets, %v", len(raw), err)
	}
	all := prints{}
	for part := range slices.Chunk(raw, 8) {
		all[binary.BigEndian.Uint64(part)] = true
	}
	return all, nil
}

func (p prints) String() string {
	raw := make([]byte, 0, 8*len(p))
	for _, n := range slices.Sorted(maps.Keys(p)) {
		raw = binary.BigEndian.AppendUint64(raw, n)
	}
	return base64.RawStdEncoding.EncodeToString(raw)
}
