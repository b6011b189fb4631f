package daemon

import (
	"cmp"
	"context"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/ledger"
)

// shown is how many waiting deliveries the status lists.
const shown = 20

// queue tells what was captured and is not settled.
func (d *Daemon) queue(ctx context.Context, now time.Time) (control.Queue, error) {
	backlog, err := d.ledger.Backlog(ctx)
	if err != nil {
		return control.Queue{}, err
	}
	q := control.Queue{
		Due: backlog[ledger.Due], Sending: backlog[ledger.Sending], InDoubt: backlog[ledger.InDoubt],
		Accepted: backlog[ledger.Accepted], Held: backlog[ledger.Held], Settled: backlog[ledger.Settled],
	}
	if q.Waiting, err = d.waiting(ctx, shown, ledger.Due, ledger.InDoubt, ledger.Sending, ledger.Held); err != nil {
		return q, err
	}
	q.Unseen, err = d.unseen(ctx, now)
	return q, err
}

// unseen are the deliveries that the cloud accepted too long ago and nobody saw in the mailbox.
func (d *Daemon) unseen(ctx context.Context, now time.Time) ([]control.Waiting, error) {
	accepted, err := d.ledger.Deliveries(ctx, ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Accepted}, Limit: 1000})
	if err != nil {
		return nil, err
	}
	var all []control.Waiting
	for _, delivery := range accepted {
		if now.Sub(delivery.Since) <= d.cfg.Relay.SeenWithin || len(all) == shown {
			continue
		}
		w, err := d.describe(ctx, delivery)
		if err != nil {
			return nil, err
		}
		w.Why = "accepted and not seen in the mailbox: look into quarantine, junk and rules there"
		all = append(all, w)
	}
	return all, nil
}

func (d *Daemon) waiting(ctx context.Context, limit int, states ...ledger.DeliveryState) ([]control.Waiting, error) {
	list, err := d.ledger.Deliveries(ctx, ledger.DeliveryFilter{States: states, Limit: limit})
	if err != nil {
		return nil, err
	}
	all := make([]control.Waiting, len(list))
	for i, delivery := range list {
		if all[i], err = d.describe(ctx, delivery); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (d *Daemon) describe(ctx context.Context, delivery ledger.Delivery) (control.Waiting, error) {
	c, err := d.ledger.Capture(ctx, delivery.Capture)
	w := control.Waiting{
		Capture: string(c.ID), At: c.At, From: c.Envelope.From, To: string(delivery.Recipient), Size: c.Size,
		Destination: delivery.Destination, State: string(delivery.State), Attempts: delivery.Attempts, Next: delivery.Next,
		Why: cmp.Or(delivery.Reason, delivery.Reply),
	}
	if d.courier == nil {
		return w, err
	}
	if retry := d.courier.Retry(delivery.Destination); delivery.State == ledger.Due && retry.After(w.Next) {
		w.Next, w.Why = retry, cmp.Or(w.Why, "the destination cannot be reached")
	}
	return w, err
}

// openWork is what keeps any verdict from being ready.
func (d *Daemon) openWork(ctx context.Context, now time.Time, s control.Status) (evidence.OpenWork, error) {
	work := evidence.OpenWork{At: now}
	work.Unsettled.Count = s.Queue.Due + s.Queue.Sending + s.Queue.InDoubt + s.Queue.Accepted
	work.Held.Count = s.Queue.Held
	for _, w := range s.Queue.Waiting {
		of := &work.Unsettled
		if w.State == string(ledger.Held) {
			of = &work.Held
		}
		if of.Since.IsZero() || w.At.Before(of.Since) {
			of.Since = w.At
		}
		of.Names = append(of.Names, w.Capture)
	}
	verified, err := d.verified(ctx, now)
	if err != nil {
		return work, err
	}
	for _, m := range s.Mailboxes {
		switch {
		case m.Error != "":
			work.Problems.Count++
			work.Problems.Names = append(work.Problems.Names, m.Address)
		case m.Caught.IsZero():
			work.Undisposed.Count += max(1, m.Total-m.Done)
			work.Undisposed.Names = append(work.Undisposed.Names, m.Address)
		case !verified[m.Address]:
			work.Unverified.Count++
			work.Unverified.Names = append(work.Unverified.Names, m.Address)
		}
	}
	return work, nil
}

// verified tells of which mailboxes nothing was missing from the cloud not too long ago. What lies there twice is shown, and keeps no old server alive.
func (d *Daemon) verified(ctx context.Context, now time.Time) (map[string]bool, error) {
	list, err := d.ledger.Verifications(ctx)
	equal := map[string]bool{}
	for _, v := range list {
		equal[string(v.Mailbox)] = v.Missing == 0 && now.Sub(v.At) < 2*d.verifyEvery()
	}
	return equal, err
}
