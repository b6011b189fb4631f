package demo

import (
	"sync"

	"posthouse/internal/testserver"
)

// gate makes the new server fall silent at the worst moment: a message is there in full, and no answer comes. Every second one was accepted all the same. It is safe for concurrent use.
type gate struct {
	mu     sync.Mutex
	closed bool
	silent int // messages without an answer since it was shut
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.silent = true, 0
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
}

func (g *gate) ask() *testserver.Reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		return nil
	}
	g.silent++
	return &testserver.Reply{Stall: true, Accept: g.silent%2 == 1}
}

// count is how many messages were met with silence since the gate was shut.
func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.silent
}
