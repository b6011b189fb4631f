package daemon

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
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
		Ledger: growing{d.ledger, d.witness, d.canary.Is}, Open: d.stores.Open, Watch: d.stores.Watch, TraceKey: d.traceKey,
		Clock: d.opts.Clock, Log: d.log, Parallel: parallel(d.cfg), Most: mostParallel(d.cfg), Bears: d.stores.Bears, Poll: d.cfg.Bridge.PollInterval,
		Pause: d.real(2 * time.Second), Settle: d.real(d.cfg.Bridge.SettleTime), Saved: filepath.Join(d.cfg.State, "refused"), Rules: d.rules,
	}, nouns(d.live.Load().mailboxes))
	d.local = d.reconciler()
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

// rules are those of a mailbox by the configuration that is in force when the mailbox is begun with: a mailbox that a reload brings has its rules at once.
func (d *Daemon) rules(m cutover.MailboxID) bridge.Rules { return rulesOf(d.live.Load(), m) }

func rulesOf(in *live, m cutover.MailboxID) bridge.Rules {
	c := in.cfg.Bridge
	own := c.Mailboxes[string(m)]
	r := bridge.Rules{Mailbox: m, Skip: folderPaths(c.Skip, own.Skip), Copy: folderPaths(own.Copy), Rename: map[string]string{}, Discard: c.Deleted == config.DeletedTrash, Deletions: c.Deletions}
	for _, names := range []map[string]string{c.Folders, own.Folders} {
		for old, name := range names {
			r.Rename[folderPath(old).Key()] = folderPath(name).Key()
		}
	}
	server := map[cutover.MailboxID]string{}
	for _, box := range in.mailboxes {
		server[box.ID] = box.Legacy.Server
	}
	for _, name := range slices.Sorted(maps.Keys(c.Shared)) {
		tree := c.Shared[name]
		if to := cutover.MailboxID(tree.Mailbox); server[to] == server[m] {
			s := bridge.Shared{From: folderPath(tree.Folder), Mailbox: to}
			if tree.Into != "" {
				s.Into = folderPath(tree.Into)
			}
			r.Shared = append(r.Shared, s)
		}
	}
	return r
}

func folderPaths(lists ...[]string) []cutover.FolderPath {
	var paths []cutover.FolderPath
	for _, name := range slices.Concat(lists...) {
		paths = append(paths, folderPath(name))
	}
	return paths
}

// folderPath reads a folder's name as people write it, with slashes. INBOX is the one name whose case does not matter (RFC 3501 §5.1).
func folderPath(name string) cutover.FolderPath {
	path := cutover.FolderPath(config.FolderLevels(name))
	if strings.EqualFold(path[0], "INBOX") {
		path[0] = "INBOX"
	}
	return path
}

// parallel is how many mailboxes copy at one time in the beginning.
func parallel(c *config.Config) int { return min(c.Bridge.ParallelMailboxes, mostParallel(c)) }

// mostParallel is how many copy at one time at the most: no more than can have a connection each while as many serve questions and deliveries.
func mostParallel(c *config.Config) int {
	var most []int
	for _, s := range c.Servers {
		if s.IMAP != "" {
			most = append(most, max(1, s.MaxConnections/2))
		}
	}
	if len(most) == 0 {
		return c.Bridge.ParallelMailboxes
	}
	return slices.Min(most)
}
