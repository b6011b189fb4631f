package delivery

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// One buffer serves a whole transaction. The body is read into its middle. In
// front of it there is room for the envelope's commands, so that they and a
// small body leave in one write, or for the dots of a chunk in which every
// line needs one (three bytes become four); behind it for the final dot.
const (
	bufferSize = 64 << 10
	frontRoom  = 16 << 10
	backRoom   = 8
	chunkSize  = bufferSize - frontRoom - backRoom
)

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// source reads a body chunk by chunk and holds it to its size.
type source struct {
	body   Body
	size   int64
	left   int64
	reader io.ReadCloser
	buffer *[bufferSize]byte
	n      int // bytes of the body in the buffer, from frontRoom on
}

// openSource opens the body and reads its first chunk.
func openSource(b Body) (*source, error) {
	size := b.Size()
	if size < 0 {
		return nil, fmt.Errorf("%w: %d bytes", ErrSize, size)
	}
	r, err := b.Open()
	if err != nil {
		return nil, fmt.Errorf("opening body: %w", err)
	}
	s := &source{body: b, size: size, left: size, reader: r, buffer: buffers.Get().(*[bufferSize]byte)}
	if err := s.next(chunkSize); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// again begins the body anew, for what has to be sent from its beginning once
// more.
func (s *source) again() error {
	r, err := s.body.Open()
	if err != nil {
		return fmt.Errorf("opening body: %w", err)
	}
	s.reader.Close()
	s.reader, s.left = r, s.size
	return s.next(chunkSize)
}

func (s *source) close() {
	s.reader.Close()
	buffers.Put(s.buffer)
	s.buffer = nil
}

// chunk is the part of the body in the buffer.
func (s *source) chunk() []byte { return s.buffer[frontRoom : frontRoom+s.n] }

// behind is text with the chunk behind it. The text must fit in frontRoom.
func (s *source) behind(text string) []byte {
	copy(s.buffer[frontRoom-len(text):], text)
	return s.buffer[frontRoom-len(text) : frontRoom+s.n]
}

// whole reports that the buffer holds the entire body; last, that it holds the
// end of it. Then the body is known to be exactly as long as it says.
func (s *source) whole() bool { return int64(s.n) == s.size }
func (s *source) last() bool  { return s.left == 0 }

// next replaces the chunk by the following most bytes, or what is left.
func (s *source) next(most int) error {
	s.n = int(min(s.left, int64(most)))
	n, err := io.ReadFull(s.reader, s.chunk())
	s.left -= int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %d bytes of %d", ErrSize, s.size-s.left, s.size)
	}
	if err != nil {
		return fmt.Errorf("reading body at %d: %w", s.size-s.left, err)
	}
	if s.left > 0 {
		return nil
	}
	return s.end()
}

// end makes sure that nothing follows.
func (s *source) end() error {
	var one [1]byte
	switch _, err := io.ReadFull(s.reader, one[:]); {
	case err == nil:
		return fmt.Errorf("%w: more than %d bytes", ErrSize, s.size)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return fmt.Errorf("reading body at its end: %w", err)
	}
}
