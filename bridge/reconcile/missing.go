package reconcile

import (
	"cmp"
	"context"
	"slices"

	"posthouse/evidence"
	"posthouse/ledger"
)

// WhatBecame tells it for people.
func WhatBecame(l ledger.LocalDelivery) string {
	return cmp.Or(l.Note, "nobody knows who took it: moved or deleted by a mail program, perhaps")
}

// Work is what of it keeps a verdict from being ready.
func (r *Reconciler) Work(ctx context.Context) (evidence.Work, error) {
	n, all, err := r.Missing(ctx, ledger.LocalFilter{Limit: listed})
	work := evidence.Work{Count: n}
	for _, l := range all {
		if work.Since.IsZero() {
			work.Since = l.At
		}
		if !slices.Contains(work.Names, l.Mailbox) {
			work.Names = append(work.Names, l.Mailbox)
		}
	}
	return work, err
}

// Missing counts what is missing, and lists some.
func (r *Reconciler) Missing(ctx context.Context, f ledger.LocalFilter) (n int, some []ledger.LocalDelivery, err error) {
	counts, err := r.cfg.Ledger.CountLocal(ctx, ledger.LocalMissing)
	if err != nil || counts[ledger.LocalMissing] == 0 {
		return 0, nil, err
	}
	f.States = []ledger.LocalState{ledger.LocalMissing}
	some, err = r.cfg.Ledger.LocalDeliveries(ctx, f)
	return counts[ledger.LocalMissing], some, err
}

// Forget removes those that are accounted for, after their time.
func (r *Reconciler) Forget(ctx context.Context) error {
	_, err := r.cfg.Ledger.PruneLocal(ctx, r.cfg.Clock.Now().Add(-kept))
	return err
}
