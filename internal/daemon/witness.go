package daemon

import (
	"context"

	"posthouse/bridge"
	"posthouse/config"
	"posthouse/evidence"
	"posthouse/evidence/witness"
)

func (d *Daemon) startWitness(ctx context.Context) (err error) {
	now := d.opts.Clock.Now()
	lately := now.Add(-crowdWithin)
	cfg := witness.Config{Ledger: d.ledger, Continuous: bridge.GrowthSource, Ours: d.canary.Is, Told: d.observed}
	d.witness, err = witness.Open(ctx, cfg, now, func(o evidence.Observation) {
		// What a listener of ours took by a client's name, and not a user's.
		if l, ours := d.cfg.Listeners[o.Source]; ours && l.Role != config.RoleSubmission && o.At.After(lately) && o.Message != "" && o.Client.IsValid() {
			d.crowds.saw(o.Client, o.Sender, o.At)
		}
	})
	if err != nil {
		return err
	}
	d.witness.Switched(d.cfg.Verdict.MXSwitched)
	return d.loadAccepted(ctx)
}
