package relay

import (
	"context"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// scanLoop attempts what is due and asks about what is in doubt, at every hint and at least once per Scan.
func (c *Courier) scanLoop() {
	for {
		if c.cfg.Alive != nil {
			c.cfg.Alive()
		}
		timer := c.cfg.Clock.NewTimer(c.scan(c.ctx))
		select {
		case <-c.hint:
		case <-timer.C():
		case <-c.ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// scan starts everything that is due and has room, and returns how long there is nothing more to do.
func (c *Courier) scan(ctx context.Context) time.Duration {
	now := c.cfg.Clock.Now()
	c.newScan()
	wait := c.cfg.Scan
	for _, l := range c.allLanes() {
		wait = min(wait, c.startDue(ctx, l, now))
	}
	return min(wait, c.askDoubtful(ctx, now), c.askAccepted(ctx, now))
}

// startDue makes ready what is due in the lane. One whose destination cannot be reached is not even looked at, nor one that has enough to do.
func (c *Courier) startDue(ctx context.Context, l *lane, now time.Time) time.Duration {
	if pause := l.breaker.Retry().Sub(c.cfg.Clock.Steady()); pause > 0 {
		return pause
	}
	if l.ready.enough() {
		c.staff(l)
		return c.cfg.Scan // whoever takes one of the last gives the hint
	}
	limit := readyRoom + l.ready.len() // those are due too, and read once more
	due, next, ok := c.due(ctx, l, ledger.Due, now, limit)
	if !ok {
		return c.cfg.Scan
	}
	behind := len(due) == limit
	for _, group := range byWay(c.atRest(due)) {
		behind = !l.ready.put(&departure{group: group}) || behind
	}
	l.ready.looked(behind)
	c.staff(l)
	return c.until(next, now)
}

// atRest leaves out what is being attempted or asked for.
func (c *Courier) atRest(all []ledger.Delivery) []ledger.Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(all, func(d ledger.Delivery) bool { return c.busy[d.ID] || c.freed[d.ID] })
}

// until is the time to next. What could have been begun now and was not waits for a hint.
func (c *Courier) until(next, now time.Time) time.Duration {
	if !next.After(now) {
		return c.cfg.Scan
	}
	return min(next.Sub(now), c.cfg.Scan)
}

// due reads from the ledger; what fails is logged and tried again by the next scan.
func (c *Courier) due(ctx context.Context, l *lane, s ledger.DeliveryState, now time.Time, limit int) ([]ledger.Delivery, time.Time, bool) {
	due, next, err := c.cfg.Ledger.DueDeliveries(ctx, l.name, s, now, now.Add(c.horizon), limit)
	if err != nil && ctx.Err() == nil {
		c.cfg.Log.WithError(err).Error("could not read what waits")
	}
	return due, next, err == nil
}

func (c *Courier) putOff(group []ledger.Delivery, why error, now time.Time) []ledger.Delivery {
	c.cfg.Log.WithError(why).WithField("capture", group[0].Capture).Error("could not begin a delivery")
	for i := range group {
		group[i].Reply, group[i].Next = why.Error(), c.retryAt(now, 1, 0)
	}
	return group
}

// way is what deliveries of one capture must share to go in one attempt. A tee has an envelope and header fields of its own, which name its recipient to nobody else.
type way struct {
	capture     cutover.CaptureID
	destination string
	tee         cutover.Address // its recipient; "" is a required delivery
}

// byWay groups deliveries, in the order of the first of each group.
func byWay(all []ledger.Delivery) [][]ledger.Delivery { return grouped(all, wayOf) }

func wayOf(d ledger.Delivery) way {
	w := way{capture: d.Capture, destination: d.Destination}
	if !d.Required {
		w.tee = d.Recipient
	}
	return w
}

func grouped[K comparable](all []ledger.Delivery, key func(ledger.Delivery) K) [][]ledger.Delivery {
	var groups [][]ledger.Delivery
	at := map[K]int{}
	for _, d := range all {
		i, ok := at[key(d)]
		if !ok {
			i = len(groups)
			at[key(d)] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], d)
	}
	return groups
}
