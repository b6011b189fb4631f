package relay

import (
	"context"
	"slices"
	"sync"
	"time"

	"posthouse/internal/pace"
	"posthouse/ledger"
)

// Between what is due in the ledger and the attempts lies a short queue for each lane. The listener fills it with what it has just stored, and the scan with what it read; workers, each in
// the room of one attempt, empty it. All that lies there is Due, and whatever becomes of the queue loses nothing. Nothing is sent because it lies there: a delivery must first become Sending
// in the ledger, from just the state in which it was made ready (Begin), so that neither a second reading of it nor a person's deed in between leads to a second attempt.

const (
	// readyRoom is how many attempts may lie ready in one lane; few is when the scan is asked for more.
	readyRoom = 2048
	few       = readyRoom / 4
	// maxKept is how large a body may be to be kept in memory until it is sent, and keptRoom how much of one lane's mail is at a time. The rest is read from the ledger.
	maxKept  = 64 << 10
	keptRoom = 6 << 20
)

// departure is one attempt: deliveries of one capture that go one way.
type departure struct {
	capture ledger.Capture // with no ID: to be read
	group   []ledger.Delivery
	octets  []byte // the body as received; nil: to be read
}

// ready is a lane's queue.
type ready struct {
	mu     sync.Mutex
	fresh  []departure // never tried: they go first
	tried  []departure
	queued map[ledger.DeliveryID]bool
	kept   int  // octets of bodies
	behind bool // more is due than lies here: what comes new waits its turn in the ledger
	asked  bool // for more, since the last look
}

func (r *ready) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.length()
}

func (r *ready) length() int { return len(r.fresh) + len(r.tried) }

// enough reports whether the scan need not look for more.
func (r *ready) enough() bool { return r.len() > few }

// looked notes that the scan has looked, and whether there is more.
func (r *ready) looked(behind bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behind, r.asked = behind, false
}

// offer is put for what the listener has just stored; it does not overtake what waits in the ledger.
func (r *ready) offer(d departure) bool {
	r.mu.Lock()
	behind := r.behind
	r.mu.Unlock()
	if !behind && r.put(d) {
		return true
	}
	r.looked(true)
	return false
}

// put reports whether there was room. What lies there already stays as it is.
func (r *ready) put(d departure) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.group = slices.DeleteFunc(d.group, func(d ledger.Delivery) bool { return r.queued[d.ID] })
	if len(d.group) == 0 {
		return true
	}
	if r.length() >= readyRoom {
		return false
	}
	if r.kept+len(d.octets) > keptRoom {
		d.octets = nil
	}
	r.kept += len(d.octets)
	for _, d := range d.group {
		r.queued[d.ID] = true
	}
	if d.group[0].Attempts == 0 {
		r.fresh = append(r.fresh, d)
	} else {
		r.tried = append(r.tried, d)
	}
	return true
}

// take returns what goes next, and whether it is time to look for more.
func (r *ready) take() (d departure, some, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := &r.fresh
	if len(r.fresh) == 0 {
		from = &r.tried
	}
	if len(*from) == 0 {
		return d, false, false
	}
	d, (*from)[0] = (*from)[0], departure{}
	if *from = (*from)[1:]; len(*from) == 0 {
		*from = nil
	}
	r.kept -= len(d.octets)
	for _, d := range d.group {
		delete(r.queued, d.ID)
	}
	more = r.length() <= few && r.behind && !r.asked
	r.asked = r.asked || more
	return d, true, more
}

// clear leaves all to the ledger, and to the next look at it.
func (r *ready) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh, r.tried, r.kept, r.asked = nil, nil, 0, true
	clear(r.queued)
}

// Offer has deliveries attempted that were committed as Due, as soon as there is room. Where much waits already they are left to the scan.
func (c *Courier) Offer(capture ledger.Capture, due []ledger.Delivery, octets []byte) {
	for _, group := range byWay(due) {
		l := c.lane(group[0].Destination)
		if l.breaker.State() != pace.Closed || !l.ready.offer(departure{capture, group, octets}) {
			c.Hint()
			continue
		}
		c.staff(l)
	}
}

// staff begins as many workers as there is work and room for.
func (c *Courier) staff(l *lane) {
	if l.ready.len() > 0 && !c.going(l) {
		l.ready.clear()
	}
	for range min(l.ready.len(), l.free()) {
		if !c.enter(l) {
			return
		}
		go c.serve(l, departure{})
	}
}

// serve attempts a departure that is Sending, if there is one, and then what is ready until nothing is. It has room in the lane, and gives it back.
func (c *Courier) serve(l *lane, d departure) {
	defer func() {
		c.Release(l.name)
		c.staff(l) // what became ready just now found no room
	}()
	for some := len(d.group) > 0; some || l.ready.len() > 0; d, some = c.next(l) {
		if some {
			c.carry(l, d)
			c.staff(l) // there may be more room now, or less
		}
		if l.free() < 0 {
			return
		}
	}
}

// carry makes an attempt for deliveries that are Sending and claimed, and frees them afterwards.
func (c *Courier) carry(l *lane, d departure) {
	news := c.attempt(c.ctx, l, d)
	c.free(d.group)
	if news {
		c.Hint() // only now: a scan passes over what is busy
	}
}

// going reports whether the lane goes on: we are not being stopped, and the destination is there.
func (c *Courier) going(l *lane) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running && !l.breaker.Retry().After(c.cfg.Clock.Now())
}

// next makes Sending what is ready next. It returns nothing also where that was done, held or moved meanwhile.
func (c *Courier) next(l *lane) (departure, bool) {
	if !c.going(l) {
		l.ready.clear()
		return departure{}, false
	}
	d, some, more := l.ready.take()
	if more {
		c.Hint()
	}
	if !some || !c.hold(d.group) {
		return departure{}, false
	}
	now := c.cfg.Clock.Now()
	if err := c.fetch(&d); err != nil {
		if c.ctx.Err() == nil {
			c.record(c.ctx, c.putOff(d.group, err, now))
		}
		c.free(d.group)
		return departure{}, false
	}
	if !l.breaker.Allow(now) {
		c.free(d.group)
		return departure{}, false
	}
	return d, c.depart(l, &d, now)
}

// fetch reads the capture if it is not there.
func (c *Courier) fetch(d *departure) (err error) {
	if d.capture.ID == "" {
		d.capture, err = c.cfg.Ledger.Capture(c.ctx, d.group[0].Capture)
	}
	return err
}

// depart makes Sending what still stands as it was when it was made ready, and frees the rest.
func (c *Courier) depart(l *lane, d *departure, now time.Time) bool {
	sending, err := c.cfg.Ledger.Begin(context.WithoutCancel(c.ctx), now, d.group...)
	if err != nil && c.ctx.Err() == nil {
		c.cfg.Log.WithError(err).Error("could not begin deliveries")
		l.ready.clear()
	}
	left := slices.DeleteFunc(slices.Clone(d.group), func(d ledger.Delivery) bool {
		return slices.ContainsFunc(sending, func(s ledger.Delivery) bool { return s.ID == d.ID })
	})
	c.free(left)
	d.group = sending
	return len(sending) > 0
}
