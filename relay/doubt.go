package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthouse/ledger"
)

// askDoubtful asks for deliveries whose final reply was not seen.
func (c *Courier) askDoubtful(ctx context.Context, now time.Time) time.Duration {
	wait := c.cfg.Scan
	if !c.doubts.Swap(false) {
		return wait
	}
	for _, l := range c.allLanes() {
		next, some := c.askLane(ctx, l, ledger.InDoubt, now, c.resolve)
		if some {
			c.doubts.Store(true)
		}
		wait = min(wait, c.until(next, now))
	}
	return wait
}

func (c *Courier) noteDoubts(group []ledger.Delivery) {
	for _, d := range group {
		if d.State == ledger.InDoubt {
			c.doubts.Store(true)
		}
	}
}

// resolve asks the mailbox for deliveries in doubt. One that is there is settled; one that did not show up for a settle time of answered questions is sent again. Where no
// mailbox can be asked it is sent again at once: at least once, and said so.
func (c *Courier) resolve(ctx context.Context, at place, group []ledger.Delivery) {
	seen, err := c.look(ctx, at, group)
	if err != nil && ctx.Err() != nil {
		return
	}
	now := c.cfg.Clock.Now()
	for i, d := range group {
		switch where, there := seen[i]; {
		case there:
			group[i] = found(d, where, now)
		case errors.Is(err, ErrCannotAsk):
			group[i] = c.unasked(ctx, d, now)
		case err != nil:
			group[i] = c.unanswered(ctx, d, err, now)
		default:
			group[i] = c.notFound(ctx, d, now)
		}
	}
	if err != nil {
		c.cfg.Log.WithError(err).WithField("mailbox", at.mailbox).Warn("could not ask for deliveries in doubt")
	}
	c.forgetAnswers(group)
	c.record(ctx, group)
}

// unanswered begins the settle time anew: mail that was accepted before an outage may become visible only after it. What nobody could answer for as long as mail is
// tried becomes a person's question.
func (c *Courier) unanswered(ctx context.Context, d ledger.Delivery, err error, now time.Time) ledger.Delivery {
	c.mu.Lock()
	delete(c.answers, d.ID)
	c.mu.Unlock()
	d = because(d, "its mailbox cannot be asked: "+err.Error())
	d.Next = c.askAgain(d, now, c.cfg.SettleTime)
	if !c.hopeless(ctx, d, now) {
		return d
	}
	return c.giveUpDoubt(d, fmt.Sprintf("its reply was lost, and %s could not be asked for %s; look there: %s", d.Mailbox, c.cfg.HoldAfter, err), now)
}

// because says why a doubt goes on; "" is nothing but the wait. That a delivery may arrive twice is not forgotten.
func because(d ledger.Delivery, why string) ledger.Delivery {
	if d.Reason != unasked {
		d.Reason = why
	}
	return d
}

// hopeless is true for captures as old as HoldAfter. A doubt that is younger than the settle time waits: right after a start the network may not be there yet.
func (c *Courier) hopeless(ctx context.Context, d ledger.Delivery, now time.Time) bool {
	if now.Sub(d.Since) < c.cfg.SettleTime {
		return false
	}
	capture, err := c.cfg.Ledger.Capture(ctx, d.Capture)
	return err == nil && c.tooLong(capture, d, now)
}

// answering is since when the mailbox answers each question about a delivery that it does not have. Only this process's questions count: while none ran, nobody knows
// whether the mailbox could have answered. It is an instant of the steady clock: one that is set forward must not cut the wait short.
func (c *Courier) answering(id ledger.DeliveryID) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, ok := c.answers[id]
	if !ok {
		since = c.cfg.Clock.Steady()
		c.answers[id] = since
	}
	return since
}

// SentAgain is when a delivery in doubt is sent again unless it shows up before; zero while its mailbox gives no answer.
func (c *Courier) SentAgain(id ledger.DeliveryID) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, answers := c.answers[id]
	if !answers {
		return time.Time{}
	}
	return c.shown(since.Add(c.cfg.SettleTime))
}

// forgetAnswers is for deliveries that are in doubt no more.
func (c *Courier) forgetAnswers(group []ledger.Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range group {
		if d.State != ledger.InDoubt {
			delete(c.answers, d.ID)
		}
	}
}

func found(d ledger.Delivery, where string, now time.Time) ledger.Delivery {
	d.Seen, d.Reason = where, ""
	return enter(d, ledger.Settled, now, now)
}

func (c *Courier) notFound(ctx context.Context, d ledger.Delivery, now time.Time) ledger.Delivery {
	if c.cfg.Finder == nil || d.Mailbox == "" {
		return c.unasked(ctx, d, now)
	}
	if left := c.answering(d.ID).Add(c.cfg.SettleTime).Sub(c.cfg.Clock.Steady()); left > 0 {
		d = because(d, "")
		d.Next = now.Add(max(min(c.cfg.SettleTime/5, left), time.Millisecond))
		return d
	}
	return c.absent(ctx, d, now)
}
