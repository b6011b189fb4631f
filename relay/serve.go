package relay

import (
	"context"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/internal/pace"
	"posthouse/ledger"
)

// Neither end of an attempt waits for the disk alone: what is ready becomes Sending some at a time, and what attempts came to is recorded together. So the workers of a lane mostly send.

// staff begins as many workers as there is work and room for.
func (c *Courier) staff(l *lane) {
	for range min(l.ready.len(), l.free()) {
		if !c.enter(l) {
			return
		}
		go c.serve(l, nil)
	}
}

// serve attempts a departure that is Sending, if there is one, and then what is ready until nothing is. It has room in the lane, and gives it back.
func (c *Courier) serve(l *lane, d *departure) {
	defer func() {
		c.Release(Room{lane: l})
		c.staff(l) // what became ready just now found no room
	}()
	for some := d != nil; some || l.ready.len() > 0; d, some = c.next(l) {
		for some {
			d, some = c.serveOne(l, d)
		}
		if l.free() < 0 {
			return
		}
	}
}

// serveOne attempts a departure, and returns what the destination was told is next.
func (c *Courier) serveOne(l *lane, d *departure) (after *departure, some bool) {
	next := func() *Consignment {
		if some || l.free() < 0 || !c.going(l) {
			return nil
		}
		if after, some = l.ready.nextBegun(); !some {
			return nil
		}
		c.makeAhead(l)
		consignment := c.consignment(after)
		return &consignment
	}
	c.finished(l, c.attempt(c.ctx, l, d, next))
	c.staff(l) // there may be more room now, or less
	if some && !c.going(l) {
		l.ready.putBack(after)
		return nil, false
	}
	return after, some
}

// going reports whether the lane goes on: we are not being stopped, and the destination is there.
func (c *Courier) going(l *lane) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running && !l.breaker.Retry().After(c.cfg.Clock.Steady())
}

// next returns what is Sending and goes next. Where nothing is, it makes some of what is ready so.
func (c *Courier) next(l *lane) (*departure, bool) {
	if c.going(l) {
		if d, some := l.ready.nextBegun(); some {
			c.makeAhead(l)
			return d, true
		}
	}
	l.ready.beginning.Lock()
	defer l.ready.beginning.Unlock()
	if !c.going(l) {
		c.unbegin(l)
		l.ready.clear()
		return nil, false
	}
	if d, some := l.ready.nextBegun(); some {
		return d, true
	}
	l.ready.addBegun(c.makeSending(l))
	return l.ready.nextBegun()
}

// makeAhead makes some Sending while those before them are being sent. What was tried before comes last: new mail must not find it in its way.
func (c *Courier) makeAhead(l *lane) {
	begun, fresh := l.ready.lens()
	if fresh == 0 || begun >= ahead*l.window.Size() || !l.ready.beginning.TryLock() {
		return
	}
	c.work.Add(1) // whoever calls is counted as well, so Stop still waits
	go func() {
		defer c.work.Done()
		if c.going(l) {
			l.ready.addBegun(c.makeSending(l))
		}
		l.ready.beginning.Unlock()
		c.staff(l)
	}()
}

// ahead is how many times as many as attempts at once are made Sending with one commit. They are what is in doubt after a crash, though nothing was sent of most.
const ahead = 8

// makeSending makes Sending what is ready next.
func (c *Courier) makeSending(l *lane) []*departure {
	now := c.cfg.Clock.Now()
	batch := c.batch(l, now)
	if len(batch) == 0 {
		return nil
	}
	var all []ledger.Delivery
	for _, d := range batch {
		all = append(all, d.group...)
	}
	sending, err := c.cfg.Ledger.Begin(context.WithoutCancel(c.ctx), now, all...)
	if err != nil && c.ctx.Err() == nil {
		c.cfg.Log.WithError(err).Error("could not begin deliveries")
		l.ready.clear()
	}
	begun := map[ledger.DeliveryID]ledger.Delivery{}
	for _, d := range sending {
		begun[d.ID] = d
	}
	c.free(slices.DeleteFunc(all, func(d ledger.Delivery) bool { return begun[d.ID].ID != 0 }))
	for i := range batch {
		group := batch[i].group[:0]
		for _, d := range batch[i].group {
			if is, some := begun[d.ID]; some {
				group = append(group, is)
			}
		}
		batch[i].group = group
	}
	return slices.DeleteFunc(batch, func(d *departure) bool { return len(d.group) == 0 })
}

// batch claims what is ready next, and reads what is needed to send it. Where the destination is to be tried by one message first, it is one.
func (c *Courier) batch(l *lane, now time.Time) (batch []*departure) {
	size := l.window.Size()
	most := ahead * size
	if l.breaker.State() != pace.Closed {
		most = 1
	}
	for len(batch) < most {
		d, some, more := l.ready.take(len(batch) >= size)
		if more {
			c.Hint()
		}
		if !some {
			break
		}
		if c.hold(d.group) { // else somebody asks for it, or has it in hand
			batch = append(batch, d)
		}
	}
	batch = c.fetch(batch, now)
	if len(batch) > 0 && !l.breaker.Allow(c.cfg.Clock.Steady()) {
		for _, d := range batch {
			c.free(d.group)
		}
		return nil
	}
	return batch
}

// fetch reads the captures that are not there, with the octets of small ones. What cannot be read is put off.
func (c *Courier) fetch(batch []*departure, now time.Time) []*departure {
	var ids []cutover.CaptureID
	for _, d := range batch {
		if d.capture.ID == "" {
			ids = append(ids, d.group[0].Capture)
		}
	}
	if len(ids) == 0 {
		return batch
	}
	found, _ := c.cfg.Ledger.Captured(c.ctx, ids) // where one of them is damaged all are asked for apart
	var read []*departure
	for _, d := range batch {
		var err error
		if c := found[d.group[0].Capture]; d.capture.ID == "" {
			d.capture, d.octets = c.Capture, c.Octets
		}
		if d.capture.ID == "" {
			d.capture, err = c.cfg.Ledger.Capture(c.ctx, d.group[0].Capture)
		}
		if err == nil {
			read = append(read, d)
			continue
		}
		if c.ctx.Err() == nil {
			c.record(c.ctx, c.putOff(d.group, err, now))
		}
		c.free(d.group)
	}
	return read
}

// unbegin makes Due again what is Sending and was not attempted, since the lane does not go on.
func (c *Courier) unbegin(l *lane) {
	c.dueAgain(l.ready.withdraw(func(ledger.Delivery) bool { return true }))
}

// withdraw does so with what a person takes in hand.
func (c *Courier) withdraw(ids []ledger.DeliveryID) {
	wanted := make(map[ledger.DeliveryID]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	for _, l := range c.allLanes() {
		c.dueAgain(l.ready.withdraw(func(d ledger.Delivery) bool { return wanted[d.ID] }))
	}
}

func (c *Courier) dueAgain(all []ledger.Delivery) {
	if len(all) == 0 {
		return
	}
	for i, d := range all {
		all[i] = enter(d, ledger.Due, c.cfg.Clock.Now(), d.Next)
	}
	c.record(c.ctx, all)
	c.free(all)
}
