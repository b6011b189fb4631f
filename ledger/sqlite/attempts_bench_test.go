package sqlite_test

import (
	"crypto/rand"
	"testing"
	"time"

	"posthouse/ledger"
)

// BenchmarkAttempts makes deliveries Sending and settles them, some at a time as the courier does when a destination is back. An op is one delivery.
func BenchmarkAttempts(b *testing.B) {
	const together = 160
	l := openBench(b)
	octets := make([]byte, 4<<10)
	rand.Read(octets)
	var all []ledger.Delivery
	for n := range int64(b.N) {
		d := commitOne(b, l, n, octets)
		d.State = ledger.Due
		all = append(all, d)
	}
	if err := l.Update(b.Context(), all...); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for ; len(all) > 0; all = all[min(together, len(all)):] {
		begun, err := l.Begin(b.Context(), time.Now(), all[:min(together, len(all))]...)
		if err != nil {
			b.Fatal(err)
		}
		for i := range begun {
			begun[i].State, begun[i].Attempts, begun[i].Reply = ledger.Settled, 1, "250 2.0.0 Ok: queued as 4711"
		}
		if err := l.Update(b.Context(), begun...); err != nil {
			b.Fatal(err)
		}
	}
}
