package daemon

import (
	"cmp"
	"context"
	"errors"

	"posthouse/internal/records"
	"posthouse/ledger"
	"posthouse/relay"
)

// page is how many deliveries one look into the ledger takes.
const page = 500

// tellSenders tells senders what they are to be told: what the ledger has noted, and that mail waits for a day.
func (d *Daemon) tellSenders(ctx context.Context) error {
	late := ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Due, ledger.Held}, Required: true, Untold: true, Captured: d.opts.Clock.Now().Add(-records.NoticeAfter), Limit: page}
	errLate := d.forEach(ctx, late, func(delivery ledger.Delivery) error { return d.intake.Late(ctx, delivery, d.cfg.Relay.Notifications) })
	live := d.live.Load()
	by := relay.Teller{Hostname: d.hostname(), Organisation: live.cfg.Organisation, Postmaster: "postmaster@" + cmp.Or(append(live.cfg.Domains, "")[0], d.hostname())}
	errTold := d.forEach(ctx, ledger.DeliveryFilter{ToTell: true, Limit: page}, func(delivery ledger.Delivery) error { return d.intake.Notify(ctx, delivery, by) })
	return errors.Join(errLate, errTold)
}

// forEach goes through deliveries page by page. One that fails stops no other; the first error is returned.
func (d *Daemon) forEach(ctx context.Context, f ledger.DeliveryFilter, do func(ledger.Delivery) error) (first error) {
	for {
		found, err := d.ledger.Deliveries(ctx, f)
		if err != nil {
			return err
		}
		for _, delivery := range found {
			if err := do(delivery); err != nil && first == nil {
				first = err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if len(found) < f.Limit {
			return first
		}
		f.After = found[len(found)-1]
	}
}
