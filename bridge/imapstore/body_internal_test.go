package imapstore

import (
	"math/rand/v2"
	"testing"
)

// Whatever is taken and given back, the budget is never exceeded, and in the end all of it is there again for one large body.
func TestBudget(t *testing.T) {
	const all = 1 << 20
	b := NewBudget(all)
	rng := rand.New(rand.NewPCG(1, 2))
	var held [][]byte
	octets := 0
	for range 10_000 {
		if len(held) > 0 && rng.IntN(2) == 0 {
			i := rng.IntN(len(held))
			octets -= len(held[i])
			b.give(held[i])
			held = append(held[:i], held[i+1:]...)
			continue
		}
		n := rng.IntN(300_000)
		buffer := b.take(int64(n))
		if buffer == nil {
			continue
		}
		if len(buffer) != n {
			t.Fatalf("asked for %d octets, got %d", n, len(buffer))
		}
		if octets += n; octets > all {
			t.Fatalf("%d octets are held, of %d", octets, all)
		}
		held = append(held, buffer)
	}
	for _, buffer := range held {
		b.give(buffer)
	}
	if b.take(all) == nil {
		t.Error("not all came back")
	}
	if b.take(1<<16) != nil {
		t.Error("more than all was given")
	}
}

// A buffer that was given back serves a body of about its size, and none that is much smaller.
func TestBuffersAreUsedAgain(t *testing.T) {
	b := NewBudget(10 << 20)
	first := b.take(1_000_000)
	b.give(first)
	if small := b.take(200_000); &small[0] == &first[0] {
		t.Error("a small body lies in a large buffer")
	}
	if again := b.take(900_000); &again[0] != &first[0] {
		t.Error("the buffer was not used again")
	}
}
