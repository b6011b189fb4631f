package arc_test

import (
	"io"
	"strings"
	"testing"
)

// A seal of each kind on a message of 4 KiB.
func BenchmarkSeal(b *testing.B) {
	message := plain + strings.Repeat("The quick brown fox jumps over the lazy dog.\r\n", 85)
	for _, kind := range []string{"rsa", "ed25519"} {
		b.Run(kind, func(b *testing.B) {
			s := sealer(b, "one.example", kind)
			b.SetBytes(int64(len(message)))
			for b.Loop() {
				if _, err := s.Seal(b.Context(), strings.NewReader(message), "", now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Memory does not grow with a message.
func BenchmarkSealLarge(b *testing.B) {
	message := plain + strings.Repeat("The quick brown fox jumps over the lazy dog.\r\n", 500000)
	s := sealer(b, "one.example", "ed25519")
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Seal(b.Context(), struct{ io.Reader }{strings.NewReader(message)}, "", now); err != nil {
			b.Fatal(err)
		}
	}
}
