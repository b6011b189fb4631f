package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"posthouse/bridge/reconcile"
	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/ledger"
)

// reconciler looks for what was delivered on the old side.
func (d *Daemon) reconciler() *reconcile.Reconciler {
	within := func() time.Duration { return max(d.live.Load().cfg.Verdict.DeliveredWithin, d.real(time.Second)) }
	return reconcile.New(reconcile.Config{Ledger: d.ledger, Bridge: d.bridge, Mailbox: d.mailboxOf, Within: within, Clock: d.opts.Clock, Log: d.log})
}

// mailboxOf is the mailbox of a user as a log names him.
func (d *Daemon) mailboxOf(user string) (cutover.MailboxID, bool) {
	in := d.live.Load()
	for _, m := range in.mailboxes {
		if strings.EqualFold(m.Legacy.Login, user) || strings.EqualFold(string(m.ID), user) {
			return m.ID, true
		}
	}
	if !strings.Contains(user, "@") && len(in.cfg.Domains) > 0 {
		user += "@" + in.cfg.Domains[0]
	}
	r, _ := in.directory.Resolve(cutover.Address(user))
	if len(r.Mailboxes) != 1 {
		return "", false
	}
	return r.Mailboxes[0].ID, true
}

// missingShown is how many missing messages are listed.
const missingShown = 100

// localDeliveries tells what became of what logs say was delivered on the old side.
func (d *Daemon) localDeliveries(ctx context.Context) (control.Reconciled, error) {
	counts, err := d.ledger.CountLocal(ctx)
	if err != nil {
		return control.Reconciled{}, err
	}
	r := control.Reconciled{
		Open: counts[ledger.LocalOpen], Seen: counts[ledger.LocalSeen], Foreign: counts[ledger.LocalForeign], Accepted: counts[ledger.LocalAccepted], Missing: counts[ledger.LocalMissing],
		List: []control.Missing{},
	}
	all, err := d.ledger.LocalDeliveries(ctx, ledger.LocalFilter{States: []ledger.LocalState{ledger.LocalMissing}, Newest: true, Limit: missingShown})
	for _, l := range all {
		r.List = append(r.List, missingOf(l))
	}
	return r, err
}

func missingOf(l ledger.LocalDelivery) control.Missing {
	m := control.Missing{
		Schema: control.MissingSchema, Number: l.ID, At: l.At, Mailbox: l.Mailbox, Message: l.Message, Source: l.Source, Folder: l.Folder, State: string(l.State), Note: l.Note,
	}
	if l.Client.IsValid() {
		m.Client = l.Client.String()
	}
	return m
}

// Accept takes missing messages for well.
func (d *Daemon) Accept(ctx context.Context, who string, names []string, yield func(control.Missing) error) error {
	return d.local.Accept(ctx, who, names, func(l ledger.LocalDelivery) error { return yield(missingOf(l)) })
}

// missingAlarm names the latest message that lies on neither side.
func (d *Daemon) missingAlarm(ctx context.Context) ([]alarm, error) {
	n, latest, err := d.local.Missing(ctx, ledger.LocalFilter{Newest: true, Limit: 1})
	if err != nil || len(latest) == 0 {
		return nil, err
	}
	last := latest[0]
	text := fmt.Sprintf("%d messages were delivered on the old side and lie on neither side now", n)
	if n == 1 {
		text = "1 message was delivered on the old side and lies on neither side now"
	}
	return []alarm{{"missing", "messages", n, fmt.Sprintf("%s; the latest is %s to %s, of %s: %s (posthouse evidence)", text, last.Message, last.Mailbox, last.At.UTC().Format("2 Jan 15:04"), reconcile.WhatBecame(last))}}, nil
}
