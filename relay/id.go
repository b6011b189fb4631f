package relay

import (
	"crypto/rand"
	"time"

	"posthouse/cutover"
)

// crockford is the alphabet of ULIDs: no I, L, O, U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newCaptureID makes a ULID: 48 bits of milliseconds, 80 random bits, as 26 characters that sort by time.
func newCaptureID(now time.Time) cutover.CaptureID {
	var raw [16]byte
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		raw[i] = byte(ms >> (40 - 8*i))
	}
	rand.Read(raw[6:])
	var id [26]byte
	// 128 bits are read five at a time from the end; the first character holds the three that are left.
	bit := 128
	for i := 25; i >= 0; i-- {
		var v byte
		for b := range 5 {
			if at := bit - 1 - b; at >= 0 {
				v |= (raw[at/8] >> (7 - at%8) & 1) << b
			}
		}
		bit -= 5
		id[i] = crockford[v]
	}
	return cutover.CaptureID(id[:])
}
