package bridge

import (
	"context"
	"fmt"

	"posthouse/cutover"
	"posthouse/ledger"
)

func (w *worker) known(ctx context.Context, p *pair, b Batch) (map[cutover.Ref]ledger.Item, error) {
	refs := make([]cutover.Ref, 0, len(b.Changes))
	for _, c := range b.Changes {
		if c.Kind != Removed {
			refs = append(refs, c.Item.Ref)
		}
	}
	return w.b.cfg.Ledger.Known(ctx, p.ID, b.Validity, refs)
}

// identify finds out which items those are that only the flags were told of, and that have no row: what was intended and not put is forgotten, and the item's own news may be long past.
func (w *worker) identify(ctx context.Context, p *pair, b Batch, known map[cutover.Ref]ledger.Item) error {
	for i, c := range b.Changes {
		if _, have := known[c.Item.Ref]; have || c.Kind != Flagged || c.identified() {
			continue
		}
		for item, err := range w.legacy.Scan(ctx, p.legacy, c.Item.Ref) {
			if err != nil {
				return fmt.Errorf("looking which item %s is: %w", c.Item.Ref, err)
			}
			if item.Ref == c.Item.Ref {
				b.Changes[i].Item = item
			}
			break
		}
	}
	return nil
}

// unknown is what the batch holds that has no row yet, or one that was skipped by a rule that holds no more (a message that was marked as deleted and is so no longer), or one that was gone and is
// there again (with a folder that was renamed, and renamed back).
func (w *worker) unknown(f ledger.FolderID, b Batch, known map[cutover.Ref]ledger.Item) []ledger.Item {
	var rows []ledger.Item
	for _, c := range b.Changes {
		if c.Kind == Removed {
			continue
		}
		if row, have := known[c.Item.Ref]; have {
			ok, _ := w.rules.item(c.Item.Flags)
			if row.Disposition == cutover.Skipped && ok || row.Disposition == cutover.Gone {
				row.Flags, row.Note = c.Item.Flags, ""
				rows = append(rows, row)
			}
			continue
		}
		if c.Kind == Flagged && !c.identified() {
			continue // it is gone
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

// alike returns the mailbox's rows, of all folders, that have the keys of news.
func (w *worker) alike(ctx context.Context, news []ledger.Item) ([]ledger.Item, error) {
	if len(news) == 0 {
		return nil, nil
	}
	keys := make([]cutover.Key, len(news))
	for i, n := range news {
		keys[i] = n.Identity.Match()
	}
	return w.b.cfg.Ledger.ByKey(ctx, w.m.ID, keys)
}

// leaveOut separates what the rules skip.
func (w *worker) leaveOut(news []ledger.Item) (skipped, rest []ledger.Item) {
	for _, row := range news {
		if ok, why := w.rules.item(row.Flags); !ok {
			row.Disposition, row.Note = cutover.Skipped, why
			skipped = append(skipped, row)
			continue
		}
		rest = append(rest, row)
	}
	return skipped, rest
}
