package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/config"
	"posthouse/cutover"
	"posthouse/ledger"
)

type verification = ledger.Verification

func (d *Daemon) startBridge(context.Context) error {
	d.bridge = bridge.New(bridge.Config{
		Ledger: d.ledger, Open: d.stores.open, Watch: d.stores.watch, TraceKey: d.traceKey, Observe: d.witness.observe,
		Clock: d.opts.Clock, Log: d.log, Parallel: parallel(d.cfg), Poll: d.cfg.Bridge.PollInterval,
		Pause: d.real(2 * time.Second), Settle: d.real(d.cfg.Bridge.SettleTime), Saved: filepath.Join(d.cfg.State, "refused"), Rules: rules(d.cfg.Bridge),
	}, nouns(d.live.Load().mailboxes))
	if !d.opts.CopyOnly {
		d.bridge.Start()
	}
	d.onStop(func(ctx context.Context) error {
		err := d.bridge.Stop(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			d.log.Warn("the bridge did not stop in time; what it was putting is asked for at the next start")
		}
		return err
	})
	return nil
}

func rules(c config.Bridge) bridge.Rules {
	r := bridge.Rules{Rename: map[string]string{}}
	for _, pattern := range c.Skip {
		r.Skip = append(r.Skip, folderPath(pattern))
	}
	for old, name := range c.Folders {
		r.Rename[folderPath(old).Key()] = folderPath(name).Key()
	}
	return r
}

// folderPath reads a folder's name as people write it, with slashes. INBOX is the one name whose case does not matter (RFC 3501 §5.1).
func folderPath(name string) cutover.FolderPath {
	path := cutover.FolderPath(strings.Split(name, "/"))
	if strings.EqualFold(path[0], "INBOX") {
		path[0] = "INBOX"
	}
	return path
}
