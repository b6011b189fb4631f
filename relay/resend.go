package relay

import (
	"context"
	"errors"
	"fmt"
	"io"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// resend sends what was settled or dropped once more, on a person's word. The second copy is a message of its own, with its own trace, for whatever knows the first would take the second for it: it
// is asked for, found and settled by itself. It is stored as held and let go in the change that notes it in both histories, so that nothing leaves that is not told of.
func (c *Courier) resend(ctx context.Context, deed Deed, id ledger.DeliveryID) Done {
	first, err := c.cfg.Ledger.Delivery(ctx, id)
	if err != nil {
		return Done{Err: err}
	}
	if err := repeatable(first); err != nil {
		return Done{first, err}
	}
	to, err := deed.To(first)
	if err != nil {
		return Done{first, err}
	}
	if _, known := c.cfg.Destinations[to.Destination]; !known {
		return Done{first, &NotDone{Why: fmt.Sprintf("there is no destination %q", to.Destination), Next: "posthouse queue resend --help"}}
	}
	second, err := deed.Copy(ctx, first, to)
	if err != nil {
		return Done{first, err}
	}
	now := c.cfg.Clock.Now()
	first.Since = now
	second.State, second.Reason, second.Since, second.Next = ledger.Due, "", now, now
	deed.Why = fmt.Sprintf("%s as %s", first.Capture, second.Capture)
	if err := c.cfg.Ledger.Act(ctx, deed.note(), first, second); err != nil {
		return Done{second, err}
	}
	c.tell(deed, []ledger.Delivery{second})
	return Done{Delivery: second}
}

// repeatable is nil for what has come to its end. The rest goes on by other deeds.
func repeatable(d ledger.Delivery) error {
	id := string(d.Capture)
	switch {
	case !d.Required:
		return &NotDone{Why: "is a copy for the old server: nobody waits for it", Next: "posthouse trace " + id}
	case d.State == ledger.Settled, d.State == ledger.Accepted, d.State == ledger.Dropped:
		return nil
	case d.State == ledger.Held, d.State == ledger.Quiet:
		return &NotDone{Why: "was not sent yet: it is " + string(d.State), Next: "posthouse queue release " + id}
	}
	return &NotDone{Why: "is on its way still: it is " + string(d.State), Next: "posthouse queue show " + id}
}

// SendAgain stores a captured message as a new one that leads to one recipient and is held. Its sender is not told what becomes of it: it heard of the first.
func (in *Intake) SendAgain(ctx context.Context, hostname string, of ledger.Delivery, to Target) (ledger.Delivery, error) {
	c, err := in.cfg.Ledger.Capture(ctx, of.Capture)
	if err != nil {
		return of, err
	}
	body, err := in.cfg.Ledger.OpenBody(ctx, c.ID)
	if errors.Is(err, ledger.ErrNotFound) {
		return of, pruned(of)
	}
	if err != nil {
		return of, err
	}
	defer body.Close()
	env := c.Envelope
	env.Recipients = []ledger.Recipient{addressee(c, of, to)}
	a, err := in.Begin(ctx, Peer{Listener: c.Listener, Hostname: hostname, Route: c.Route, Protocol: "local", Client: c.Client}, env)
	if err != nil {
		return of, err
	}
	defer a.Abort()
	if _, err := io.Copy(a, body); err != nil {
		return of, fmt.Errorf("copying message %s: %w", c.ID, err)
	}
	second := a.capture()
	if second.Size != c.Size || second.Digest != c.Digest || !c.Sum.IsZero() && second.Sum != c.Sum {
		return of, fmt.Errorf("message %s is not what it was when it came", c.ID)
	}
	// It repeats no transaction, and is what the first was.
	second.Repeat, second.Identity, second.Cut = cutover.Digest{}, c.Identity, c.Cut
	planned := to.of(ledger.Delivery{
		Original: env.Recipients[0].Address, Required: true, State: ledger.Held, Since: a.at, Next: a.at,
		Reason: "to be sent in place of " + string(c.ID) + " once more; the service ended before",
	})
	stored, err := a.body.Commit(ctx, second, []ledger.Delivery{planned}, evidence.Observation{})
	if err != nil {
		return of, fmt.Errorf("storing message %s once more: %w", c.ID, err)
	}
	return stored[0], nil
}

// addressee is whom the second copy is for, as the sender wrote it unless it goes to somebody else.
func addressee(c ledger.Capture, of ledger.Delivery, to Target) ledger.Recipient {
	r := ledger.Recipient{Address: to.Recipient, Notify: "NEVER"}
	if to.Recipient != of.Recipient {
		return r
	}
	r.Address = of.Original
	for _, as := range c.Envelope.Recipients {
		if as.Address == of.Original {
			r.ORcpt = as.ORcpt
		}
	}
	return r
}

// pruned says what is left of a message whose body is gone.
func pruned(d ledger.Delivery) error {
	why := "is kept no more, its retention is over: take it from where it was seen, or ask its sender for it"
	if d.State == ledger.Dropped {
		why = "is kept no more, its retention is over: " + d.Reason
	}
	return &NotDone{Why: why, Next: "posthouse trace " + string(d.Capture)}
}
