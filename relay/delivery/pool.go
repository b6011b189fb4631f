package delivery

import (
	"context"
	"slices"
	"sync"
	"time"
)

// pool keeps the sessions with one destination. A slot stands for a session in
// use; idle ones were in use before, so there are never more sessions than
// slots, but for those that are saying goodbye.
type pool struct {
	dest  *Destination
	life  context.Context
	slots chan struct{}
	stop  chan struct{} // closed when no more sessions are given out
	work  sync.WaitGroup

	mu      sync.Mutex
	idle    []*conn // the one used last is the last
	stopped bool
}

func newPool(life context.Context, dest *Destination) *pool {
	return &pool{dest: dest, life: life, slots: make(chan struct{}, dest.MaxConnections), stop: make(chan struct{})}
}

// enter waits for a slot; leave gives it back.
func (p *pool) enter(ctx context.Context) error {
	select {
	case <-p.stop:
		return ErrStopped
	default:
	}
	select {
	case p.slots <- struct{}{}:
	case <-p.stop:
		return ErrStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		<-p.slots
		return ErrStopped
	}
	p.work.Add(1)
	return nil
}

func (p *pool) leave() {
	<-p.slots
	p.work.Done()
}

// take returns an idle session for a client that is alive as far as can be
// known, or nil.
func (p *pool) take(ctx context.Context, whom string) *conn {
	for {
		c := p.pop(func(c *conn) bool { return c.whom == whom && c.ahead == nil })
		if c == nil || p.usable(ctx, c) {
			return c
		}
		c.abort()
	}
}

// pop takes out the one that fits and was used last.
func (p *pool) pop(fits func(*conn) bool) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range slices.Backward(p.idle) {
		if fits(c) {
			p.idle = slices.Delete(p.idle, i, i+1)
			c.expiry.Stop()
			return c
		}
	}
	return nil
}

func anybody(*conn) bool { return true }

// makeRoom ends the session that was idle for longest, where with those in use
// and a new one there would be too many.
func (p *pool) makeRoom() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 || len(p.idle)+len(p.slots) <= cap(p.slots) {
		return
	}
	c := p.idle[0]
	p.idle = slices.Delete(p.idle, 0, 1)
	c.expiry.Stop()
	p.quit(c)
}

// usable looks whether the next hop has said anything or hung up meanwhile,
// which costs no round trip, and asks it with RSET where that is not enough: a
// transaction was left open, or a router on the way may have forgotten us.
func (p *pool) usable(ctx context.Context, c *conn) bool {
	if !c.quiet() {
		return false
	}
	if c.clean && time.Since(c.idle) < p.dest.CheckAfter {
		return true
	}
	done := c.watch(ctx)
	err := c.reset(p.dest.Timeouts.Check)
	return done() && err == nil
}

// put takes a session back after use.
func (p *pool) put(c *conn) {
	if c.dead || c.r.Buffered() > 0 && c.ahead == nil {
		c.abort()
		return
	}
	c.idle = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || !c.lasts() {
		p.quit(c)
		return
	}
	patience := p.dest.IdleTimeout
	if c.ahead != nil {
		patience = min(patience, aheadTimeout)
	}
	c.expiry = time.AfterFunc(patience, func() { p.expire(c) })
	p.idle = append(p.idle, c)
}

func (p *pool) expire(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.idle, c); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
		p.quit(c)
	}
}

// flush ends all idle sessions: one of them turned out dead, and the others
// are older.
func (p *pool) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.expiry.Stop()
		p.quit(c)
	}
	p.idle = nil
}

// quit says goodbye without keeping anybody waiting. p.mu is held.
func (p *pool) quit(c *conn) {
	p.work.Go(func() {
		done := c.watch(p.life)
		c.quit()
		done()
	})
}

// close lets nobody in any more, ends the idle sessions and returns when all
// others have ended.
func (p *pool) close() {
	p.mu.Lock()
	if !p.stopped {
		p.stopped = true
		close(p.stop)
	}
	p.mu.Unlock()
	p.flush()
	p.work.Wait()
}
