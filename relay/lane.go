package relay

import (
	"context"
	"slices"
	"time"

	"posthouse/internal/pace"
	"posthouse/ledger"
)

// lane is one destination's share: a bounded number of attempts and a breaker, so that no destination starves another.
type lane struct {
	name    string
	to      Destination
	window  *pace.Window // of attempts under way: it grows while they succeed, and halves when the destination asks us to slow down
	breaker *pace.Breaker
	outage  outage
	ready   ready
	// attempts that are over and not recorded, and a token for whoever records them.
	unrecorded chan ended
	recorder   chan struct{}
}

// breakAfter is how many attempts in a row must fail to reach a destination before it is left alone for a while.
const breakAfter = 3

// lane is the one of that name; it is made at its first use.
func (c *Courier) lane(name string) *lane {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lanes[name]
	if l == nil {
		to, ok := c.cfg.Destinations[name]
		if !ok {
			to = missing{}
		}
		l = &lane{
			name: name, to: to, window: pace.NewWindow(1, c.cfg.Workers), breaker: pace.NewBreaker(breakAfter, c.cfg.Pauses), ready: ready{queued: map[ledger.DeliveryID]bool{}},
			unrecorded: make(chan ended, 4*max(1, c.cfg.Workers)), recorder: make(chan struct{}, 1),
		}
		c.lanes[name] = l
	}
	return l
}

// Retry is when a destination that cannot be reached is tried again, for people; zero while nothing is known against it.
func (c *Courier) Retry(destination string) time.Time {
	c.mu.Lock()
	l := c.lanes[destination]
	c.mu.Unlock()
	if l == nil {
		return time.Time{}
	}
	return c.shown(l.breaker.Retry())
}

// shown is what the wall clock will show at an instant of the steady one.
func (c *Courier) shown(steady time.Time) time.Time {
	if steady.IsZero() {
		return steady
	}
	return c.cfg.Clock.Now().Add(steady.Sub(c.cfg.Clock.Steady()))
}

func (c *Courier) allLanes() []*lane {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*lane, 0, len(c.lanes))
	for _, l := range c.lanes {
		all = append(all, l)
	}
	return all
}

// free is how many more attempts the lane has room for.
func (l *lane) free() int { return l.window.Size() - l.window.InFlight() }

// enter takes room in a lane.
func (c *Courier) enter(l *lane) bool {
	if !l.window.TryAcquire() {
		return false
	}
	if !c.begin() {
		l.window.Release()
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

// claim makes deliveries busy, all or none. It fails where one is busy, or was since the scan read them.
func (c *Courier) claim(group []ledger.Delivery) bool {
	c.mu.Lock()
	was := slices.ContainsFunc(group, func(d ledger.Delivery) bool { return c.freed[d.ID] })
	c.mu.Unlock()
	return !was && c.hold(group)
}

// hold makes deliveries busy, all or none.
func (c *Courier) hold(group []ledger.Delivery) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range group {
		if c.busy[d.ID] {
			return false
		}
	}
	for _, d := range group {
		c.busy[d.ID] = true
	}
	return true
}

func (c *Courier) free(group []ledger.Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range group {
		delete(c.busy, d.ID)
		c.freed[d.ID] = true
	}
	c.idle.Broadcast()
}

// newScan forgets who was freed before.
func (c *Courier) newScan() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.freed)
}

// missing stands for a destination that the configuration does not name: what is bound for it waits, and is held like anything else that nobody takes.
type missing struct{}

func (missing) Deliver(_ context.Context, c Consignment) []Outcome {
	return all(len(c.Deliveries), Outcome{Kind: Deferred, Reply: "no destination of this name in the configuration"})
}
