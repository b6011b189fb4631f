package relay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Deed is what a person does with deliveries.
type Deed struct {
	Do     Verb
	By     string                                                      // who, for the history
	Why    string                                                      // of a hold, for people; of a drop, for the sender who is told; may be empty
	Notify bool                                                        // of a drop: the sender is told
	To     func(ledger.Delivery) (Target, error)                       // of a move: where it goes instead; of a second copy: where that goes
	Keep   func(context.Context, ledger.Delivery) (at string, _ error) // of a drop: the copy, on stable storage when it returns
	Unseen time.Duration                                               // of a drop: for how long what was accepted must not have been seen in its mailbox; 0: it is not dropped
	// Copy stores a second copy, held, and returns its delivery.
	Copy func(context.Context, ledger.Delivery, Target) (ledger.Delivery, error)
}

// Verb names a deed.
type Verb string

const (
	Hold    Verb = "hold"    // it waits for a person
	Release Verb = "release" // what was held goes on: it is sent, or asked for where it may have arrived
	Retry   Verb = "retry"   // what waits for its next attempt is attempted now
	Move    Verb = "move"    // it goes to another recipient, or another way
	Drop    Verb = "drop"    // it is given up
	Resend  Verb = "resend"  // a second copy of what was sent or given up is sent
)

// Target is where a delivery leads.
type Target struct {
	Recipient   cutover.Address
	Mailbox     cutover.MailboxID
	Side        cutover.Side
	Destination string
}

// Done is what came of a deed for one delivery: how it stands now, and why nothing was done.
type Done struct {
	Delivery ledger.Delivery
	Err      error
}

// NotDone is a deed that would do harm, or would do nothing.
type NotDone struct {
	Why  string
	Next string // what to do instead
}

func (e *NotDone) Error() string { return e.Why }

// Act does a deed to deliveries and tells of each, in order. What is being attempted or asked for at this moment is left alone; what is Sending and waits for its
// turn is not. A deed is durable, with its step of the history, before
// it takes effect: from the moment at which a delivery is taken in hand until then no attempt can begin. One Act runs at a time, between Start and Stop, which waits for it.
func (c *Courier) Act(ctx context.Context, deed Deed, ids []ledger.DeliveryID) []Done {
	all := make([]Done, len(ids))
	if !c.begin() {
		for i := range all {
			all[i].Err = errStopping
		}
		return all
	}
	defer c.work.Done()
	c.hand <- struct{}{}
	defer func() { <-c.hand }()
	defer c.Hint() // when all are free again: a scan passes over what is in hand
	c.withdraw(ids)
	var changed []ledger.Delivery
	var at []int
	for i, id := range ids {
		if slices.Contains(ids[:i], id) || !c.take(ctx, id) {
			all[i] = Done{Err: busyNow}
			all[i].Delivery, _ = c.cfg.Ledger.Delivery(ctx, id)
			continue
		}
		defer c.free([]ledger.Delivery{{ID: id}})
		if deed.Do == Resend {
			all[i] = c.resend(ctx, deed, id)
			continue
		}
		if all[i] = c.do(ctx, deed, id, changed); all[i].Err == nil {
			changed, at = append(changed, all[i].Delivery), append(at, i)
		}
	}
	if len(changed) == 0 {
		return all
	}
	if err := c.cfg.Ledger.Act(ctx, deed.note(), changed...); err != nil {
		for _, i := range at {
			all[i].Err = err
		}
		return all
	}
	c.forgetAnswers(changed)
	c.noteDoubts(changed)
	c.tell(deed, changed)
	return all
}

// errStopping: a deed that comes too late is not done.
var errStopping = &NotDone{Why: "the service is being stopped", Next: "try again when it runs"}

var busyNow = &NotDone{Why: "is being sent or asked for at this moment", Next: "try again in a minute"}

// take takes a delivery in hand, unless it is being attempted or asked for. Nobody does either with what is held, quiet or settled: whoever has it at this moment has just made it so, and lets go.
func (c *Courier) take(ctx context.Context, id ledger.DeliveryID) bool {
	if c.seize(id, false) {
		return true
	}
	d, err := c.cfg.Ledger.Delivery(ctx, id)
	return err == nil && slices.Contains(atRest, d.State) && c.seize(id, true)
}

// atRest are the states of deliveries that nobody attempts or asks for.
var atRest = []ledger.DeliveryState{ledger.Held, ledger.Quiet, ledger.Settled}

// seize makes a delivery busy, at once or as soon as it is free.
func (c *Courier) seize(id ledger.DeliveryID, wait bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.busy[id] {
		if !wait {
			return false
		}
		c.idle.Wait()
	}
	c.busy[id] = true
	return true
}

// do reads the delivery, now that nobody else changes it, and says how it will stand. before are those that the deed has changed already.
func (c *Courier) do(ctx context.Context, deed Deed, id ledger.DeliveryID, before []ledger.Delivery) Done {
	d, err := c.cfg.Ledger.Delivery(ctx, id)
	if err != nil {
		return Done{Err: err}
	}
	h := hand{deed: deed, now: c.cfg.Clock.Now()}
	if d.State == ledger.Held {
		if h.doubted, err = c.doubted(ctx, d); err != nil {
			return Done{d, err}
		}
	}
	if err := h.allowed(d); err != nil {
		return Done{d, err}
	}
	switch deed.Do {
	case Move:
		if h.to, err = c.target(ctx, h, d, before); err != nil {
			return Done{d, err}
		}
	case Drop:
		if h.tell, err = c.telling(ctx, deed, d); err != nil {
			return Done{d, err}
		}
		if h.copy, err = deed.Keep(ctx, d); err != nil {
			return Done{d, fmt.Errorf("nothing was dropped: keeping a copy: %w", err)}
		}
	}
	return Done{Delivery: h.done(d)}
}

// doubted reports whether a held delivery was in doubt before: then it may have arrived.
func (c *Courier) doubted(ctx context.Context, d ledger.Delivery) (bool, error) {
	events, err := c.cfg.Ledger.History(ctx, d.Capture)
	doubted := false
	for _, e := range events {
		if e.Delivery == d.ID && e.State != ledger.Held {
			doubted = e.State == ledger.InDoubt
		}
	}
	return doubted, err
}

// target is where a delivery is moved to. Nobody gets a second one of the same capture.
func (c *Courier) target(ctx context.Context, h hand, d ledger.Delivery, before []ledger.Delivery) (Target, error) {
	to, err := h.deed.To(d)
	if err != nil {
		return to, err
	}
	others, err := c.cfg.Ledger.Deliveries(ctx, ledger.DeliveryFilter{Capture: d.Capture})
	if err != nil {
		return to, err
	}
	if _, known := c.cfg.Destinations[to.Destination]; !known {
		return to, &NotDone{Why: fmt.Sprintf("there is no destination %q", to.Destination), Next: "posthouse queue move --help"}
	}
	moved := to.of(d)
	if h.doubted && (targetOf(moved) != targetOf(d) || moved.Side != d.Side) {
		return to, &NotDone{Why: fmt.Sprintf("%s may have it already: look there", d.Recipient), Next: "posthouse queue release " + string(d.Capture)}
	}
	for _, other := range append(others, before...) {
		if other.ID != d.ID && other.Capture == d.Capture && other.State != ledger.Dropped && targetOf(other) == targetOf(moved) && (other.Required || other.Side == to.Side) {
			return to, &NotDone{Why: fmt.Sprintf("%s has a delivery of this message already, which is %s", to.Recipient, other.State), Next: "posthouse trace " + string(d.Capture)}
		}
	}
	return to, nil
}

// of is the delivery, led to the target.
func (t Target) of(d ledger.Delivery) ledger.Delivery {
	d.Recipient, d.Mailbox, d.Side, d.Destination = t.Recipient, t.Mailbox, t.Side, t.Destination
	return d
}

// hand is one deed to one delivery: pure.
type hand struct {
	deed    Deed
	now     time.Time
	doubted bool   // the delivery may have arrived
	to      Target // of a move
	copy    string // of a drop: where it lies
	tell    string // of a drop: what its sender is told
}

// allowed is nil where the deed can be done to a delivery as it stands. What somebody has, or may have, is never sent again.
func (h hand) allowed(d ledger.Delivery) error {
	trace := "posthouse trace " + string(d.Capture)
	export := "posthouse queue export " + string(d.Capture)
	switch {
	case !d.Required:
		return &NotDone{Why: "is a copy for the old server: nobody waits for it", Next: trace}
	case d.State == ledger.Sending:
		return busyNow
	case d.State == ledger.Settled && d.Seen != "":
		return &NotDone{Why: "has arrived: " + d.Seen, Next: export}
	case d.State == ledger.Settled:
		return &NotDone{Why: "was accepted by " + d.Destination + ": " + d.Reply, Next: export}
	case d.State == ledger.Accepted && h.missed(d):
		if h.deed.Notify { // who has it in his quarantine has it
			return &NotDone{Why: "was accepted by " + d.Destination + ": its sender cannot be told that it was not delivered", Next: "posthouse queue drop " + string(d.Capture)}
		}
	case d.State == ledger.Accepted:
		return &NotDone{Why: "was accepted by " + d.Destination + " and is looked for in the mailbox: look into quarantine, junk and rules there", Next: export}
	case d.State == ledger.Dropped:
		return &NotDone{Why: d.Reason, Next: trace}
	case d.State == ledger.InDoubt && h.deed.Do != Hold:
		return &NotDone{Why: "may have arrived: the mailbox is asked, and it is sent again by itself if it is not there", Next: trace}
	case d.State == ledger.Held && h.deed.Do == Hold:
		return &NotDone{Why: "is held already: " + d.Reason, Next: "posthouse queue show " + string(d.Capture)}
	case d.State == ledger.Held && h.deed.Do == Retry:
		return &NotDone{Why: "is held: " + d.Reason, Next: "posthouse queue release " + string(d.Capture)}
	case d.State == ledger.Quiet && (h.deed.Do == Hold || h.deed.Do == Retry):
		return &NotDone{Why: "is kept and goes nowhere: " + d.Reason, Next: "posthouse queue release " + string(d.Capture)}
	case d.State == ledger.Due && h.deed.Do == Release:
		return &NotDone{Why: "is not held: it is tried again by itself", Next: "posthouse queue retry " + string(d.Capture)}
	case h.deed.Do == Release && d.Destination == "":
		return &NotDone{Why: "leads nowhere: " + d.Reason, Next: "posthouse queue move " + string(d.Capture) + " --recipient ADDRESS"}
	}
	return nil
}

// missed tells whether what was accepted may be given up: it had its time to show up, and a person says that nobody waits for it (a rule of the cloud threw it away, its owner deleted it at once).
func (h hand) missed(d ledger.Delivery) bool {
	return h.deed.Do == Drop && h.deed.Unseen > 0 && h.now.Sub(d.Since) >= h.deed.Unseen
}

// done is the delivery after the deed. What goes on is tried as if it were new, though behind mail that never was.
func (h hand) done(d ledger.Delivery) ledger.Delivery {
	d.Since, d.Next = h.now, h.now
	switch h.deed.Do {
	case Hold:
		d.State, d.Reason = ledger.Held, h.deed.note()
		return d
	case Drop:
		d.State, d.Reason, d.Tell = ledger.Dropped, h.deed.note()+"; its copy is "+h.copy, h.tell
		if h.deed.Notify {
			d.Reason += promise(h.tell)
		}
		return d
	case Move:
		d = h.to.of(d)
	}
	d.State, d.Reason, d.Class = ledger.Due, "", ""
	if h.doubted {
		d.State = ledger.InDoubt
	}
	if h.deed.Do != Retry {
		d.Attempts, d.Released = min(d.Attempts, 1), h.now
	}
	return d
}

// note is the deed as the history has it.
func (d Deed) note() string {
	text := map[Verb]string{Hold: "held", Release: "released", Retry: "tried again", Move: "moved", Drop: "dropped", Resend: "sent again"}[d.Do] + " by " + d.By
	if d.Why != "" {
		text += ": " + d.Why
	}
	return text
}

// tell logs what was done, and lets a destination that is to be tried again be tried at once.
func (c *Courier) tell(deed Deed, changed []ledger.Delivery) {
	for _, d := range changed {
		c.cfg.Log.WithFields(logrus.Fields{
			"capture": d.Capture, "to": d.Recipient, "original": d.Original, "destination": d.Destination, "state": d.State,
		}).Info("delivery " + deed.note())
		if d.State == ledger.Due {
			c.lane(d.Destination).breaker.Hint()
		}
	}
}
