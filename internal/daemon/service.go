package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/systemd"
)

// startControl opens the control socket, last: whoever connects finds everything running.
func (d *Daemon) startControl(context.Context) error {
	peers, err := d.peers()
	if err != nil {
		return err
	}
	if d.control, err = control.Listen(d.cfg.Control.Socket, peers, d); err != nil {
		return err
	}
	d.onStop(d.control.Stop)
	return nil
}

func (d *Daemon) peers() (control.Peers, error) {
	if d.cfg.Control.Group == "" {
		return control.Peers{}, nil
	}
	if !systemd.SeesAllUsers() {
		return control.Peers{}, errors.New("control.group: users cannot be told apart in here (PrivateUsers=yes); the unit file names the drop-in that opens it")
	}
	g, err := user.LookupGroup(d.cfg.Control.Group)
	if err != nil {
		return control.Peers{}, fmt.Errorf("control.group: %w", err)
	}
	id, err := strconv.ParseUint(g.Gid, 10, 32)
	return control.Peers{Group: uint32(id), Named: true}, err
}

// Panicked notes what a request ran into.
func (d *Daemon) Panicked(err error) {
	d.log.WithError(err).Error("a request on the control socket failed inside")
}

// Verify compares the named mailboxes, all if none is named, one after the other. A mailbox that cannot be read does not stop the others; one that rests after a refused login is
// tried once more.
func (d *Daemon) Verify(ctx context.Context, names []string, full bool, yield func(control.Verified) error) error {
	ids, err := d.pick(names)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := d.stores.Insist(ctx, id); err != nil {
			return err
		}
		verify := d.bridge.Verify
		if full {
			verify = d.bridge.VerifyFully
		}
		report, err := verify(ctx, id)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = d.objects.suffice(id, err)
		v := verifiedShape(id, report, err)
		if err == nil {
			v.Error = text(errors.Join(d.verifyCaptures(ctx, id, &v), d.objects.verify(ctx, id, full, &v)))
		}
		if err := yield(v); err != nil {
			return err
		}
	}
	return nil
}

// Backfill brings the named mailboxes up to date, all if none is named, side by side.
func (d *Daemon) Backfill(ctx context.Context, names []string, yield func(control.Backfilled) error) error {
	ids, err := d.pick(names)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	calendars := d.objects.catchUp(ctx, ids)
	err = d.bridge.CatchUp(ctx, ids, func(id cutover.MailboxID, err error) {
		if failed != nil || ctx.Err() != nil {
			return
		}
		err = errors.Join(d.objects.suffice(id, err), calendars(id))
		b := control.Backfilled{Schema: control.BackfillSchema, Mailbox: string(id), At: d.opts.Clock.Now()}
		if err != nil {
			b.Error = err.Error()
		}
		var t ledger.Tally
		if t, err = d.ledger.Tally(ctx, id); err == nil {
			b.Skipped, b.Refused, b.Repaired = t.Items[cutover.Skipped], t.Items[cutover.Refused], t.Repaired
			err = yield(b)
		}
		if err != nil {
			failed = err
			cancel()
		}
	})
	return cmp.Or(failed, err)
}

// Plan tells where the items of the named mailboxes will go, all if none is named, several at a time.
func (d *Daemon) Plan(ctx context.Context, names []string, yield func(control.Planned) error) error {
	ids, err := d.pick(names)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	calendars, err := d.objects.plans(ctx, ids)
	if err != nil {
		return err
	}
	err = d.bridge.Plan(ctx, ids, func(p bridge.Plan, err error) {
		if ctx.Err() != nil {
			return
		}
		p.Folders, err = append(p.Folders, calendars[p.Mailbox].Folders...), errors.Join(d.objects.suffice(p.Mailbox, err), calendars[p.Mailbox].err)
		if err := yield(plannedShape(p, err)); err != nil {
			cancel(err)
		}
	})
	return cmp.Or(context.Cause(ctx), err)
}

func (d *Daemon) pick(names []string) ([]cutover.MailboxID, error) {
	known := map[cutover.MailboxID]bool{}
	var all []cutover.MailboxID
	for _, m := range d.live.Load().mailboxes {
		known[m.ID] = true
		all = append(all, m.ID)
	}
	if len(names) == 0 {
		return all, nil
	}
	var ids []cutover.MailboxID
	for _, name := range names {
		id := cutover.MailboxID(cutover.Address(name).Fold())
		if !known[id] {
			return nil, fmt.Errorf("no mailbox %s in the configuration", name)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func verifiedShape(id cutover.MailboxID, r bridge.Report, err error) control.Verified {
	v := control.Verified{
		Schema: control.VerifySchema, Mailbox: string(id), At: r.At, Equal: r.Equal, Skipped: r.Skipped, Moved: r.Moved, Merged: r.Merged,
		Missing: findings(r.Missing), Extra: findings(r.Extra), Removed: findings(r.Removed), LeftOut: leftOut(r.LeftOut),
		Altered: findings(r.Altered), Bodies: r.Bodies,
	}
	if err != nil {
		v.Error = err.Error()
	}
	return v
}

func leftOut(all []bridge.LeftOut) []control.LeftOut {
	var shown []control.LeftOut
	for _, l := range all {
		shown = append(shown, control.LeftOut{Folder: l.Folder, Keyword: l.Keyword, Messages: l.Items})
	}
	return shown
}

func findings(in []bridge.Finding) []control.Finding {
	out := make([]control.Finding, len(in))
	for i, f := range in {
		out[i] = control.Finding{Folder: f.Folder, Ref: string(f.Ref), MessageID: f.MessageID, Why: f.Why}
	}
	return out
}

func plannedShape(p bridge.Plan, err error) control.Planned {
	shape := control.Planned{Schema: control.PlanSchema, Mailbox: string(p.Mailbox), At: p.At, Folders: make([]control.PlannedFolder, len(p.Folders))}
	for i, f := range p.Folders {
		shape.Folders[i] = control.PlannedFolder{
			Folder: f.Legacy.String(), Skipped: f.Skipped, Items: f.Items, To: f.Cloud.String(), New: f.Cloud != nil && !f.Exists, There: f.There, Renamed: f.Changed, Error: text(f.Err),
		}
		if f.Kind.Objects() {
			shape.Folders[i].Kind = string(f.Kind)
		}
		for _, other := range f.Clash {
			shape.Folders[i].Clash = append(shape.Folders[i].Clash, other.String())
		}
	}
	shape.Error = text(err)
	return shape
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
