package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

type verification = ledger.Verification

// lostPut is how long a cloud folder must stand still before a put whose reply was lost counts as not made: servers go on reading what was sent to them.
const lostPut = 10 * time.Second

func (d *Daemon) startBridge(context.Context) error {
	d.bridge = bridge.New(bridge.Config{
		Ledger: d.ledger, Open: d.stores.open, Watch: d.stores.watch, TraceKey: d.traceKey, Observe: d.witness.observe,
		Clock: d.opts.Clock, Log: d.log, Parallel: d.cfg.Bridge.ParallelMailboxes, Poll: d.cfg.Bridge.PollInterval,
		Pause: d.real(2 * time.Second), Settle: d.real(lostPut), Saved: filepath.Join(d.cfg.State, "refused"), Rules: rules(d),
	}, nouns(d.mailboxes))
	d.bridge.Start()
	d.onStop(func(ctx context.Context) error {
		err := d.bridge.Stop(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			d.log.Warn("the bridge did not stop in time; what it was putting is asked for at the next start")
		}
		return err
	})
	return nil
}

func rules(d *Daemon) bridge.Rules {
	r := bridge.Rules{Skip: d.cfg.Bridge.Skip, Rename: map[string]string{}}
	for old, name := range d.cfg.Bridge.Folders {
		r.Rename[folderKey(old)] = folderKey(name)
	}
	return r
}

// folderKey reads a folder name as people write it, with slashes.
func folderKey(name string) string { return cutover.FolderPath(strings.Split(name, "/")).Key() }
