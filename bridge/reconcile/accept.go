package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"posthouse/ledger"
)

// Accept takes missing messages for well.
func (r *Reconciler) Accept(ctx context.Context, who string, names []string, yield func(ledger.LocalDelivery) error) error {
	all, err := r.cfg.Ledger.LocalDeliveries(ctx, ledger.LocalFilter{States: []ledger.LocalState{ledger.LocalMissing}})
	if err != nil {
		return err
	}
	for _, name := range names {
		chosen := r.named(name, all)
		if len(chosen) == 0 {
			return fmt.Errorf("no missing message is named by %q", name)
		}
		for _, l := range chosen {
			l.Note = WhatBecame(l) + "; accepted by " + who
			if err := r.cfg.Ledger.Reconcile(ctx, r.cfg.Clock.Now(), ledger.LocalAccepted, l.Note, l); err != nil {
				return err
			}
			r.cfg.Log.WithField("mailbox", l.Mailbox).WithField("message_id", l.Message).WithField("by", who).Info("missing message accepted")
			l.State = ledger.LocalAccepted
			if err := yield(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// named are those with a number, those of a mailbox, or all.
func (r *Reconciler) named(name string, all []ledger.LocalDelivery) []ledger.LocalDelivery {
	number, _ := strconv.ParseInt(name, 10, 64)
	m, ours := r.cfg.Mailbox(name)
	return slices.DeleteFunc(slices.Clone(all), func(l ledger.LocalDelivery) bool {
		of, known := r.cfg.Mailbox(l.Mailbox)
		return name != "all" && number != l.ID && !(ours && known && of == m)
	})
}
