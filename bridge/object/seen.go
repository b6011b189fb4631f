package object

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
)

// Seen is a set of items in certain versions, small enough to be kept in a cursor: eight octets each.
type Seen map[uint64]bool

// Print is an item in one version.
func Print(name, version string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name + "\x00" + version))
	return h.Sum64()
}

// ParseSeen reads what String wrote.
func ParseSeen(text string) (Seen, error) {
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(raw)%8 != 0 {
		return nil, fmt.Errorf("fingerprints of %d octets, %v", len(raw), err)
	}
	all := Seen{}
	for part := range slices.Chunk(raw, 8) {
		all[binary.BigEndian.Uint64(part)] = true
	}
	return all, nil
}

// String is the set as text.
func (s Seen) String() string {
	raw := make([]byte, 0, 8*len(s))
	for _, n := range slices.Sorted(maps.Keys(s)) {
		raw = binary.BigEndian.AppendUint64(raw, n)
	}
	return base64.RawStdEncoding.EncodeToString(raw)
}
