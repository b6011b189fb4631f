package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// recover settles what was intended and has no outcome, because the connection broke or the process died: it asks the cloud folder's tail. A copy that is found is
// this item's. A copy that is not found may still be on its way through the server, which goes on reading what we sent before we died: so the row is forgotten, to be put again,
// only after none of the copies showed up for the settle time. What others put there meanwhile proves nothing: a busy folder comes to an end too.
func (w *worker) recover(ctx context.Context, p *pair) error { return w.settleOpen(ctx, p, nil) }

// recoverLaid does the same for rows of which the cloud said that it has them, and not where, and returns them as they are then.
func (w *worker) recoverLaid(ctx context.Context, p *pair, laid []ledger.Item) ([]ledger.Item, error) {
	if err := w.settleOpen(ctx, p, laid); err != nil {
		return nil, err
	}
	refs := make([]cutover.Ref, len(laid))
	for i, row := range laid {
		refs[i] = row.Legacy.Ref
	}
	known, err := w.b.cfg.Ledger.Known(ctx, p.ID, laid[0].Legacy.Validity, refs)
	return slices.Collect(maps.Values(known)), err
}

// settleOpen settles the folder's open rows. Those among laid that do not show up were merged, or are to be put again.
func (w *worker) settleOpen(ctx context.Context, p *pair, laid []ledger.Item) error {
	var open int
	var still time.Time
	for {
		rows, err := w.b.cfg.Ledger.Unsettled(ctx, p.ID)
		if err != nil || len(rows) == 0 {
			return err
		}
		state, err := w.cloudState(ctx, p)
		if err != nil && !errors.Is(err, errLookAgain) {
			return err
		}
		left, err := w.findPut(ctx, p, state, rows)
		if err != nil {
			return fmt.Errorf("asking the cloud for what was being put: %w", err)
		}
		switch {
		case len(left) == 0:
			return nil
		case still.IsZero() || len(left) != open:
			open, still = len(left), w.b.cfg.Clock.Steady()
		case w.b.cfg.Clock.Steady().Sub(still) >= w.b.cfg.Settle:
			if left, err = w.mergeLaid(ctx, p, left, laid); err != nil {
				return err
			}
			p.overdue(left)
			return w.b.cfg.Ledger.Forget(ctx, ids(left))
		}
		if err := w.b.cfg.Clock.Sleep(ctx, max(w.b.cfg.Settle/4, time.Millisecond)); err != nil {
			return err
		}
	}
}

// findPut settles the rows whose copies it finds and returns the others.
func (w *worker) findPut(ctx context.Context, p *pair, state FolderState, rows []ledger.Item) ([]ledger.Item, error) {
	index := newIndex(state.Validity)
	if err := w.scanned(ctx, p, index, lowestTail(rows, state.Validity)); err != nil {
		return nil, err
	}
	matches, left, err := w.adopt(ctx, p, index, rows, true)
	if err != nil {
		return nil, err
	}
	vanished, left := w.matchVanished(index, left)
	matches = append(matches, vanished...)
	found, err := w.rowsOf(ctx, p, matches, state, cutover.Copied)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		ended, err := w.endOrigins(ctx, found)
		if err != nil {
			return nil, err
		}
		found = append(ended, found...)
		if _, err := w.b.cfg.Ledger.Settle(ctx, p.ID, found, nil); err != nil {
			return nil, err
		}
		p.index = nil
		w.status.settled(p, found)
		return left, w.lateFlags(ctx, p, found)
	}
	return left, nil
}

// matchVanished pairs rows whose bodies can no longer be compared, because their items were moved or deleted on the old side since they were put: by key and date, among what
// came into the cloud folder since the intent and belongs to nobody. Sizes are not compared: servers estimate them.
func (w *worker) matchVanished(index *cloudIndex, rows []ledger.Item) (found []match, rest []ledger.Item) {
	for _, row := range rows {
		var of []cutover.Item
		if row.Digest.IsZero() {
			of = index.matches(row, w.b.cfg.TraceKey)
		}
		may := func(item cutover.Item) bool { return item.Date.Equal(row.Date) && alike(item.Identity, row.Identity) }
		i := slices.IndexFunc(of, func(item cutover.Item) bool { return may(item) && putWith(row).Equal(item.Flags) })
		if i < 0 {
			i = slices.IndexFunc(of, may)
		}
		if i < 0 {
			rest = append(rest, row)
			continue
		}
		index.take(of[i])
		found = append(found, match{row: row, twin: of[i]})
	}
	return found, rest
}

// lowestTail is where the copies can begin: the lowest tail noted in the era that still holds, or the beginning.
func lowestTail(rows []ledger.Item, validity string) cutover.Ref {
	lowest := uint64(1<<63 - 1)
	for _, row := range rows {
		n, err := strconv.ParseUint(row.Tail, 10, 63)
		if err != nil || row.Cloud.Validity != validity {
			return ""
		}
		lowest = min(lowest, n)
	}
	return cutover.Ref(strconv.FormatUint(lowest, 10))
}

func ids(rows []ledger.Item) []ledger.ItemID {
	found := make([]ledger.ItemID, len(rows))
	for i, row := range rows {
		found[i] = row.ID
	}
	return found
}
