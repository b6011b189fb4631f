package daemon

import (
	"cmp"
	"context"
	"slices"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

// shown and heldShown are how many deliveries the status lists of those that go on by themselves, and of those that wait for a person.
const (
	shown     = 20
	heldShown = 100
)

// queue tells what was captured and is not settled.
func (d *Daemon) queue(ctx context.Context, now time.Time) (control.Queue, error) {
	backlog, err := d.ledger.Backlog(ctx)
	if err != nil {
		return control.Queue{}, err
	}
	q := control.Queue{
		Due: backlog[ledger.Due], Sending: backlog[ledger.Sending], InDoubt: backlog[ledger.InDoubt],
		Accepted: backlog[ledger.Accepted], Held: backlog[ledger.Held], Quiet: backlog[ledger.Quiet], Settled: backlog[ledger.Settled],
	}
	held, err := d.waiting(ctx, ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Held}, Limit: heldShown})
	if err != nil {
		return q, err
	}
	others, err := d.waiting(ctx, ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Due, ledger.InDoubt, ledger.Sending}, Limit: shown})
	if err != nil {
		return q, err
	}
	q.Waiting = append(held, others...)
	return q, d.unseen(ctx, now, &q)
}

// unseen tells of the deliveries that the cloud accepted too long ago and nobody saw in the mailbox.
func (d *Daemon) unseen(ctx context.Context, now time.Time, q *control.Queue) error {
	late := d.unseenTooLong(now)
	late.Limit = shown
	var err error
	if q.NotSeen, err = d.ledger.CountDeliveries(ctx, late); err != nil {
		return err
	}
	if q.Unseen, err = d.waiting(ctx, late); err != nil {
		return err
	}
	for i := range q.Unseen {
		q.Unseen[i].Why = "accepted and not seen in the mailbox: look into quarantine, junk and rules there; when nobody misses it: posthouse queue drop " + q.Unseen[i].Capture
	}
	return nil
}

// waiting describes deliveries. Best-effort copies wait for nobody: no list shows them.
func (d *Daemon) waiting(ctx context.Context, f ledger.DeliveryFilter) ([]control.Waiting, error) {
	f.Required = true
	list, err := d.ledger.Deliveries(ctx, f)
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
		Why: cmp.Or(delivery.Reason, delivery.Reply), Class: delivery.Class,
	}
	w.Notice = d.notice(w, delivery, d.opts.Clock.Now())
	if delivery.State == ledger.InDoubt && delivery.Reason == "" && delivery.Reply != "" {
		w.Why = "its reply was lost: " + delivery.Reply
	}
	if slices.Contains(unsettled, delivery.State) {
		waitsFor(&w, relay.Why(delivery))
	}
	if d.courier != nil {
		d.foresee(&w, delivery)
	}
	return w, err
}

func waitsFor(w *control.Waiting, c reason.Class) {
	w.Class, w.What, w.Remedy = string(c), c.What(), c.Remedy()
}

// foresee tells what only the courier knows: when a doubt ends, and until when a destination is left alone.
func (d *Daemon) foresee(w *control.Waiting, delivery ledger.Delivery) {
	if delivery.State == ledger.InDoubt {
		w.SentAgain = d.courier.SentAgain(delivery.ID)
	}
	retry := d.courier.Retry(delivery.Destination)
	if delivery.State != ledger.Due || !retry.After(w.Next) {
		return
	}
	w.Next = retry
	if w.Why == "" {
		w.Why = "the destination cannot be reached"
		waitsFor(w, reason.Unreachable)
	}
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
	if work.Missing, err = d.local.Work(ctx); err != nil {
		return work, err
	}
	for _, m := range s.Mailboxes {
		ofMailbox(&work, m, verified[m.Address])
	}
	return work, nil
}

// ofMailbox adds what is open in one mailbox.
func ofMailbox(work *evidence.OpenWork, m control.Mailbox, verified bool) {
	o := m.Objects
	switch {
	case m.Error != "", o != nil && o.Error != "":
		work.Problems.Count++
		work.Problems.Names = append(work.Problems.Names, m.Address)
	case m.Caught.IsZero(), m.Wait != "", o != nil && (o.Caught.IsZero() || o.Wait != ""): // while it waits nobody knows what is new
		work.Undisposed.Count += max(1, m.Total-m.Done+o.Left())
		work.Undisposed.Names = append(work.Undisposed.Names, m.Address)
	case !verified && !m.Gone: // what is gone cannot be verified
		work.Unverified.Count++
		work.Unverified.Names = append(work.Unverified.Names, m.Address)
	}
}

// verified tells of which mailboxes nothing was missing from the cloud not too long ago. What lies there twice is shown, and keeps no old server alive.
func (d *Daemon) verified(ctx context.Context, now time.Time) (map[string]bool, error) {
	list, err := d.ledger.Verifications(ctx)
	mail, objects := map[string]bool{}, map[string]bool{}
	for _, v := range list {
		equal := mail
		if v.Objects {
			equal = objects
		}
		equal[string(v.Mailbox)] = v.Missing == 0 && now.Sub(v.At) < 2*d.verifyEvery()
	}
	for m := range d.objects.progress() {
		mail[string(m)] = mail[string(m)] && objects[string(m)]
	}
	return mail, err
}
