package delivery

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// stuffAll is what byDATA does to a body, in chunks of size bytes.
func stuffAll(body []byte, size int) ([]byte, lineState, *Unfit) {
	buffer := new([bufferSize]byte)
	var out []byte
	at := lineStart
	for len(body) > 0 {
		n := copy(buffer[frontRoom:frontRoom+size], body)
		end, dots, u := at.scan(buffer[frontRoom : frontRoom+n])
		if u != nil {
			return nil, at, u
		}
		out = append(out, stuff(buffer, n, at, dots)...)
		body, at = body[n:], end
	}
	return out, at, nil
}

// stuffPlainly is the same as the RFC says it.
func stuffPlainly(body []byte) []byte {
	var out []byte
	for line := range bytes.SplitAfterSeq(body, []byte("\r\n")) {
		if bytes.HasPrefix(line, []byte(".")) {
			out = append(out, '.')
		}
		out = append(out, line...)
	}
	return out
}

func hasBareNewline(body []byte) bool {
	return bytes.ContainsAny(bytes.ReplaceAll(body, []byte("\r\n"), nil), "\r\n")
}

func TestStuffing(t *testing.T) {
	tests := []struct {
		in, want string
		end      lineState
		bare     bool
	}{
		{"", "", lineStart, false},
		{".", "..", midLine, false},
		{".\r\n", "..\r\n", lineStart, false},
		{"..\r\n", "...\r\n", lineStart, false},
		{"a.\r\n.b\r\n", "a.\r\n..b\r\n", lineStart, false},
		{"\r\n.\r\n", "\r\n..\r\n", lineStart, false},
		{"a", "a", midLine, false},
		{"a\r", "a\r", afterCR, false},
		{"a\n", "", 0, true},
		{"a\r.\r\n", "", 0, true},
		{"\n.\r\n", "", 0, true},
		{"\r\r\n", "", 0, true},
		{"\r\n\n", "", 0, true},
	}
	for _, tt := range tests {
		for size := 1; size <= len(tt.in)+1; size++ {
			got, end, u := stuffAll([]byte(tt.in), size)
			switch {
			case tt.bare && reasonOf(u) != BareNewline:
				t.Errorf("%q in chunks of %d: %v", tt.in, size, u)
			case !tt.bare && (u != nil || string(got) != tt.want || end != tt.end):
				t.Errorf("%q in chunks of %d: %q, %d, %v", tt.in, size, got, end, u)
			}
		}
	}
}

// The densest body there is still fits in the room in front of a chunk, and
// its lines lie differently in each of three chunks.
func TestStuffingWorstCase(t *testing.T) {
	if chunkSize%3 == 0 {
		t.Fatal("all chunks are alike")
	}
	body := []byte(strings.Repeat(".\r\n", chunkSize))
	got, _, u := stuffAll(body, chunkSize)
	if u != nil || !bytes.Equal(got, stuffPlainly(body)) {
		t.Errorf("%d bytes became %d, %v", len(body), len(got), u)
	}
}

func FuzzStuffing(f *testing.F) {
	f.Add([]byte(".\r\n..\r\n.a\r\n"), 1)
	f.Add([]byte("a\r\n.b\r"), 3)
	f.Add([]byte("\n.\n"), 2)
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		size = 1 + int(uint(size)%chunkSize)
		got, end, u := stuffAll(body, size)
		bare := hasBareNewline(bytes.TrimSuffix(body, []byte("\r")))
		if (u != nil) != bare {
			t.Fatalf("%q: unfit %v, bare %v", body, u, bare)
		}
		if bare {
			return
		}
		if want := stuffPlainly(body); !bytes.Equal(got, want) {
			t.Fatalf("%q became %q, want %q", body, got, want)
		}
		if complete := len(body) == 0 || bytes.HasSuffix(body, []byte("\r\n")); complete != (end == lineStart) {
			t.Fatalf("%q ends in state %d", body, end)
		}
	})
}

// readerBody opens whatever reader it is given.
type readerBody struct {
	size int64
	open func() (io.ReadCloser, error)
}

func (b readerBody) Size() int64                  { return b.size }
func (b readerBody) Open() (io.ReadCloser, error) { return b.open() }

func TestSourceHoldsBodyToItsSize(t *testing.T) {
	text := strings.Repeat("x", chunkSize+100)
	broken := errors.New("disk on fire")
	tests := []struct {
		name string
		size int64
		r    io.Reader
		want error
	}{
		{"exact", int64(len(text)), strings.NewReader(text), nil},
		{"byte by byte", 100, iotest.OneByteReader(strings.NewReader(text[:100])), nil},
		{"last bytes together with EOF", 100, iotest.DataErrReader(strings.NewReader(text[:100])), nil},
		{"empty", 0, strings.NewReader(""), nil},
		{"short", int64(len(text)) + 1, strings.NewReader(text), ErrSize},
		{"short at the edge of a chunk", chunkSize + 1, strings.NewReader(text[:chunkSize]), ErrSize},
		{"long", int64(len(text)) - 1, strings.NewReader(text), ErrSize},
		{"long by all", 0, strings.NewReader("x"), ErrSize},
		{"breaks at the end", int64(len(text)), io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), broken},
		{"negative", -1, strings.NewReader(""), ErrSize},
	}
	for _, tt := range tests {
		closed := 0
		body := readerBody{tt.size, func() (io.ReadCloser, error) { return countClose{tt.r, &closed}, nil }}
		got, err := readSource(body)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err == nil && int64(len(got)) != tt.size {
			t.Errorf("%s: %d bytes", tt.name, len(got))
		}
		if closed != 1 && tt.size >= 0 {
			t.Errorf("%s: closed %d times", tt.name, closed)
		}
	}
	if _, err := readSource(readerBody{1, func() (io.ReadCloser, error) { return nil, broken }}); !errors.Is(err, broken) {
		t.Errorf("body that does not open: %v", err)
	}
}

type countClose struct {
	io.Reader
	n *int
}

func (c countClose) Close() error { *c.n++; return nil }

func readSource(b Body) ([]byte, error) {
	s, err := openSource(b)
	if err != nil {
		return nil, err
	}
	defer s.close()
	got := bytes.Clone(s.chunk())
	for !s.last() {
		if err := s.next(chunkSize); err != nil {
			return nil, err
		}
		got = append(got, s.chunk()...)
	}
	return got, nil
}
