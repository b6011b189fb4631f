package daemon

import (
	"context"
	"time"

	"posthouse/internal/pace"
	"posthouse/relay"
)

func (d *Daemon) startCourier(ctx context.Context) error {
	var err error
	if d.srs, err = rewriter(d.cfg.Relay.SRS); err != nil {
		return err
	}
	d.mx = d.finderOfHosts()
	ways, err := d.destinations()
	if err != nil {
		return err
	}
	d.courier, err = relay.NewCourier(ctx, relay.CourierConfig{
		Ledger: d.ledger, Destinations: ways, Finder: d.ways().Finder(), Askable: d.stores.Askable,
		Retry: pace.Schedule{Steps: d.cfg.Relay.Retry}, HoldAfter: d.cfg.Relay.HoldAfter, SettleTime: d.cfg.Relay.SettleTime,
		Workers: d.cfg.Relay.Workers, Notifications: d.cfg.Relay.Notifications, Attempted: d.attempted, Scan: d.real(time.Second), Pauses: pauses(d),
		Clock: d.opts.Clock, Log: d.log, Alive: d.beat("courier", time.Minute),
	})
	if err != nil {
		return err
	}
	d.records.Courier = d.courier
	if err := d.courier.Start(ctx); err != nil {
		return err
	}
	d.onStop(d.courier.Stop)
	if d.reconciled != nil {
		// Everything due is durably in doubt by now, and the bridge always asks before it puts.
		return d.reconciled(ctx)
	}
	return nil
}

// pauses is how long a destination that cannot be reached is left alone.
func pauses(d *Daemon) pace.Schedule {
	steps := []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute}
	for i := range steps {
		steps[i] = d.real(steps[i])
	}
	return pace.Schedule{Steps: steps}
}
