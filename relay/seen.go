package relay

import (
	"context"
	"errors"
	"time"

	"posthouse/ledger"
)

// askAccepted looks once per Scan for accepted deliveries until each is seen in its mailbox: a 250 is not yet delivery.
func (c *Courier) askAccepted(ctx context.Context, now time.Time) time.Duration {
	if c.cfg.Finder == nil {
		return c.cfg.Scan
	}
	if c.lookout.After(now) && !c.lookout.After(now.Add(c.cfg.Scan)) { // further away it is of a clock that was put back
		return c.until(c.lookout, now)
	}
	c.lookout = now.Add(c.cfg.Scan)
	for _, l := range c.allLanes() {
		if next, _ := c.askLane(ctx, l, ledger.Accepted, now, c.sight); !next.IsZero() && !next.After(now) {
			c.lookout = now // the next answer hints at the rest
		}
	}
	return c.cfg.Scan
}

// sight settles what is seen; what is not is looked for again, ever more rarely.
func (c *Courier) sight(ctx context.Context, at place, group []ledger.Delivery) {
	seen, err := c.look(ctx, at, group)
	if err != nil && ctx.Err() != nil {
		return
	}
	now := c.cfg.Clock.Now()
	for i, d := range group {
		if where, there := seen[i]; there {
			group[i] = found(d, where, now)
			continue
		}
		if errors.Is(err, ErrCannotAsk) {
			group[i] = enter(cannotAsk(d), ledger.Settled, now, now)
			continue
		}
		group[i].Next = c.askAgain(d, now, time.Hour)
	}
	if err != nil && !errors.Is(err, ErrCannotAsk) {
		c.cfg.Log.WithError(err).WithField("mailbox", at.mailbox).Warn("could not look for accepted mail")
	}
	c.record(ctx, group)
}

// cannotAsk says that what was accepted will not be seen.
func cannotAsk(d ledger.Delivery) ledger.Delivery {
	return because(d, "accepted; its mailbox cannot be asked")
}

// askAgain is when a question is put the next time: the longer the answer is awaited, the later, but not after atMost.
func (c *Courier) askAgain(d ledger.Delivery, now time.Time, atMost time.Duration) time.Time {
	return now.Add(max(min(now.Sub(d.Since)/2, atMost), c.cfg.Scan, time.Millisecond))
}
