package records

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay/reason"
)

// page is how many deliveries one look into the ledger takes.
const page = 500

// unsettled are the states of what waits, for somebody or for something.
var unsettled = []ledger.DeliveryState{ledger.Held, ledger.Due, ledger.Sending, ledger.InDoubt, ledger.Quiet}

// Queued lists deliveries by filter, the oldest capture first. Of captures that are named every required delivery is listed, whatever its state; else those that wait.
func (r *Records) Queued(ctx context.Context, f control.QueueFilter, yield func(control.Queued) error) error {
	for _, name := range f.Classes {
		if !slices.Contains(reason.All(), reason.Class(name)) {
			return fmt.Errorf("no reason %q; there are %s", name, strings.Trim(fmt.Sprint(reason.All()), "[]"))
		}
	}
	filter := ledger.DeliveryFilter{Required: true, From: f.From, To: f.To, Limit: page}
	for _, s := range f.States {
		filter.States = append(filter.States, ledger.DeliveryState(s))
	}
	if f.Older > 0 {
		filter.Captured = r.Now().Add(-f.Older)
	}
	l := listing{r: r, filter: f, yield: yield}
	if len(f.Captures) == 0 {
		if len(filter.States) == 0 {
			filter.States = unsettled
		}
		return l.all(ctx, filter)
	}
	for _, name := range f.Captures {
		c, err := r.capture(ctx, name)
		if err != nil {
			return err
		}
		filter.Capture = c.ID
		if err := l.all(ctx, filter); err != nil {
			return err
		}
	}
	return nil
}

// capture is the one that an ID, the beginning of one, or a Message-ID names.
func (r *Records) capture(ctx context.Context, name string) (ledger.Capture, error) {
	filter := ledger.CaptureFilter{Prefix: strings.ToUpper(name), Limit: 2}
	if strings.Contains(name, "@") {
		filter = ledger.CaptureFilter{MessageID: name, Limit: 2}
	}
	found, err := r.Ledger.FindCaptures(ctx, filter)
	switch {
	case err != nil:
		return ledger.Capture{}, err
	case name == "" || len(found) == 0:
		return ledger.Capture{}, fmt.Errorf("no message %q was captured", name)
	case len(found) > 1:
		return ledger.Capture{}, fmt.Errorf("%q names more than one message: %s, %s", name, found[0].ID, found[1].ID)
	}
	return found[0], nil
}

// listing is one list on its way out.
type listing struct {
	r      *Records
	filter control.QueueFilter
	yield  func(control.Queued) error
	given  int
}

func (l *listing) all(ctx context.Context, f ledger.DeliveryFilter) error {
	for {
		found, err := l.r.Ledger.Deliveries(ctx, f)
		if err != nil {
			return err
		}
		for _, delivery := range found {
			if more, err := l.one(ctx, delivery); err != nil || !more {
				return err
			}
		}
		if len(found) < page {
			return nil
		}
		f.After = found[len(found)-1]
	}
}

// one reports whether more are wanted.
func (l *listing) one(ctx context.Context, delivery ledger.Delivery) (more bool, err error) {
	if l.filter.Limit > 0 && l.given == l.filter.Limit {
		return false, nil
	}
	q, err := l.r.queued(ctx, delivery)
	if err != nil || len(l.filter.Classes) > 0 && !slices.Contains(l.filter.Classes, q.Waiting.Class) {
		return err == nil, err
	}
	l.given++
	return true, l.yield(q)
}

func (r *Records) queued(ctx context.Context, delivery ledger.Delivery) (control.Queued, error) {
	w, err := r.Describe(ctx, delivery)
	return control.Queued{Schema: control.QueuedSchema, Delivery: int64(delivery.ID), Original: string(delivery.Original), Waiting: w, Reply: delivery.Reply}, err
}
