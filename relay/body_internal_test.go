package relay

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"posthouse/ledger"
)

// FuzzPrefixed: behind what we put before it a body goes out octet by octet, but for what is cut out of it, however it is read.
func FuzzPrefixed(f *testing.F) {
	f.Add([]byte("Received: by us\r\n"), []byte("Subject: x\r\n\r\nbody\r\n"), uint8(0), uint8(0), uint8(0), uint8(0))
	f.Add([]byte{}, []byte("A: 1\nAuthentication-Results: us\r\nB: 2\r\n\r\n\x00\xff\r"), uint8(5), uint8(28), uint8(0), uint8(7))
	f.Add([]byte("X: y\r\n"), []byte{}, uint8(1), uint8(2), uint8(3), uint8(4))
	f.Fuzz(func(t *testing.T, prefix, octets []byte, skip1, cut1, skip2, cut2 uint8) {
		c := ledger.Capture{Prefix: prefix, Size: int64(len(octets))}
		want, at := bytes.Clone(prefix), 0
		for _, r := range [][2]uint8{{skip1, cut1}, {skip2, cut2}} {
			from := min(at+int(r[0]), len(octets))
			to := min(from+int(r[1]), len(octets))
			want = append(want, octets[at:from]...)
			c.Cut = append(c.Cut, ledger.Range{From: int64(from), To: int64(to)})
			at = to
		}
		want = append(want, octets[at:]...)
		for name, read := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "in pieces": iotest.OneByteReader, "early end": iotest.DataErrReader} {
			r := prefixed(c, io.NopCloser(read(bytes.NewReader(octets))))
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, want) || int64(len(got)) != int64(len(prefix))+leaving(c) {
				t.Errorf("%s: %q, %v, want %q", name, got, err, want)
			}
		}
	})
}
