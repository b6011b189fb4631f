package cli

import (
	"bytes"
	"fmt"
	"sync"
)

// screen keeps a block of lines at the bottom of a terminal, below whatever else is written to it. Its methods may be called from any goroutine.
type screen struct {
	p  *printer
	mu sync.Mutex
	// shown are the lines on the screen now.
	shown []string
}

func newScreen(p *printer) *screen { return &screen{p: p} }

// Write puts text above the block. It must end in a line end.
func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.shown) == 0 {
		return s.p.Write(text)
	}
	var b bytes.Buffer
	s.erase(&b)
	b.Write(text)
	s.put(&b)
	if _, err := s.p.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// draw replaces the block; no lines take it away. Lines are cut to the width, and lines beyond the height are left out: what the terminal wraps or scrolls away could not be
// drawn over again.
func (s *screen) draw(lines ...line) {
	width, height := s.p.size()
	if width > 0 && len(lines) >= height {
		lines = lines[:max(height-1, 0)]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	s.erase(&b)
	s.shown = s.shown[:0]
	for _, l := range lines {
		s.shown = append(s.shown, l.render(s.p.colour, max(width-1, 0)))
	}
	s.put(&b)
	_, _ = s.p.Write(b.Bytes()) // the printer remembers the error
}

// erase goes to the block's first line and clears from there (ECMA-48: CUU, ED).
func (s *screen) erase(b *bytes.Buffer) {
	if len(s.shown) > 0 {
		fmt.Fprintf(b, "\x1b[%dA\r\x1b[J", len(s.shown))
	}
}

func (s *screen) put(b *bytes.Buffer) {
	for _, text := range s.shown {
		b.WriteString(text + "\n")
	}
}
