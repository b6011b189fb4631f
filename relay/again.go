package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"posthouse/ledger"
)

// unasked stays with a delivery that was sent again where no mailbox could be asked.
const unasked = "sent again without being able to ask: it may arrive twice"

// maxUnasked is how often one reply is lost where no mailbox can be asked, until a person has to ask the recipient: each time may have brought one more copy.
const maxUnasked = 6

// unasked sends again without an answer: at least once, and said so.
func (c *Courier) unasked(ctx context.Context, d ledger.Delivery, now time.Time) ledger.Delivery {
	n := c.timesInDoubt(ctx, d)
	if n >= maxUnasked {
		return c.giveUpDoubt(d, fmt.Sprintf("its reply was lost %d times, and no mailbox can be asked; ask %s", n, d.Recipient), now)
	}
	d.Reason = unasked
	return c.again(d, n, now)
}

// absent sends again what a mailbox that answers does not have. What is tried for too long, and was in doubt before, ends with a person as every other failure does; the first doubt of old
// mail does not, since it may be of a process that was killed and did not run for days.
func (c *Courier) absent(ctx context.Context, d ledger.Delivery, now time.Time) ledger.Delivery {
	n := c.timesInDoubt(ctx, d)
	if n > 1 && c.hopeless(ctx, d, now) {
		return c.giveUpDoubt(d, fmt.Sprintf("its reply was lost again and again for %s, and it was never in the mailbox", c.cfg.HoldAfter), now)
	}
	d.Reason = fmt.Sprintf("was not in the mailbox %s after its reply was lost; sent again", c.cfg.SettleTime)
	return c.again(d, n, now)
}

// again makes the next attempt due after the n-th doubt, by the schedule of retries, from when the reply was lost: a next hop that loses every reply may have taken every copy.
func (c *Courier) again(d ledger.Delivery, n int, now time.Time) ledger.Delivery {
	c.cfg.Log.WithField("capture", d.Capture).WithField("to", d.Recipient).Warn(d.Reason)
	next := d.Since.Add(c.cfg.Retry.Next(n, rand.Float64()))
	if next.Before(now) {
		next = now
	}
	d.Attempts = max(d.Attempts, 1) // what nobody tried yet is no step of the history, and this is one
	return enter(d, ledger.Due, now, next)
}

func (c *Courier) giveUpDoubt(d ledger.Delivery, why string, now time.Time) ledger.Delivery {
	d.Reason = "may or may not have arrived: " + why
	c.cfg.Log.WithField("capture", d.Capture).WithField("to", d.Recipient).Warn("delivery held: " + d.Reason)
	return c.park(d, now)
}

// timesInDoubt counts how often a delivery was in doubt since a person last did something with it. What cannot be read counts as once.
func (c *Courier) timesInDoubt(ctx context.Context, d ledger.Delivery) int {
	history, err := c.cfg.Ledger.History(ctx, d.Capture)
	if err != nil {
		return 1
	}
	n := 0
	for _, e := range history {
		switch {
		case e.Delivery != d.ID:
		case e.Act != "":
			n = 0
		case e.State == ledger.InDoubt:
			n++
		}
	}
	return n
}
