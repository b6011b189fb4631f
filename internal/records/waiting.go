package records

import (
	"cmp"
	"context"
	"slices"
	"time"

	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

// NoticeAfter is how old a wanted message may get undelivered before its sender should be told.
const NoticeAfter = 24 * time.Hour

// Waiting describes deliveries. Best-effort copies wait for nobody: no list shows them.
func (r *Records) Waiting(ctx context.Context, f ledger.DeliveryFilter) ([]control.Waiting, error) {
	f.Required = true
	list, err := r.Ledger.Deliveries(ctx, f)
	if err != nil {
		return nil, err
	}
	all := make([]control.Waiting, len(list))
	for i, delivery := range list {
		if all[i], err = r.Describe(ctx, delivery); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Describe tells of one delivery, what it waits for and what helps.
func (r *Records) Describe(ctx context.Context, delivery ledger.Delivery) (control.Waiting, error) {
	c, err := r.Ledger.Capture(ctx, delivery.Capture)
	w := control.Waiting{
		Capture: string(c.ID), At: c.At, From: c.Envelope.From, To: string(delivery.Recipient), Size: c.Size,
		Destination: delivery.Destination, State: string(delivery.State), Attempts: delivery.Attempts, Next: delivery.Next,
		Why: cmp.Or(delivery.Reason, delivery.Reply), Class: delivery.Class,
	}
	w.Notice = r.notice(w, delivery, r.Now())
	if delivery.State == ledger.InDoubt && delivery.Reason == "" && delivery.Reply != "" {
		w.Why = "its reply was lost: " + delivery.Reply
	}
	if slices.Contains(unsettled, delivery.State) {
		waitsFor(&w, relay.Why(delivery))
	}
	switch {
	case r.Courier != nil:
		r.foresee(&w, delivery)
	case delivery.State == ledger.Sending:
		w.Why = "posthouse ended while it was being sent, or about to be; once it runs the mailbox is asked first"
		waitsFor(&w, reason.Doubt)
	}
	return w, err
}

func waitsFor(w *control.Waiting, c reason.Class) {
	w.Class, w.What, w.Remedy = string(c), c.What(), c.Remedy()
}

// foresee tells what only the courier knows: when a doubt ends, and until when a destination is left alone.
func (r *Records) foresee(w *control.Waiting, delivery ledger.Delivery) {
	if delivery.State == ledger.InDoubt {
		w.SentAgain = r.Courier.SentAgain(delivery.ID)
	}
	retry := r.Courier.Retry(delivery.Destination)
	if delivery.State != ledger.Due || !retry.After(w.Next) {
		return
	}
	w.Next = retry
	if w.Why == "" {
		w.Why = "the destination cannot be reached"
		waitsFor(w, reason.Unreachable)
	}
}

// notice is what the operator can send to the sender of a message that was not delivered for a day; "" before that, and where nobody may be written to.
func (r *Records) notice(w control.Waiting, delivery ledger.Delivery, now time.Time) string {
	if now.Sub(w.At) < NoticeAfter || w.From == "" || delivery.State == ledger.Quiet || delivery.State == ledger.Accepted {
		return ""
	}
	return relay.Notice{
		Sender: w.From, Recipient: string(delivery.Original), Captured: w.At, Class: reason.Class(delivery.Class),
		Held: delivery.State == ledger.Held, Organisation: r.Organisation(),
	}.Text()
}
