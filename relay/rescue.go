package relay

import (
	"context"
	"fmt"
	"time"

	"posthouse/internal/clock"
	"posthouse/ledger"
)

// Rescue is a way out by SMTP with the mailbox path behind it. What SMTP refuses for a reason that is neither content nor sender, or throttles for too long, is put into
// the mailbox within the same attempt. What is in doubt never is, and neither is a best-effort copy.
//
// A crash between the two leaves one attempt in doubt, and the mailbox is asked as after any other: whichever of the two brought it there, it is found.
type Rescue struct {
	Destination               // by SMTP
	Mailbox     Destination   // puts into the same mailboxes, and looks first
	After       time.Duration // how old a throttled message must be, or would be at the next attempt
	Clock       clock.Clock
}

// Deliver tries SMTP, then the mailbox for those that it may be tried for.
func (r Rescue) Deliver(ctx context.Context, c Consignment) []Outcome {
	outcomes := r.Destination.Deliver(ctx, c)
	if c.Tee || ctx.Err() != nil {
		return outcomes
	}
	var at []int
	rest := c
	rest.Deliveries = nil
	for i, o := range outcomes[:min(len(outcomes), len(c.Deliveries))] {
		if r.helps(c.Capture, c.Deliveries[i], o) {
			at = append(at, i)
			rest.Deliveries = append(rest.Deliveries, c.Deliveries[i])
		}
	}
	if len(at) == 0 {
		return outcomes
	}
	put := r.Mailbox.Deliver(ctx, rest)
	for n, i := range at {
		second := Outcome{Kind: Uncertain, Reply: "no outcome was reported"}
		if n < len(put) {
			second = put[n]
		}
		outcomes[i] = rescued(outcomes[i], second)
	}
	return outcomes
}

// helps reports whether the mailbox may be tried after this outcome.
func (r Rescue) helps(c ledger.Capture, d ledger.Delivery, o Outcome) bool {
	if !d.Required || d.Mailbox == "" || !o.Class.Rescue() {
		return false
	}
	switch {
	case o.Kind == Uncertain, o.Kind == Delivered:
		return false
	case !o.Class.Patient() && (o.Kind == Declined || o.Kind == Unsuitable):
		return true
	}
	return r.Clock.Now().Add(o.Wait).Sub(begun(c, d)) >= r.After
}

// rescued is what both attempts came to. What SMTP refused and the mailbox cannot take just now is tried again, both ways.
func rescued(first, second Outcome) Outcome {
	o := first
	o.First = first.Kind
	switch second.Kind {
	case Delivered, Uncertain:
		o.Kind, o.Seen = second.Kind, second.Seen
		o.Reply = fmt.Sprintf("%s, as SMTP refused it: %s", second.Reply, first.Reply)
		return o
	case Deferred, Unreachable:
		o.Kind, o.Wait = Deferred, max(first.Wait, second.Wait)
	}
	o.Reply = fmt.Sprintf("%s; into the mailbox: %s", first.Reply, second.Reply)
	return o
}
