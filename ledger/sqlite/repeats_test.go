package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"posthouse/cutover"
)

func numbered(n int) cutover.Digest {
	return cutover.Digest(sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))))
}

// What was added is always found; of what was not, few are.
func TestRepeatsForgetNothing(t *testing.T) {
	r := new(repeats)
	const held = 200_000
	for n := range held {
		r.add(numbered(n))
	}
	wrong := 0
	for n := range held {
		if !r.may(numbered(n)) {
			t.Fatalf("%d was forgotten", n)
		}
		if r.may(numbered(held + n)) {
			wrong++
		}
	}
	if wrong > held/1000 {
		t.Errorf("%d of %d that were never added are thought to be there", wrong, held)
	}
}
