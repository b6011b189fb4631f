package daemon

import (
	"context"
	"errors"
	"time"

	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay"
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
	held, err := d.records.Waiting(ctx, ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Held}, Limit: heldShown})
	if err != nil {
		return q, err
	}
	others, err := d.records.Waiting(ctx, ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Due, ledger.InDoubt, ledger.Sending}, Limit: shown})
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
	list, err := d.ledger.Deliveries(ctx, late)
	if err != nil {
		return err
	}
	for _, delivery := range list {
		w, err := d.records.Describe(ctx, delivery)
		if err == nil {
			w.Why, err = d.unseenAdvice(ctx, delivery)
		}
		if err != nil {
			return err
		}
		q.Unseen = append(q.Unseen, w)
	}
	return nil
}

// unseenAdvice is what to do about mail that nobody saw, of what would be done.
func (d *Daemon) unseenAdvice(ctx context.Context, delivery ledger.Delivery) (string, error) {
	look := "accepted and not seen in the mailbox: look into quarantine, junk and rules there; "
	err := d.reliedOn(ctx, delivery)
	var not *relay.NotDone
	if errors.As(err, &not) {
		return look + "it " + not.Why + ": " + not.Next, nil
	}
	return look + "when nobody misses it: posthouse queue drop " + string(delivery.Capture), err
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
	without := d.withoutMail()
	for m := range d.objects.progress() {
		mail[string(m)] = (mail[string(m)] || without[m]) && objects[string(m)]
	}
	return mail, err
}
