package relay

import (
	"fmt"
	"time"

	"posthouse/ledger"
	"posthouse/relay/dsn"
	"posthouse/relay/reason"
)

// patience is for how long a refusal that nobody can make sense of counts as temporary, whatever its code.
const patience = time.Hour

// refused is the next state of a delivery that was not taken. It is where nothing is ever bounced: what cannot go on is held for a person, and what was refused as spam
// or virus is kept without an alarm.
func (c *Courier) refused(capture ledger.Capture, d ledger.Delivery, o Outcome, now time.Time) ledger.Delivery {
	age := now.Sub(begun(capture, d))
	switch {
	case o.final(age):
		return c.end(capture, d, o.Class, fmt.Sprintf("%s declined it: %s", d.Destination, o.Reply), now)
	case c.tooLong(capture, d, now):
		return c.end(capture, d, o.Class, fmt.Sprintf("not accepted by %s for %s: %s", d.Destination, c.cfg.HoldAfter, o.Reply), now)
	}
	return enter(d, ledger.Due, now, c.retryAt(now, d.Attempts, o.Wait))
}

// final reports whether another attempt would end the same.
func (o Outcome) final(age time.Duration) bool {
	switch {
	case o.Kind == Unsuitable:
		return true
	case o.Kind != Declined, o.Class == reason.Throttled:
		return false
	}
	understood := o.Class != reason.None && o.Class != reason.Other
	return understood || age >= patience
}

// end gives back to a user what he has sent outside and what is not taken there: he is told, and nobody else has to look. All other mail stops.
func (c *Courier) end(capture ledger.Capture, d ledger.Delivery, class reason.Class, why string, now time.Time) ledger.Delivery {
	if capture.Client.User == "" || !d.Required || d.Mailbox != "" || !asked(capture, d, dsn.Failed) {
		return c.stop(d, class, why, now)
	}
	d.Reason, d.Tell = why+"; its sender is told", string(dsn.Failed)
	return enter(d, ledger.Dropped, now, now)
}

// stop ends the attempts, until a person releases the delivery.
func (c *Courier) stop(d ledger.Delivery, class reason.Class, why string, now time.Time) ledger.Delivery {
	d.Reason = why
	if d.Required && class.Quiet() {
		return enter(d, ledger.Quiet, now, now)
	}
	return c.park(d, now)
}

// park holds a required delivery for a person; a best-effort one ends here.
func (c *Courier) park(d ledger.Delivery, now time.Time) ledger.Delivery {
	if !d.Required {
		return enter(d, ledger.Settled, now, now)
	}
	return enter(d, ledger.Held, now, now)
}
