package relay

import (
	"context"
	"fmt"
	"runtime/debug"

	"posthouse/cutover"
	"posthouse/ledger"
)

// place is a mailbox on one side: what is asked at once.
type place struct {
	mailbox cutover.MailboxID
	side    cutover.Side
}

// ask puts the question about deliveries to their mailboxes, a few at once. What finds no room, or is busy, is asked for by a later scan: each answer hints at one.
func (c *Courier) ask(all []ledger.Delivery, question func(context.Context, place, []ledger.Delivery)) {
	for _, group := range grouped(all, placeOf) {
		if !c.claim(group) {
			continue
		}
		select {
		case c.asks <- struct{}{}:
		default:
			c.free(group)
			return
		}
		if !c.begin() {
			<-c.asks
			c.free(group)
			return
		}
		go func() {
			defer c.work.Done()
			question(c.asking, placeOf(group[0]), group)
			<-c.asks
			c.free(group)
			c.Hint()
		}()
	}
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
