package listener

import "sync"

// tally counts work that outlives go-smtp's own count: BDAT's goroutines. Once closed it lets nobody in.
type tally struct {
	mu     sync.Mutex
	n      int
	closed bool
	empty  chan struct{} // closed when closed and n is 0
}

func newTally() *tally { return &tally{empty: make(chan struct{})} }

// enter counts one more, or refuses.
func (t *tally) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.n++
	return true
}

// leave undoes one enter.
func (t *tally) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n--
	t.signal()
}

// close lets nobody in any more and returns a channel that is closed when all have left. Call it once.
func (t *tally) close() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.signal()
	return t.empty
}

func (t *tally) signal() {
	if t.closed && t.n == 0 {
		close(t.empty)
	}
}
