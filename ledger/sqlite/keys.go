package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"sync"

	"posthouse/cutover"
)

// keysKept is how many keys wait in memory until they are written together.
const keysKept = 4096

// keys are those of the newest captures, which are not in the table capture_keys yet: the match keys and the repeats. They are as random as hashes are, so that each would be written into another page of
// an index; of thousands that are written in order many share one. A crash loses nothing: they are read back from the captures.
type keys struct {
	mu   sync.Mutex
	tail []keyed // in the order of the captures
	kept int     // how many may wait
	next int     // from how many on they are written when that failed
}

// keyed is one key's head, and the row of the capture that has it. The row may never come, when its change failed: who finds a capture by a head looks at the row.
type keyed struct {
	head    uint64
	capture int64
}

func headOf(key []byte) uint64 { return binary.BigEndian.Uint64(key) }

func (k keyed) value() any { return binary.BigEndian.AppendUint64(nil, k.head) }

// add notes a capture that is about to be stored.
func (s *keys) add(capture int64, match cutover.Key, repeat cutover.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !match.IsZero() {
		s.tail = append(s.tail, keyed{headOf(match[:]), capture})
	}
	if !repeat.IsZero() {
		s.tail = append(s.tail, keyed{headOf(repeat[:]), capture})
	}
}

// due tells whether it is time to write, and puts off the next time should that fail.
func (s *keys) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tail) < max(s.next, s.kept) {
		return false
	}
	s.next = len(s.tail) + s.kept
	return true
}

// all that wait, in order of their heads.
func (s *keys) all() []keyed {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.tail)
	slices.SortFunc(all, func(a, b keyed) int { return cmp.Or(cmp.Compare(a.head, b.head), cmp.Compare(a.capture, b.capture)) })
	return all
}

// written drops those that came first.
func (s *keys) written(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tail, s.next = append(s.tail[:0], s.tail[n:]...), 0
}

// having are the captures in memory that have one of the heads.
func (s *keys) having(heads map[uint64]bool) (captures []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.tail {
		if heads[k.head] {
			captures = append(captures, k.capture)
		}
	}
	return captures
}

var insertKeys = newBatch("INSERT OR IGNORE INTO capture_keys (head, capture)", marks(2))

// writeKeys writes those that wait, once they are many, in a transaction of its own that others may join. The writer calls it between groups, when all captures that are noted are stored or given up.
func (l *Ledger) writeKeys() {
	if l.keys.due() {
		l.w.group(&change{run: l.storeKeys, again: true, done: make(chan error, 1)})
	}
}

func (l *Ledger) storeKeys(t *tx) error {
	all := l.keys.all()
	args, newest := make([]any, 0, 2*len(all)), int64(0)
	for _, k := range all {
		args, newest = append(args, k.value(), k.capture), max(newest, k.capture)
	}
	if err := insertKeys.insert(t, args); err != nil {
		return err
	}
	// Rows that never came give their numbers to others after a restart: those are read back then.
	_, err := t.exec("UPDATE marker SET keyed = min(?, (SELECT coalesce(max(n), 0) FROM captures))", newest)
	t.committed(func() { l.keys.written(len(all)) })
	return err
}

// loadKeys reads back those that were not written.
func (l *Ledger) loadKeys(ctx context.Context) error {
	_, err := collect(view{ctx, l.reads}, func(row scanner) (_ struct{}, err error) {
		var n int64
		var match cutover.Key
		var repeat cutover.Digest
		if err = row.Scan(&n, (*keyColumn)(&match), (*digestColumn)(&repeat)); err == nil {
			l.keys.add(n, match, repeat)
		}
		return struct{}{}, err
	}, "SELECT n, match_key, repeat FROM captures WHERE n > (SELECT keyed FROM marker) ORDER BY n")
	return err
}

const selectKeyed = "SELECT capture FROM capture_keys WHERE head IN "

// having are the captures that may have one of the keys or repeats: the caller looks at their rows. Memory is asked first: what is written meanwhile is found in the table.
func (l *Ledger) having(q querier, searched ...[]byte) ([]any, error) {
	heads := make(map[uint64]bool, len(searched))
	values := make([]any, 0, len(searched))
	for _, key := range searched {
		if head := headOf(key); !heads[head] {
			heads[head] = true
			values = append(values, bytes.Clone(key[:8]))
		}
	}
	fresh := l.keys.having(heads)
	old, err := collectIn(q, value[int64], selectKeyed, "", nil, values)
	for _, n := range old {
		fresh = append(fresh, n)
	}
	return fresh, err
}
