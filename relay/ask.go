package relay

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// place is a mailbox on one side: what is asked at once.
type place struct {
	mailbox cutover.MailboxID
	side    cutover.Side
}

// askBatch is how many deliveries of one lane are asked for at a time. More are read only where one mailbox that does not answer fills them.
const askBatch = 1000

// askLane asks about deliveries to one destination that are in a state in which only their mailbox can tell. It returns the earliest time for the rest, and whether there
// may be some.
func (c *Courier) askLane(ctx context.Context, l *lane, s ledger.DeliveryState, now time.Time, question question) (next time.Time, some bool) {
	for limit := askBatch; ; limit *= 4 {
		found, next, ok := c.due(ctx, l, s, now, limit)
		if c.ask(found, question) || len(found) < limit || len(c.asks) == cap(c.asks) {
			return next, !ok || len(found) > 0 || !next.IsZero()
		}
	}
}

// question asks a mailbox about deliveries and records what it said.
type question func(context.Context, place, []ledger.Delivery)

// ask puts a question to each delivery's mailbox, a few at once. What finds no room, or is busy, is asked for by a later scan: each answer hints at one.
func (c *Courier) ask(all []ledger.Delivery, question question) (asked bool) {
	for _, group := range grouped(all, placeOf) {
		if !c.claim(group) {
			continue
		}
		if !c.beginAsking() {
			c.free(group)
			return asked
		}
		asked = true
		go func() {
			defer c.work.Done()
			question(c.asking, placeOf(group[0]), group)
			<-c.asks
			c.free(group)
			c.Hint()
		}()
	}
	return asked
}

func (c *Courier) beginAsking() bool {
	select {
	case c.asks <- struct{}{}:
	default:
		return false
	}
	if !c.begin() {
		<-c.asks
		return false
	}
	return true
}

func placeOf(d ledger.Delivery) place { return place{d.Mailbox, d.Side} }

// look asks the mailbox for the deliveries' captures; the result is by index into group. A Finder that panics has not answered.
func (c *Courier) look(ctx context.Context, at place, group []ledger.Delivery) (seen map[int]string, err error) {
	if c.cfg.Finder == nil || at.mailbox == "" {
		return nil, nil
	}
	defer func() {
		if p := recover(); p != nil {
			seen, err = nil, fmt.Errorf("panic while asking for mail: %v\n%s", p, debug.Stack())
		}
	}()
	wanted := make([]cutover.Identity, len(group))
	for i, d := range group {
		capture, err := c.cfg.Ledger.Capture(ctx, d.Capture)
		if err != nil {
			return nil, err
		}
		wanted[i] = c.identity(capture)
	}
	return c.cfg.Finder.Find(ctx, at.mailbox, at.side, wanted)
}
