package bridge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

// References end: a server gives a folder a new validity, or a restored backup gives old references to other items. Rows outlive that. A row whose reference now names another item
// is set aside, and an item that is new by its reference takes over the row of before that has its identity: its copy is in the cloud already.

// setAside marks the validity of rows whose reference was given to another item; no server writes such a validity.
const setAside = " (before "

func isSetAside(row ledger.Item) bool { return strings.Contains(row.Legacy.Validity, setAside) }

// displaced takes out of known the rows whose reference names another item now, and makes room for that item.
func (w *worker) displaced(ctx context.Context, p *pair, b Batch, known map[cutover.Ref]ledger.Item) error {
	var moved []ledger.Item
	for _, c := range b.Changes {
		row, have := known[c.Item.Ref]
		if !have || !c.identified() || same(cutover.Item{Identity: row.Identity}, c.Item) {
			continue
		}
		delete(known, c.Item.Ref)
		row.Legacy.Validity += fmt.Sprintf("%s%d)", setAside, row.ID)
		moved = append(moved, row)
	}
	if len(moved) == 0 {
		return nil
	}
	if _, err := w.b.cfg.Ledger.Settle(ctx, p.ID, moved, nil); err != nil {
		return fmt.Errorf("setting aside items whose references were given to others: %w", err)
	}
	return nil
}

// renew gives rows of before to the news that they stand for, and returns them with what is left. Equal size and date, under a key with a Message-ID, are proof enough; all others are
// compared by their bodies, for two different messages may share a key.
func (w *worker) renew(ctx context.Context, p *pair, b Batch, alike, news []ledger.Item) (renewed, rest []ledger.Item, err error) {
	before := earlier(p, b, alike)
	if len(before) == 0 {
		return nil, news, nil
	}
	fresh, again := withoutRow(news)
	renewed, rest = take(before, fresh, func(old, now ledger.Item) bool {
		return !now.Identity.Key.IsZero() && old.Size == now.Size && old.Date.Equal(now.Date)
	})
	asked := slices.DeleteFunc(slices.Clone(rest), func(now ledger.Item) bool { return len(before[now.Identity.Match()]) == 0 })
	if err := w.digested(ctx, p, asked); err != nil {
		return nil, nil, fmt.Errorf("reading what may be known under another reference: %w", err)
	}
	bodies := map[ledger.Place]cutover.Digest{}
	for _, now := range asked {
		bodies[now.Legacy] = now.Digest
	}
	more, rest := take(before, rest, func(old, now ledger.Item) bool {
		d := bodies[now.Legacy]
		return !d.IsZero() && (old.Digest == d || old.Digest.IsZero() && old.Size == now.Size && old.Date.Equal(now.Date))
	})
	renewed = append(renewed, more...)
	if err := w.followRenewed(ctx, p, renewed, news); err != nil {
		return nil, nil, err
	}
	return renewed, append(rest, again...), nil
}

// withoutRow separates news from what has a row under this very reference, and is looked at again: that one takes over no other row.
func withoutRow(news []ledger.Item) (fresh, again []ledger.Item) {
	for _, now := range news {
		if now.ID == 0 {
			fresh = append(fresh, now)
		} else {
			again = append(again, now)
		}
	}
	return fresh, again
}

// followRenewed carries over the flags that changed before the items were met under their new references.
func (w *worker) followRenewed(ctx context.Context, p *pair, renewed, news []ledger.Item) error {
	now := map[ledger.Place]cutover.Flags{}
	for _, row := range news {
		now[row.Legacy] = row.Flags
	}
	var changed []flagChange
	at := map[ledger.ItemID]int{}
	for i, row := range renewed {
		renewed[i].Flags = now[row.Legacy]
		c := flagChange{was: row.Flags, row: renewed[i]}
		if even, err := w.even(ctx, p, c); err != nil {
			return err
		} else if !even {
			changed, at[row.ID] = append(changed, c), i
		}
	}
	written, err := w.writeFlags(ctx, p, changed)
	for _, row := range written {
		renewed[at[row.ID]] = row
	}
	return err
}

// take pairs news with rows of before, each row once.
func take(before map[cutover.Key][]ledger.Item, news []ledger.Item, like func(old, now ledger.Item) bool) (renewed, rest []ledger.Item) {
	for _, now := range news {
		key := now.Identity.Match()
		i := slices.IndexFunc(before[key], func(old ledger.Item) bool { return like(old, now) })
		if i < 0 {
			rest = append(rest, now)
			continue
		}
		old := before[key][i]
		before[key] = slices.Delete(before[key], i, i+1)
		old.Legacy = now.Legacy
		renewed = append(renewed, old)
	}
	return renewed, rest
}

// earlier are the folder's rows of other validities among rows, by match key. What was gone or left out has no copy that it could stand for.
func earlier(p *pair, b Batch, rows []ledger.Item) map[cutover.Key][]ledger.Item {
	found := map[cutover.Key][]ledger.Item{}
	for _, row := range rows {
		if row.Folder == p.ID && row.Legacy.Validity != b.Validity && row.Disposition.Final() && row.Disposition != cutover.Gone && row.Disposition != cutover.Skipped {
			found[row.Identity.Match()] = append(found[row.Identity.Match()], row)
		}
	}
	return found
}
