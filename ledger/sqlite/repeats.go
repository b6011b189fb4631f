package sqlite

import (
	"context"
	"encoding/binary"
	"sync/atomic"

	"posthouse/cutover"
)

// repeats knows in memory which transactions the ledger certainly does not hold, so that the question which each message asks, and which nearly always ends in a no, reads nothing; and which ids of captures. It is a Bloom filter:
// what it says is there has to be looked up. With a million captures in it 2 of 1,000 new ones are looked up in vain.
type repeats struct {
	bits   [repeatWords]uint64
	floor  int64  // microseconds: of captures up to here it may know nothing
	newest string // the greatest id that was there at the start: ids begin with the time. Of those up to here it knows nothing
}

const (
	repeatWords  = 1 << 18 // 2 MiB
	repeatLoaded = 1_000_000
	repeatProbes = 4
)

// places are bits that depend on all of a digest as evenly as the digest itself does.
func places(d cutover.Digest) (at [repeatProbes]uint32) {
	for i := range at {
		at[i] = binary.BigEndian.Uint32(d[4*i:]) % (repeatWords * 64)
	}
	return at
}

func (r *repeats) add(d cutover.Digest) {
	for _, at := range places(d) {
		atomic.OrUint64(&r.bits[at/64], 1<<(at%64))
	}
}

// may is false where no capture taken after the floor has the digest.
func (r *repeats) may(d cutover.Digest) bool {
	for _, at := range places(d) {
		if atomic.LoadUint64(&r.bits[at/64])&(1<<(at%64)) == 0 {
			return false
		}
	}
	return true
}

// loadRepeats takes in the newest captures.
func (l *Ledger) loadRepeats(ctx context.Context) error {
	q := view{ctx, l.reads}
	newest, err := one(q, value[int64], "SELECT coalesce(max(n), 0) FROM captures")
	if err != nil {
		return err
	}
	if l.repeats.floor, err = one(q, value[int64], "SELECT coalesce(max(at), 0) FROM captures WHERE n <= ?", newest-repeatLoaded); err != nil {
		return err
	}
	if l.repeats.newest, err = one(q, value[string], "SELECT coalesce(max(id), '') FROM captures"); err != nil {
		return err
	}
	_, err = collect(q, func(row scanner) (_ struct{}, err error) {
		var d cutover.Digest
		if err = row.Scan((*digestColumn)(&d)); err == nil {
			l.repeats.add(d)
		}
		return struct{}{}, err
	}, "SELECT repeat FROM captures WHERE n > ? AND repeat IS NOT NULL", newest-repeatLoaded)
	return err
}
