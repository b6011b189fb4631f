package relay

import (
	"context"
	"fmt"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// place is a mailbox on one side: what is asked at once.
type place struct {
	mailbox cutover.MailboxID
	side    cutover.Side
}

// resolve asks the mailboxes for deliveries whose final reply was not seen. One that is there is settled; one that did not show up for the settle time is sent again. Where no
// mailbox can be asked it is sent again at once: at least once, and said so.
func (c *Courier) resolve(ctx context.Context, doubtful []ledger.Delivery) (began bool) {
	for at, group := range byPlace(doubtful) {
		if !c.claim(group) {
			continue
		}
		if !c.begin() {
			c.free(group)
			return began
		}
		began = true
		go func() {
			defer c.work.Done()
			defer c.Hint()
			defer c.free(group)
			c.resolveAt(ctx, at, group)
		}()
	}
	return began
}

func (c *Courier) resolveAt(ctx context.Context, at place, group []ledger.Delivery) {
	seen, err := c.look(ctx, at, group)
	now := c.cfg.Clock.Now()
	for i, d := range group {
		where, there := seen[i]
		switch {
		case there:
			d.Seen, d.Reason = where, ""
			d = enter(d, ledger.Settled, now, now)
		case c.cfg.Finder == nil || d.Mailbox == "":
			d.Reason = "sent again without being able to ask: it may arrive twice"
			d = enter(d, ledger.Due, now, now)
		case err != nil:
			d.Reply = err.Error()
			d.Next = c.retryAt(now, 1, 0)
		case now.Sub(d.Since) >= c.cfg.SettleTime:
			d.Reason = fmt.Sprintf("was not in the mailbox %s after its reply was lost; sent again", c.cfg.SettleTime)
			d = enter(d, ledger.Due, now, now)
		default:
			d.Next = now.Add(max(c.cfg.SettleTime/5, time.Millisecond))
		}
		group[i] = d
	}
	if err := c.cfg.Ledger.Update(context.WithoutCancel(ctx), group...); err != nil {
		c.cfg.Log.WithError(err).Error("could not record what the mailbox said")
	}
}

// lookoutLoop looks for accepted deliveries until each is seen in its mailbox: a 250 is not yet delivery.
func (c *Courier) lookoutLoop(ctx context.Context) {
	for {
		c.lookout(ctx)
		if c.cfg.Clock.Sleep(ctx, c.cfg.Scan) != nil {
			return
		}
	}
}

// lookoutBatch is how many accepted deliveries one round asks for.
const lookoutBatch = 1000

func (c *Courier) lookout(ctx context.Context) {
	if c.cfg.Finder == nil {
		return
	}
	accepted, err := c.cfg.Ledger.Deliveries(ctx, ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Accepted}, Limit: lookoutBatch})
	if err != nil {
		if ctx.Err() == nil {
			c.cfg.Log.WithError(err).Error("could not read what was accepted")
		}
		return
	}
	now := c.cfg.Clock.Now()
	var due []ledger.Delivery
	for _, d := range accepted {
		if !d.Next.After(now) {
			due = append(due, d)
		}
	}
	for at, group := range byPlace(due) {
		if ctx.Err() != nil {
			return
		}
		c.sight(ctx, at, group)
	}
}

// sight settles what is seen; what is not is looked for again, ever more rarely.
func (c *Courier) sight(ctx context.Context, at place, group []ledger.Delivery) {
	seen, err := c.look(ctx, at, group)
	now := c.cfg.Clock.Now()
	for i, d := range group {
		if where, there := seen[i]; there {
			d.Seen = where
			group[i] = enter(d, ledger.Settled, now, now)
			continue
		}
		group[i].Next = now.Add(min(max(now.Sub(d.Since)/2, c.cfg.Scan), time.Hour))
	}
	if err != nil && ctx.Err() == nil {
		c.cfg.Log.WithError(err).WithField("mailbox", at.mailbox).Warn("could not look for accepted mail")
	}
	if err := c.cfg.Ledger.Update(context.WithoutCancel(ctx), group...); err != nil {
		c.cfg.Log.WithError(err).Error("could not record what was seen")
	}
}

// look asks the mailbox for the deliveries' captures; the result is by index into group.
func (c *Courier) look(ctx context.Context, at place, group []ledger.Delivery) (map[int]string, error) {
	if c.cfg.Finder == nil || at.mailbox == "" {
		return nil, nil
	}
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

func byPlace(all []ledger.Delivery) map[place][]ledger.Delivery {
	groups := map[place][]ledger.Delivery{}
	for _, d := range all {
		at := place{d.Mailbox, d.Side}
		groups[at] = append(groups[at], d)
	}
	return groups
}
