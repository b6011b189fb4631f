package relay

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// octetsOneByOne is what the scanner must find.
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
		s := newScanner()
		for rest := text; len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			s.Write(rest[:n])
			rest = rest[n:]
		}
		bare, eightBit := octetsOneByOne(text)
		seen[[2]bool{bare, eightBit}]++
		if got := s.digester.Bare(); got != bare || s.eightBit != eightBit {
			t.Fatalf("%q: bare %v, eight bits %v; want %v, %v", text, got, s.eightBit, bare, eightBit)
		}
	}
	if len(seen) < 4 {
		t.Errorf("only %v came about", seen)
	}
}

// BenchmarkScan is what each octet of a message costs before it is stored.
func BenchmarkScan(b *testing.B) {
	message := append([]byte("From: a@b\r\nMessage-ID: <x@y>\r\n\r\n"), bytes.Repeat([]byte(strings.Repeat("0123456789", 7)+"\r\n"), 3600)...)
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		s := newScanner()
		for rest := message; len(rest) > 0; {
			n := min(4096, len(rest))
			s.Write(rest[:n])
			rest = rest[n:]
		}
		s.digester.Digest()
	}
}
