package bridge

import (
	"context"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// replayed reports whether an item in the cloud carries a capture's trace and is another message all the same: anybody can put a trace that he received on a message of his own, and what comes by the old
// side is copied with all that it has. A trace that no copied item has decides alone, as it does for legacy items (join); else what the item says decides, and where the cloud changes that, whether it lies
// where the other's copy was put. ErrBusy while one that has the trace is being put.
func (s *search) replayed(ctx context.Context, store Store, l likeness, want cutover.Identity) (bool, error) {
	if s.side != cutover.Cloud {
		return false, nil
	}
	rivals, err := s.sharers(ctx, l.item.Identity, want)
	if err != nil || len(rivals) == 0 {
		return false, err
	}
	if slices.ContainsFunc(rivals, func(row ledger.Item) bool { return row.Disposition == cutover.Intended }) {
		return false, fmt.Errorf("%s: %w: a legacy item with its trace is being put", l.at.Folder, ErrBusy)
	}
	own, _ := want.Trace.Verify(s.w.b.cfg.TraceKey)
	text, err := s.w.b.captureText(ctx, own)
	if err != nil {
		return false, err
	}
	found, err := prints(ctx, store, l.in, []cutover.Ref{l.item.Ref})
	if err != nil || found[l.item.Ref].like(print{text: text}) {
		return false, err
	}
	if alters, err := s.w.cloudAltersText(ctx, cutover.Mail); err != nil || !alters {
		return true, err
	}
	return s.claimed(ctx, l.at)
}

// sharers are the legacy items with the wanted trace that were not taken for the capture, and have a copy of their own or are about to.
func (s *search) sharers(ctx context.Context, is, want cutover.Identity) ([]ledger.Item, error) {
	keys := append([]cutover.Key{want.Match(), is.Match()}, looseKeys(is)...)
	rows, err := s.w.b.cfg.Ledger.ByKey(ctx, s.w.m.ID, keys)
	return slices.DeleteFunc(rows, func(row ledger.Item) bool {
		has := row.Disposition == cutover.Intended || row.Disposition == cutover.Copied || row.Disposition == cutover.Adopted
		return !has || row.Identity.Trace != want.Trace
	}), err
}
