package relay

import (
	"context"
	"math/rand/v2"
	"time"

	"posthouse/ledger"
)

// scanBatch is how many due deliveries one look takes from the ledger.
const scanBatch = 200

// scanLoop attempts what is due, at every hint and at least once per Scan.
func (c *Courier) scanLoop(ctx context.Context) {
	for {
		if c.cfg.Alive != nil {
			c.cfg.Alive()
		}
		wait := c.scan(ctx)
		timer := c.cfg.Clock.NewTimer(wait)
		select {
		case <-c.hint:
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// scan starts everything that is due and has room, and returns how long there is nothing more to do.
func (c *Courier) scan(ctx context.Context) time.Duration {
	now := c.cfg.Clock.Now()
	due, next, err := c.cfg.Ledger.DueDeliveries(ctx, now, scanBatch)
	if err != nil {
		if ctx.Err() == nil {
			c.cfg.Log.WithError(err).Error("could not read what is due")
		}
		return c.cfg.Scan
	}
	var doubtful, ready []ledger.Delivery
	for _, d := range due {
		if d.State == ledger.InDoubt {
			doubtful = append(doubtful, d)
		} else {
			ready = append(ready, d)
		}
	}
	progress := c.resolve(ctx, doubtful)
	full := false
	for way, group := range byWay(ready) {
		began := c.start(ctx, way, group, now)
		full, progress = full || !began, progress || began
	}
	switch {
	case full || ctx.Err() != nil:
		return c.cfg.Scan // an attempt that ends gives the hint
	case len(due) == scanBatch && progress:
		return 0
	case !next.IsZero():
		return min(max(next.Sub(now), time.Millisecond), c.cfg.Scan)
	}
	return c.cfg.Scan
}

// start makes deliveries Sending and attempts them; false when the destination has no room now.
func (c *Courier) start(ctx context.Context, w way, group []ledger.Delivery, now time.Time) bool {
	l := c.lanes[w.destination]
	if l == nil {
		c.postpone(ctx, group, now.Add(c.cfg.Pauses.Next(1, 0.5)), "no destination of this name in the configuration")
		return true
	}
	if !c.enterLane(l) {
		return false
	}
	if !c.claim(group) {
		c.Release(l.name)
		return false
	}
	if !l.breaker.Allow(now) {
		c.free(group)
		c.Release(l.name)
		c.postpone(ctx, group, l.retry(now, c.cfg.Scan), "destination cannot be reached; waiting for it")
		return true
	}
	capture, err := c.cfg.Ledger.Capture(ctx, w.capture)
	if err == nil {
		for i := range group {
			group[i] = enter(group[i], ledger.Sending, now, group[i].Next)
		}
		err = c.cfg.Ledger.Update(ctx, group...)
	}
	if err != nil {
		l.breaker.Failure(now, rand.Float64()) // the probe that was allowed does not take place
		c.free(group)
		c.Release(l.name)
		if ctx.Err() == nil {
			c.cfg.Log.WithError(err).WithField("capture", w.capture).Error("could not begin a delivery")
		}
		return false
	}
	go func() {
		defer c.Hint()
		defer c.Release(l.name)
		defer c.free(group)
		c.attempt(c.ctx, l, capture, group)
	}()
	return true
}

// enterLane takes room without asking the breaker, which has been asked.
func (c *Courier) enterLane(l *lane) bool {
	select {
	case l.room <- struct{}{}:
	default:
		return false
	}
	if !c.begin() {
		<-l.room
		return false
	}
	return true
}

// begin counts one more piece of work that Stop waits for; false once Stop was called.
func (c *Courier) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		c.work.Add(1)
	}
	return c.running
}

// postpone moves deliveries behind an obstacle that is not theirs: no attempt is counted.
func (c *Courier) postpone(ctx context.Context, group []ledger.Delivery, until time.Time, why string) {
	for i := range group {
		group[i].Next = until
		if group[i].Reply == "" {
			group[i].Reply = why
		}
	}
	if err := c.cfg.Ledger.Update(ctx, group...); err != nil && ctx.Err() == nil {
		c.cfg.Log.WithError(err).Error("could not postpone deliveries")
	}
}

// retry is when the destination may be tried again.
func (l *lane) retry(now time.Time, atLeast time.Duration) time.Time {
	if at := l.breaker.Retry(); at.After(now) {
		return at
	}
	return now.Add(atLeast)
}
