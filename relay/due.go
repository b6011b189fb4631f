package relay

import (
	"context"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

const (
	// scanBatch is how many deliveries of one lane one look takes from the ledger at most.
	scanBatch = 200
	// perRoom is how many it takes for each attempt that can begin: a message for many recipients should go in one.
	perRoom = 50
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

// startDue begins the lane's next attempts. A lane without room, or whose destination cannot be reached, is not even looked at.
func (c *Courier) startDue(ctx context.Context, l *lane, now time.Time) time.Duration {
	if !c.hasRoom(l) {
		return c.cfg.Scan // an attempt that ends gives the hint
	}
	if retry := l.breaker.Retry(); retry.After(now) {
		return retry.Sub(now)
	}
	limit := min(perRoom*l.free(), scanBatch)
	due, next, ok := c.due(ctx, l, ledger.Due, now, limit)
	if !ok {
		return c.cfg.Scan
	}
	began, all := c.start(ctx, l, byWay(due), now)
	switch {
	case !all:
		return c.until(l.breaker.Retry(), now) // what was busy, or leaves its room, gives the hint
	case len(due) == limit && began:
		return 0
	}
	return c.until(next, now)
}

// hasRoom looks for room without taking it.
func (c *Courier) hasRoom(l *lane) bool {
	if l.free() == 0 {
		l.wanted.Store(true)
	}
	return l.free() > 0
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
	due, next, err := c.cfg.Ledger.DueDeliveries(ctx, l.name, s, now, limit)
	if err != nil && ctx.Err() == nil {
		c.cfg.Log.WithError(err).Error("could not read what waits")
	}
	return due, next, err == nil
}

// departure is an attempt about to begin: claimed, and with room.
type departure struct {
	capture ledger.Capture
	group   []ledger.Delivery
}

// start makes deliveries Sending in one commit and attempts them. It reports whether any began, and whether all could.
func (c *Courier) start(ctx context.Context, l *lane, groups [][]ledger.Delivery, now time.Time) (began, all bool) {
	leaving, off, all := c.prepare(ctx, l, groups, now)
	put := slices.Clone(off)
	for _, d := range leaving {
		put = append(put, d.group...)
	}
	if len(put) == 0 {
		return false, all
	}
	if err := c.cfg.Ledger.Update(ctx, put...); err != nil {
		if ctx.Err() == nil {
			c.cfg.Log.WithError(err).Error("could not begin deliveries")
		}
		for _, d := range leaving {
			c.free(d.group)
			c.Release(l.name)
		}
		c.free(off)
		return false, false
	}
	c.free(off)
	for _, d := range leaving {
		c.launch(l, d.capture, d.group)
	}
	return true, all
}

// prepare claims deliveries and takes room for them. Those whose capture cannot be read are put off; they stay claimed until that is written.
func (c *Courier) prepare(ctx context.Context, l *lane, groups [][]ledger.Delivery, now time.Time) (leaving []departure, off []ledger.Delivery, all bool) {
	all = true
	for _, group := range groups {
		if !c.claim(group) {
			all = false
			continue
		}
		if !c.enter(l) {
			c.free(group)
			return leaving, off, false
		}
		capture, err := c.cfg.Ledger.Capture(ctx, group[0].Capture)
		if err == nil && l.breaker.Allow(now) {
			leaving = append(leaving, departure{capture, sending(group, now)})
			continue
		}
		c.Release(l.name)
		if err == nil || ctx.Err() != nil {
			c.free(group)
			return leaving, off, false
		}
		off = append(off, c.putOff(group, err, now)...)
	}
	return leaving, off, all
}

// sending forgets what the attempt before was refused for: one that is killed was not.
func sending(group []ledger.Delivery, now time.Time) []ledger.Delivery {
	for i, d := range group {
		d.Class = ""
		group[i] = enter(d, ledger.Sending, now, d.Next)
	}
	return group
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
