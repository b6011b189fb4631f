package cutover_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"

	"posthouse/cutover"
)

const maxHeader = 256 << 10

// reference splits and digests a message the simple way.
func reference(message []byte) (header []byte, digest cutover.Digest) {
	var body []byte
	header = message
	end := 0
	for line := range bytes.Lines(message) {
		end += len(line)
		if bytes.HasSuffix(line, []byte("\n")) && len(bytes.Trim(line, "\r\n")) == 0 {
			header, body = message[:end], message[end:]
			break
		}
	}
	normal := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(string(body))
	return header[:min(len(header), maxHeader)], sha256.Sum256([]byte(normal))
}

// check writes the message in the chunks and compares with the reference.
func check(t *testing.T, message []byte, chunks ...[]byte) {
	t.Helper()
	d := cutover.NewBodyDigester()
	for _, c := range chunks {
		if n, err := d.Write(c); n != len(c) || err != nil {
			t.Fatalf("writing %d octets: %d, %v", len(c), n, err)
		}
	}
	header, digest := reference(message)
	if got := d.Digest(); got != digest {
		t.Fatalf("%q in %q: digest %x, want %x", message, chunks, got, digest)
	}
	if !bytes.Equal(d.Header(), header) {
		t.Fatalf("%q in %q: header %q, want %q", message, chunks, d.Header(), header)
	}
	if d.Size() != int64(len(message)) {
		t.Fatalf("%q in %q: %d octets", message, chunks, d.Size())
	}
	if d.Identity() != cutover.IdentityOf(header) {
		t.Fatalf("%q in %q: another identity", message, chunks)
	}
}

// chunked cuts the message after octet i where bit i of cuts is set.
func chunked(message []byte, cuts uint64) [][]byte {
	var chunks [][]byte
	start := 0
	for i := range message {
		if i == len(message)-1 || cuts>>(i%64)&1 == 1 {
			chunks = append(chunks, message[start:i+1])
			start = i + 1
		}
	}
	return chunks
}

// All messages of up to six octets that matter, in all chunkings.
func TestDigestInEveryChunking(t *testing.T) {
	var grow func(message []byte)
	grow = func(message []byte) {
		for cuts := range uint64(1) << max(0, len(message)-1) {
			check(t, message, chunked(message, cuts)...)
		}
		if len(message) == 6 {
			return
		}
		for _, c := range []byte("a\r\n") {
			grow(append(message[:len(message):len(message)], c))
		}
	}
	grow(nil)
}

// Long bodies are looked at in strides: wherever one ends, within a line, in its end, or in a line that is longer than it, the digest is the same.
func TestDigestOfLongBodies(t *testing.T) {
	lines := strings.Repeat(strings.Repeat("a", 14)+"\r\n", 3000)
	for shift := range 17 {
		for _, odd := range []string{"", "\n", "\r", "\r\r\n", strings.Repeat("b", 40_000)} {
			message := []byte(plain + strings.Repeat("c", shift) + lines + odd + lines)
			check(t, message, message)
		}
	}
}

func TestLineEndsDoNotCount(t *testing.T) {
	body := "one\r\n\r\ntwo\r\nlast"
	want := digestOf(plain + body)
	for name, end := range map[string]string{"LF": "\n", "CR": "\r"} {
		if digestOf(plain+strings.ReplaceAll(body, "\r\n", end)) != want {
			t.Errorf("%s: another digest", name)
		}
	}
	if digestOf(strings.ReplaceAll(plain+body, "\r\n", "\n")) != want {
		t.Error("LF in the header too: another digest")
	}
	if digestOf("X-Other: header\r\n\r\n"+body) != want {
		t.Error("another header: another digest")
	}
	for _, other := range []string{"one\r\n\r\ntwo\r\nlast\r\n", "one\r\ntwo\r\nlast", "one\r\n\r\ntwo\r\nlasT", ""} {
		if digestOf(plain+other) == want {
			t.Errorf("body %q has the same digest", other)
		}
	}
}

func digestOf(message string) cutover.Digest {
	d := cutover.NewBodyDigester()
	d.Write([]byte(message)) // never fails
	return d.Digest()
}

func TestMessagesWithoutHeaderOrBody(t *testing.T) {
	empty := cutover.Digest(sha256.Sum256(nil))
	for name, message := range map[string]string{
		"nothing":                 "",
		"empty body":              plain,
		"header only":             strings.TrimSuffix(plain, "\r\n"),
		"header without line end": strings.TrimSuffix(plain, "\r\n\r\n"),
		"header and a lone CR":    strings.TrimSuffix(plain, "\n"),
	} {
		if got := digestOf(message); got != empty || got.IsZero() {
			t.Errorf("%s: digest %x, want that of no octets", name, got)
		}
	}
	if digestOf("\r\nbody") != digestOf(plain+"body") {
		t.Error("a message without a header has another digest")
	}
}

func TestHeaderBound(t *testing.T) {
	filler := strings.Repeat("X-Filler: "+strings.Repeat("x", 68)+"\r\n", 10_000)
	for name, test := range map[string]struct {
		message string
		known   bool // whether the fields of identity lie before the bound
	}{
		"fields before": {strings.TrimSuffix(plain, "\r\n") + filler + "\r\nbody", true},
		"fields beyond": {filler + plain + "body", false},
	} {
		d := cutover.NewBodyDigester()
		for chunk := range bytes.Lines([]byte(test.message)) {
			d.Write(chunk) // never fails
		}
		if len(d.Header()) != maxHeader || cap(d.Header()) > 2*maxHeader {
			t.Errorf("%s: %d octets of header in %d", name, len(d.Header()), cap(d.Header()))
		}
		if known := d.Identity().Key == identity(plain).Key; known != test.known {
			t.Errorf("%s: identity known: %v", name, known)
		}
		if d.Digest() != digestOf(plain+"body") {
			t.Errorf("%s: another digest of the body", name)
		}
		if d.Size() != int64(len(test.message)) {
			t.Errorf("%s: size %d, want %d", name, d.Size(), len(test.message))
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, seed := range []string{"", "\r\n", plain + "body\rof\nlines\r\n", "Date: \r\n x\r\nFrom :=?x?q?=?=,;<>\n\n\r", "Message-ID:\n\t<1>\nDate: 1 Jan 26 1:2 EST\nFrom: a:b@c;\n\r\nx"} {
		f.Add([]byte(seed), uint64(0x5555))
	}
	f.Fuzz(func(t *testing.T, message []byte, cuts uint64) {
		check(t, message, message)
		check(t, message, chunked(message, cuts)...)
		id := cutover.IdentityOf(message)
		if id.Loose.IsZero() || id.Match().IsZero() || strings.ContainsAny(id.MessageID, "\r\n") {
			t.Fatalf("%q has the identity %+v", message, id)
		}
		if id.MessageID == "" && !id.Key.IsZero() {
			t.Fatalf("%q has a key and no Message-ID", message)
		}
	})
}

// Of all short messages of octets that matter no two have the same, in whatever pieces they come.
func TestOctetsTellEveryMessageApart(t *testing.T) {
	seen := map[cutover.Digest]string{}
	var grow func(message []byte)
	grow = func(message []byte) {
		sum := octetsOf(message)
		if other, is := seen[sum]; is {
			t.Fatalf("%q and %q have the same", message, other)
		}
		seen[sum] = string(message)
		for cuts := range uint64(1) << max(0, len(message)-1) {
			if octetsOf(chunked(message, cuts)...) != sum {
				t.Fatalf("%q cut by %b has another", message, cuts)
			}
		}
		if len(message) == 8 {
			return
		}
		for _, c := range []byte("a\r\n") {
			grow(append(message[:len(message):len(message)], c))
		}
	}
	grow(nil)
}

func octetsOf(chunks ...[]byte) cutover.Digest {
	d := cutover.NewOctetDigester()
	for _, c := range chunks {
		d.Write(c) // never fails
	}
	return d.Octets()
}
