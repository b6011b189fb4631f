package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/control"
)

// objectKinds are what the second bridge holds. It shares ledger, rules and passwords with the one for mail, and nothing else: neither waits for the other's servers.
var objectKinds = []cutover.FolderKind{cutover.Calendar, cutover.Contacts}

// objects are calendars and address books: a bridge for them.
type objects struct {
	d      *Daemon
	bridge *bridge.Bridge
}

// startObjects begins with those mailboxes both of whose sides have calendars. Without any it costs nothing.
func (d *Daemon) startObjects(context.Context) error {
	o := &objects{d: d}
	d.objects = o
	o.bridge = bridge.New(bridge.Config{
		Ledger: growing{d.ledger, d.witness, d.canary.Is}, Kinds: objectKinds, Open: d.stores.OpenObjects, TraceKey: d.traceKey,
		Clock: d.opts.Clock, Log: d.log, Parallel: parallel(d.cfg), Most: mostParallel(d.cfg), Bears: d.stores.Bears, Poll: d.cfg.Bridge.CalendarPoll,
		Pause: d.real(2 * time.Second), Settle: d.real(d.cfg.Bridge.SettleTime), Saved: filepath.Join(d.cfg.State, "refused"), Rules: o.rules,
	}, withDAV(d.cfg, d.live.Load().mailboxes))
	if !d.opts.CopyOnly {
		o.bridge.Start()
	}
	d.onStop(func(ctx context.Context) error {
		err := o.bridge.Stop(ctx)
		d.stores.CloseIdle()
		return err
	})
	return nil
}

// rules are the mailbox's. What an export lacks may be written yet: nothing is deleted for that.
func (o *objects) rules(m cutover.MailboxID) bridge.Rules {
	r := o.d.rules(m)
	for _, box := range o.d.live.Load().mailboxes {
		if box.ID == m && strings.HasPrefix(o.d.cfg.Servers[box.Legacy.Server].DAV, config.DAVFiles) {
			r.Deletions = 0
		}
	}
	return r
}

// withDAV are the mailboxes whose calendars and address books can be reached on both sides.
func withDAV(cfg *config.Config, all []mailbox) []cutover.Mailbox {
	var some []cutover.Mailbox
	for _, m := range all {
		if cfg.HasDAV(m.line) {
			some = append(some, m.Mailbox)
		}
	}
	return some
}

// withoutMail are the mailboxes that have calendars and address books alone: that no mail is followed there is no trouble.
func (d *Daemon) withoutMail() map[cutover.MailboxID]bool {
	some := map[cutover.MailboxID]bool{}
	for _, m := range d.live.Load().mailboxes {
		some[m.ID] = d.cfg.DAVAlone(m.line)
	}
	return some
}

// progress are those mailboxes' calendars and address books, by mailbox.
func (o *objects) progress() map[cutover.MailboxID]*control.Objects {
	all := map[cutover.MailboxID]*control.Objects{}
	for _, p := range o.bridge.Progress() {
		events, contacts := p.Kinds[cutover.Calendar], p.Kinds[cutover.Contacts]
		shape := &control.Objects{
			State: string(p.State), Folders: p.Folders, Events: events.Done, EventsTotal: events.Total, Contacts: contacts.Done, ContactsTotal: contacts.Total, Repaired: p.Repaired,
			Folder: p.Folder, Error: p.Error, Wait: p.Wait, Next: p.Next, Caught: p.Caught,
		}
		for _, s := range p.Skipped {
			shape.Skipped = append(shape.Skipped, control.Skipped{Folder: s.Path, Why: s.Why})
		}
		all[p.Mailbox] = shape
	}
	return all
}

// alarms tell of deletions that look like a broken server.
func (o *objects) alarms() (all []alarm) {
	for _, p := range o.bridge.Progress() {
		for _, h := range p.HeldBack {
			text := fmt.Sprintf("%d items are gone from %s of %s on the old server, and their copies stay: %s (bridge.deletions)", h.Items, h.Folder, p.Mailbox, h.Why)
			all = append(all, alarm{fmt.Sprintf("deletions %s %s", p.Mailbox, h.Folder), "items", h.Items, text})
		}
	}
	return all
}

// holds reports whether the mailbox is among those with calendars.
func (o *objects) holds(m cutover.MailboxID) bool {
	for _, p := range o.bridge.Progress() {
		if p.Mailbox == m {
			return true
		}
	}
	return false
}

// suffice makes nothing of it that a mailbox has no server for mail, where calendars and address books are all that it has.
func (o *objects) suffice(m cutover.MailboxID, err error) error {
	if errors.Is(err, bridge.ErrNoServer) && o.holds(m) {
		return nil
	}
	return err
}

// verify adds what a comparison of calendars and address books finds to the result.
func (o *objects) verify(ctx context.Context, m cutover.MailboxID, full bool, v *control.Verified) error {
	if !o.holds(m) {
		return nil
	}
	if err := o.d.stores.InsistOnObjects(ctx, m); err != nil {
		return err
	}
	verify := o.bridge.Verify
	if full {
		verify = o.bridge.VerifyFully
	}
	r, err := verify(ctx, m)
	if err != nil {
		return fmt.Errorf("calendars and address books: %w", err)
	}
	for _, l := range r.Lost {
		v.Lost = append(v.Lost, control.Loss{Finding: findings([]bridge.Finding{l.Finding})[0], Title: l.Title, Properties: l.Properties})
	}
	v.Events, v.Contacts, v.Edited, v.Noted = r.Kinds[cutover.Calendar], r.Kinds[cutover.Contacts], r.Edited, findings(r.Noted)
	v.Skipped, v.Moved, v.Merged, v.Bodies = v.Skipped+r.Skipped, v.Moved+r.Moved, v.Merged+r.Merged, v.Bodies+r.Bodies
	v.Missing, v.Extra = append(v.Missing, findings(r.Missing)...), append(v.Extra, findings(r.Extra)...)
	v.Altered, v.Removed = append(v.Altered, findings(r.Altered)...), append(v.Removed, findings(r.Removed)...)
	return nil
}

// catchUp begins to bring the mailboxes' calendars up to date. The function that it returns waits for one of them, and must be called for none that is not asked for here.
func (o *objects) catchUp(ctx context.Context, ids []cutover.MailboxID) (wait func(cutover.MailboxID) error) {
	done := map[cutover.MailboxID]chan error{}
	var some []cutover.MailboxID
	for _, id := range ids {
		done[id] = make(chan error, 1)
		if o.holds(id) {
			some = append(some, id)
		} else {
			close(done[id])
		}
	}
	go func() {
		told := map[cutover.MailboxID]bool{}
		err := o.bridge.CatchUp(ctx, some, func(id cutover.MailboxID, err error) {
			told[id] = true
			done[id] <- err
		})
		for _, id := range some {
			if !told[id] {
				done[id] <- err
			}
		}
	}()
	return func(id cutover.MailboxID) error {
		if err := <-done[id]; err != nil {
			return fmt.Errorf("calendars and address books: %w", err)
		}
		return nil
	}
}

// planned is what would become of a mailbox's calendars and address books.
type planned struct {
	bridge.Plan
	err error
}

// plans tells it of those mailboxes that have any.
func (o *objects) plans(ctx context.Context, ids []cutover.MailboxID) (map[cutover.MailboxID]planned, error) {
	var some []cutover.MailboxID
	for _, id := range ids {
		if o.holds(id) {
			some = append(some, id)
		}
	}
	all := map[cutover.MailboxID]planned{}
	err := o.bridge.Plan(ctx, some, func(p bridge.Plan, err error) { all[p.Mailbox] = planned{p, err} })
	return all, err
}
