package daemon

import (
	"context"
	"time"

	"posthouse/bridge/writers"
	"posthouse/internal/control"
)

// oldMailTries and newSideEvery are the time between two looks whether there is something to read, on the old side and in the cloud.
const (
	oldMailTries = 5 * time.Minute
	newSideEvery = 30 * time.Minute
)

func (d *Daemon) writers() writers.Config {
	return writers.Config{
		Bridge: d.bridge, Witness: d.witness, Facts: d.ledger, Askable: d.stores.Askable,
		Switched: func() time.Time { return d.switched(d.witness.Snapshot()).Switched() }, Domains: func() []string { return d.live.Load().cfg.Domains }, Ours: d.canary.Is,
		Clock: d.opts.Clock, Log: d.log,
	}
}

// startOldMail brings back what was found by former processes.
func (d *Daemon) startOldMail(ctx context.Context) (err error) {
	d.oldMail, err = writers.OpenPast(ctx, d.writers())
	return err
}

// past tells how far the old mailboxes were read.
func (d *Daemon) past() control.Past {
	if d.oldMail == nil { // of a daemon that only copies
		return control.Past{}
	}
	return control.Past(d.oldMail.State())
}
