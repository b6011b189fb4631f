package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/relay"
)

// live is what a reload replaces, as one value, so that nobody sees half of it.
type live struct {
	cfg       *config.Config // only its live keys are in force
	mailboxes []mailbox
	kinds     []cutover.Mailbox
	directory *relay.Directory
	at        time.Time
}

func newLive(cfg *config.Config, boxes []mailbox, at time.Time) *live {
	return &live{cfg: cfg, mailboxes: boxes, kinds: kinds(boxes), directory: directory(cfg, boxes), at: at}
}

// Reload takes over what may change while we run: the directory of addresses, homes, passwords, new mailboxes, certificates, and the verdict's policy. It returns every difference: to
// the last configuration for keys that are live, to that of the start for those that wait for a restart. Mailboxes that rest after a failure try again; after a refused login only with
// another password. Nothing changes when it returns an error.
func (d *Daemon) Reload(_ context.Context, next *config.Config) ([]config.Change, error) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	boxes, err := d.settled(next)
	if err != nil {
		return nil, err
	}
	useCertificates, err := d.readIdentities()
	if err != nil {
		return nil, fmt.Errorf("reload: %w", err)
	}
	changes := d.changes(next)
	in := newLive(next, boxes, d.opts.Clock.Now())
	d.live.Store(in)
	d.intake.SetDirectory(in.directory)
	d.addAccounts(boxes)
	d.bridge.Add(nouns(boxes))
	d.bridge.Retry()
	d.objects.bridge.Add(withDAV(d.cfg, boxes))
	d.objects.bridge.Retry()
	d.witness.Switched(next.Verdict.MXSwitched)
	if err := useCertificates(); err != nil {
		return changes, err
	}
	d.refusal.Store(nil)
	return changes, nil
}

// Refused keeps for the status that the files were read again and could not be taken over; the next Reload that succeeds ends it.
func (d *Daemon) Refused(errors int, first string) {
	d.refusal.Store(&control.Refused{At: d.opts.Clock.Now(), Errors: errors, First: first})
}

// settled are the next configuration's mailboxes. Those that are known stay on the accounts they have; new ones must lie on servers that are in use.
func (d *Daemon) settled(next *config.Config) ([]mailbox, error) {
	boxes, err := mailboxes(next)
	if err != nil {
		return nil, err
	}
	accounts := map[cutover.MailboxID]cutover.Mailbox{}
	for _, m := range d.live.Load().mailboxes {
		accounts[m.ID] = m.Mailbox
	}
	for i, m := range boxes {
		if was, known := accounts[m.ID]; known {
			boxes[i].Legacy, boxes[i].Cloud = was.Legacy, was.Cloud
			continue
		}
		for _, a := range []cutover.Account{m.Legacy, m.Cloud} {
			if _, known := d.cfg.Servers[a.Server]; a.Server != "" && !known {
				return nil, fmt.Errorf("reload: mailbox %s lies on server %q, which is used from the next start on", m.ID, a.Server)
			}
		}
	}
	return boxes, nil
}

func (d *Daemon) changes(next *config.Config) []config.Change {
	waiting := slices.DeleteFunc(config.Diff(d.cfg, next), func(c config.Change) bool { return c.Live })
	applied := slices.DeleteFunc(config.Diff(d.live.Load().cfg, next), func(c config.Change) bool { return !c.Live })
	return append(applied, waiting...)
}
