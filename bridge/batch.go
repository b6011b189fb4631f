package bridge

import (
	"context"
	"errors"
	"fmt"

	"posthouse/cutover"
	"posthouse/ledger"
)

// work disposes of every change in a batch, and advances the cursor with the last settlement. In order: what the ledger knows, under this reference or an earlier one; what the rules leave out;
// what the listener captured; what the cloud holds already; what is left to put.
func (w *worker) work(ctx context.Context, p *pair, b Batch) error {
	known, err := w.known(ctx, p, b)
	if err != nil {
		return err
	}
	if err := w.displaced(ctx, p, b, known); err != nil {
		return err
	}
	if err := w.followFlags(ctx, p, b, known); err != nil {
		return err
	}
	rows, news, err := w.renew(ctx, p, b, w.unknown(p.ID, b, known))
	if err != nil {
		return err
	}
	seen, err := w.witness(ctx, p, b, news)
	if err != nil {
		return err
	}
	skipped, rest := w.leaveOut(news)
	rows = append(rows, skipped...)
	joined, rest, err := w.join(ctx, p, rest)
	if errors.Is(err, errLookAgain) {
		return nil // nothing of this batch is settled: it comes again
	}
	if err != nil {
		return err
	}
	rows = append(rows, joined...)
	carried, err := w.carry(ctx, p, rest)
	rows = append(rows, carried...)
	if err := w.settle(ctx, p, b, rows, err); err != nil {
		return err
	}
	if len(seen) > 0 {
		if err := w.b.cfg.Observe(ctx, seen); err != nil {
			return err
		}
	}
	return w.probe(ctx, p, carried)
}

// settle makes the rows durable; the cursor only moves when the whole batch is disposed of.
func (w *worker) settle(ctx context.Context, p *pair, b Batch, rows []ledger.Item, failure error) error {
	cursor := &b.After
	if failure != nil {
		cursor = nil
		// What was done is kept even when the work is being ended.
		ctx = context.WithoutCancel(ctx)
	}
	if len(rows) == 0 && cursor == nil {
		return failure
	}
	if _, err := w.b.cfg.Ledger.Settle(ctx, p.ID, rows, cursor); err != nil {
		return fmt.Errorf("settling: %w", err)
	}
	w.status.settled(p.Legacy.String(), rows)
	return failure
}

func (w *worker) known(ctx context.Context, p *pair, b Batch) (map[cutover.Ref]ledger.Item, error) {
	refs := make([]cutover.Ref, 0, len(b.Changes))
	for _, c := range b.Changes {
		if c.Kind != Removed {
			refs = append(refs, c.Item.Ref)
		}
	}
	return w.b.cfg.Ledger.Known(ctx, p.ID, b.Validity, refs)
}

// unknown is what the batch holds that has no row yet, or one that was skipped by a rule that holds no more: a message that was marked as deleted and is so no longer.
func (w *worker) unknown(f ledger.FolderID, b Batch, known map[cutover.Ref]ledger.Item) []ledger.Item {
	var rows []ledger.Item
	for _, c := range b.Changes {
		if c.Kind == Removed {
			continue
		}
		if row, have := known[c.Item.Ref]; have {
			if ok, _ := w.b.cfg.Rules.item(c.Item.Flags); ok && row.Disposition == cutover.Skipped {
				row.Flags, row.Note = c.Item.Flags, ""
				rows = append(rows, row)
			}
			continue
		}
		if c.Kind == Flagged && !c.identified() {
			continue // news of an item whose own news is still to come
		}
		rows = append(rows, ledger.Item{
			Folder:   f,
			Legacy:   ledger.Place{Validity: b.Validity, Ref: c.Item.Ref},
			Identity: c.Item.Identity,
			Size:     c.Item.Size,
			Flags:    c.Item.Flags,
			Date:     c.Item.Date,
			Version:  c.Item.Version,
		})
	}
	return rows
}

// leaveOut separates what the rules skip.
func (w *worker) leaveOut(news []ledger.Item) (skipped, rest []ledger.Item) {
	for _, row := range news {
		if ok, why := w.b.cfg.Rules.item(row.Flags); !ok {
			row.Disposition, row.Note = cutover.Skipped, why
			skipped = append(skipped, row)
			continue
		}
		rest = append(rest, row)
	}
	return skipped, rest
}
