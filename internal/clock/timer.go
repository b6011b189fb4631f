package clock

import (
	"sync"
	"time"
)

// timer is built on AfterFunc so that C carries the clock's own instant. The
// round number keeps a function that was already on its way when the timer was
// stopped or reset from delivering a stale instant.
type timer struct {
	source source
	c      chan time.Time

	mu    sync.Mutex
	round int
	on    bool
	real  *time.Timer
}

func (t *timer) C() <-chan time.Time { return t.c }

func (t *timer) Stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.halt()
}

func (t *timer) Reset(d time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.halt()
	t.on = true
	round := t.round
	t.real = time.AfterFunc(t.source.wait(d), func() { t.fire(round) })
	return was
}

func (t *timer) fire(round int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if round != t.round {
		return
	}
	t.on = false
	t.c <- t.source.Now()
}

func (t *timer) halt() bool {
	was := t.on
	t.on = false
	t.round++
	if t.real != nil {
		t.real.Stop()
	}
	select {
	case <-t.c:
	default:
	}
	return was
}
