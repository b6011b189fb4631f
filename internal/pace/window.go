package pace

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Settle is how long a Window ignores further throttling after it halved: the
// answers to what was already in flight say nothing about the new size.
const Settle = time.Second

// Window limits the work in flight between a least and a greatest number. It
// starts at the least, doubles with each window of accepted work until it is
// throttled for the first time, and grows by one with each from then on.
type Window struct {
	least, most float64

	mu       sync.Mutex
	size     float64
	inFlight int
	waiting  []chan struct{}
	halved   time.Time
}

// NewWindow returns a window of least to most pieces of work; least is at
// least 1 and most at least least.
func NewWindow(least, most int) *Window {
	least = max(least, 1)
	most = max(most, least)
	return &Window{least: float64(least), most: float64(most), size: float64(least)}
}

// Size is how many pieces of work may be in flight now.
func (w *Window) Size() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int(w.size)
}

// InFlight is how many are. It exceeds Size for a while after a halving.
func (w *Window) InFlight() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.inFlight
}

// TryAcquire takes a place if one is free and nobody waits for it. Each place
// taken is given back by one Release.
func (w *Window) TryAcquire() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) > 0 || !w.free() {
		return false
	}
	w.inFlight++
	return true
}

// Acquire takes a place, waiting its turn for one. The error is the context's;
// then no place was taken.
func (w *Window) Acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	turn := w.queue()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		w.leave(turn)
		return ctx.Err()
	}
}

// Release gives a place back.
func (w *Window) Release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight--
	w.admit()
}

// Accepted records that the other side took a piece of work.
func (w *Window) Accepted() {
	w.mu.Lock()
	defer w.mu.Unlock()
	more := 1.0
	if !w.halved.IsZero() {
		more = 1 / w.size
	}
	w.size = min(w.size+more, w.most)
	w.admit()
}

// Throttled records that the other side asked us to slow down. The window
// halves, at most once per Settle.
func (w *Window) Throttled(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.halved.IsZero() && now.Sub(w.halved) < Settle {
		return
	}
	w.halved = now
	w.size = max(w.size/2, w.least)
}

func (w *Window) queue() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	turn := make(chan struct{})
	w.waiting = append(w.waiting, turn)
	w.admit()
	return turn
}

// leave takes turn out of the queue, or gives its place back when it was
// admitted in the same moment.
func (w *Window) leave(turn chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.waiting, turn); i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
		return
	}
	w.inFlight--
	w.admit()
}

func (w *Window) admit() {
	for len(w.waiting) > 0 && w.free() {
		close(w.waiting[0])
		w.waiting = w.waiting[1:]
		w.inFlight++
	}
}

func (w *Window) free() bool { return w.inFlight < int(w.size) }
