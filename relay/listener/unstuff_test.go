package listener

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// reference reads a body from wire in the plainest way: cut at the first CRLF.CRLF, drop the first dot of each line.
func reference(wire string) (body, rest string, whole bool) {
	body, rest, whole = strings.Cut("\r\n"+wire, "\r\n.\r\n")
	body += "\r\n"
	return strings.ReplaceAll(body, "\r\n.", "\r\n")[2:], rest, whole
}

// scraps are what random bodies are made of: mostly line ends, dots and halves of them.
var scraps = []string{"\r", "\n", ".", "\r\n", "\r\n.", ".\r\n", "\r\n..", "\n.\n", "\r.\r", "a", "bc", "\x00", "\xff", "some longer text"}

func randomScraps(r *rand.Rand, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteString(scraps[r.IntN(len(scraps))])
	}
	return b.String()
}

// unstuffIn feeds wire to an unstuffer in random pieces, the way conn does: what was not consumed is kept and more is added.
func unstuffIn(r *rand.Rand, wire string) (body, rest string, whole bool) {
	var u unstuffer
	var out, window []byte
	for {
		b, n, done := u.next(window)
		out = append(out, b...)
		window = window[n:]
		switch {
		case done:
			return string(out), string(window) + wire, true
		case n > 0:
		case wire == "":
			return string(out), "", false
		default:
			k := 1 + r.IntN(min(len(wire), 9))
			window, wire = append(bytes.Clone(window), wire[:k]...), wire[k:]
		}
	}
}

func TestUnstuffEqualsReference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 3 * bodies {
		wire := randomScraps(r, 12) + "\r\n.\r\n" + randomScraps(r, 3)
		body, rest, whole := unstuffIn(r, wire)
		wantBody, wantRest, wantWhole := reference(wire)
		if body != wantBody || rest != wantRest || whole != wantWhole {
			t.Fatalf("body %d, wire %q: got %q, rest %q, %v; want %q, rest %q, %v", i, wire, body, rest, whole, wantBody, wantRest, wantWhole)
		}
	}
}

func TestUnstuff(t *testing.T) {
	for _, c := range []struct{ wire, body string }{
		{".\r\n", ""},
		{"\r\n.\r\n", "\r\n"},
		{"a\r\n.\r\n", "a\r\n"},
		{"..\r\n.\r\n", ".\r\n"},
		{"...\r\n.\r\n", "..\r\n"},
		{".\rX\r\n.\r\n", "\rX\r\n"},
		{"a\r\r\n.\r\n", "a\r\r\n"},
		{"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n"},
		{"a\r.\rb\r\n.\r\n", "a\r.\rb\r\n"},
		{"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n"},
		{"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n"},
		{"a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n"},
	} {
		for seed := range uint64(20) {
			body, rest, whole := unstuffIn(rand.New(rand.NewPCG(seed, 0)), c.wire)
			if body != c.body || rest != "" || !whole {
				t.Errorf("%q: got %q, rest %q, whole %v; want %q", c.wire, body, rest, whole, c.body)
			}
		}
	}
}

func FuzzUnstuff(f *testing.F) {
	f.Add("a\r\n.\r\n", uint64(1))
	f.Add(".\r\r\n..\r\n.\r\nrest", uint64(2))
	f.Fuzz(func(t *testing.T, wire string, seed uint64) {
		body, rest, whole := unstuffIn(rand.New(rand.NewPCG(seed, 0)), wire)
		wantBody, wantRest, wantWhole := reference(wire)
		if whole != wantWhole || whole && (body != wantBody || rest != wantRest) {
			t.Fatalf("%q: got %q, rest %q, %v; want %q, rest %q, %v", wire, body, rest, whole, wantBody, wantRest, wantWhole)
		}
	})
}
