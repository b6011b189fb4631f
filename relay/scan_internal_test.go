package relay

import (
	"math/rand/v2"
	"testing"
)

// octetsOneByOne is what octets must come to.
func octetsOneByOne(p []byte) (bare, eightBit bool) {
	var last byte
	for _, c := range p {
		bare = bare || (c == '\n') != (last == '\r')
		eightBit = eightBit || c > 127
		last = c
	}
	return bare || last == '\r', eightBit
}

// Whatever the pieces are in which octets come, the same is learned of them.
func TestOctetsInPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabets := []string{"ab\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xe4", "a", "\r\n"}
	seen := map[[2]bool]int{}
	for range 200_000 {
		var text []byte
		for range random.IntN(6) {
			alphabet := alphabets[random.IntN(len(alphabets))]
			for range random.IntN(12) {
				text = append(text, alphabet[random.IntN(len(alphabet))])
			}
			if random.IntN(2) == 0 {
				text = append(text, "\r\n"...)
			}
		}
		s := new(scanner)
		for rest := text; len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			s.octets(rest[:n])
			rest = rest[n:]
		}
		bare, eightBit := octetsOneByOne(text)
		seen[[2]bool{bare, eightBit}]++
		if got := s.bare || s.lastCR; got != bare || s.eightBit != eightBit {
			t.Fatalf("%q: bare %v, eight bits %v; want %v, %v", text, got, s.eightBit, bare, eightBit)
		}
	}
	if len(seen) < 4 {
		t.Errorf("only %v came about", seen)
	}
}
