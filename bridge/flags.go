package bridge

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Flags follow by a comparison of three: those that the copy has, those that we gave it, and those of the legacy item. What the user changed in the cloud stays. What is about to be written is
// durable before it is, beside what the copy has then: a copy that the user left alone has either the one or the other, though the reply was lost, or a crash came before it was noted. So nothing
// newer is noted of the item's flags until it is known which.

// flagChange is a copied item whose flags are to be compared.
type flagChange struct {
	was cutover.Flags // of the legacy item, as the row told
	row ledger.Item   // with those of now
}

// followFlags carries flag changes of known items over.
func (w *worker) followFlags(ctx context.Context, p *pair, b Batch, known map[cutover.Ref]ledger.Item) error {
	var changed []flagChange
	var rows []ledger.Item
	for _, c := range b.Changes {
		row, have := known[c.Item.Ref]
		if !have || c.Kind == Removed {
			continue
		}
		change := flagChange{was: row.Flags, row: row}
		change.row.Flags = c.Item.Flags
		switch even, err := w.even(ctx, p, change); {
		case err != nil:
			return err
		case !even:
			changed = append(changed, change)
		case !row.Flags.Equal(c.Item.Flags):
			rows = append(rows, change.row)
		}
	}
	if err := w.keepRows(ctx, p, rows); err != nil {
		return err
	}
	if _, err := w.writeFlags(ctx, p, changed); err != nil {
		return fmt.Errorf("carrying flags over: %w", err)
	}
	return nil
}

// lateFlags carries over what changed while it was not known whether there was a copy.
func (w *worker) lateFlags(ctx context.Context, p *pair, rows []ledger.Item) error {
	changed, err := w.uneven(ctx, p, rows)
	if err == nil {
		_, err = w.writeFlags(ctx, p, changed)
	}
	if err != nil {
		return fmt.Errorf("carrying late flags over: %w", err)
	}
	return nil
}

// uneven are those of the rows whose copies do not have the flags that the rows tell, as far as we wrote them.
func (w *worker) uneven(ctx context.Context, p *pair, rows []ledger.Item) (changed []flagChange, err error) {
	for _, row := range rows {
		c := flagChange{was: row.Flags, row: row}
		even, err := w.even(ctx, p, c)
		if err != nil {
			return nil, err
		}
		if !even {
			changed = append(changed, c)
		}
	}
	return changed, nil
}

// isOurs reports whether the row has a copy that we put or took over, and know the place of. A capture's copy was brought by its delivery.
func isOurs(row ledger.Item) bool {
	return row.Disposition.InCloud() && row.Disposition != cutover.Captured && row.Cloud.Ref != ""
}

// even reports whether there is nothing to carry over: the item has no copy of ours, or has the flags that the row told, and so has the copy, as far as we wrote them.
func (w *worker) even(ctx context.Context, p *pair, c flagChange) (bool, error) {
	if !isOurs(c.row) {
		return true, nil
	}
	if !c.was.Equal(c.row.Flags) {
		return false, nil
	}
	want, err := w.wanted(ctx, p, c.row)
	return want.Equal(c.row.CloudFlags), err
}

func (w *worker) keepRows(ctx context.Context, p *pair, rows []ledger.Item) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := w.b.cfg.Ledger.Settle(ctx, p.ID, rows, nil)
	return err
}

// wanted are the flags that the row's copy should have, as far as its folder keeps them.
func (w *worker) wanted(ctx context.Context, p *pair, row ledger.Item) (cutover.Flags, error) {
	return w.keeps(ctx, p, kept(row))
}

// keeps are those of the flags that the pair's cloud folder keeps.
func (w *worker) keeps(ctx context.Context, p *pair, flags cutover.Flags) (cutover.Flags, error) {
	keeper, tells := w.cloud.(Keeper)
	if !tells || len(flags) == 0 {
		return flags, nil
	}
	return keeper.Keeps(ctx, p.cloud, flags)
}

// kept are the flags that follow: a message marked as deleted on the old side is not marked in the cloud, where the mark may end in its removal; and one that asks for a receipt is not marked as
// seen later, upon which some servers send the receipt.
func kept(row ledger.Item) cutover.Flags {
	quiet := asks(row) && !row.CloudFlags.Has(`\Seen`)
	return slices.DeleteFunc(slices.Clone(row.Flags), func(f string) bool { return f == `\Deleted` || quiet && f == `\Seen` })
}

// given are the flags that an item is put with: the cloud might remove what is marked as deleted.
func given(flags cutover.Flags) cutover.Flags { return without(flags, cutover.Flags{`\Deleted`}) }

// putWith are the flags with which a row's copy was made, or is to be made: those of an item that was intended may have changed since.
func putWith(row ledger.Item) cutover.Flags {
	if row.Disposition == cutover.Intended {
		return row.CloudFlags
	}
	return given(row.Flags)
}

// asksForReceipt is the note of a copied message whose sender wants to hear when it is read.
const asksForReceipt = "asks for a receipt"

// asks reports whether the row has that note, maybe behind another one.
func asks(row ledger.Item) bool { return strings.HasSuffix(row.Note, asksForReceipt) }

// receiptFields ask for it: RFC 8098 §2.1, and what older programs use.
var receiptFields = []string{"disposition-notification-to:", "return-receipt-to:", "x-confirm-reading-to:"}

func wantsReceipt(header []byte) bool {
	for line := range bytes.Lines(header) {
		for _, field := range receiptFields {
			if len(line) >= len(field) && strings.EqualFold(string(line[:len(field)]), field) {
				return true
			}
		}
	}
	return false
}

// writeFlags gives the copies that have the flags that we gave them those of their items. It keeps the rows, and returns them as they are then.
func (w *worker) writeFlags(ctx context.Context, p *pair, changed []flagChange) ([]ledger.Item, error) {
	if len(changed) == 0 {
		return nil, nil
	}
	state, err := w.cloudState(ctx, p)
	if err != nil {
		return nil, err
	}
	return w.writeFlagsIn(ctx, p, state, changed)
}

// writeFlagsIn does it in a cloud folder whose state is known.
func (w *worker) writeFlagsIn(ctx context.Context, p *pair, state FolderState, changed []flagChange) ([]ledger.Item, error) {
	refs := make([]cutover.Ref, len(changed))
	for i, c := range changed {
		refs[i] = c.row.Cloud.Ref
	}
	now, err := w.cloud.Flags(ctx, p.cloud, refs)
	if err != nil {
		return nil, err
	}
	rows := make([]ledger.Item, len(changed))
	write := map[cutover.Ref]cutover.Flags{}
	for i, c := range changed {
		rows[i] = c.row
		has, there := now[c.row.Cloud.Ref]
		if !there || c.row.Cloud.Validity != state.Validity {
			continue
		}
		want, ours, err := w.compare(ctx, p, c, has)
		if err != nil {
			return nil, err
		}
		if ours || has.Equal(want) {
			rows[i].CloudFlags = has
		}
		if ours && !has.Equal(want) {
			write[c.row.Cloud.Ref] = kept(c.row)
		}
	}
	if err := w.keepRows(ctx, p, rows); err != nil || len(write) == 0 {
		return rows, err
	}
	set, err := w.cloud.SetFlags(ctx, p.cloud, write)
	if err != nil {
		return nil, err
	}
	for i, c := range changed {
		if flags, done := set[c.row.Cloud.Ref]; done {
			p.leave(without(c.row.Flags, c.was), flags)
			rows[i].CloudFlags = flags
		}
	}
	return rows, w.keepRows(ctx, p, rows)
}

// compare tells which flags a copy should have, and whether those that it has are ours.
func (w *worker) compare(ctx context.Context, p *pair, c flagChange, has cutover.Flags) (want cutover.Flags, ours bool, err error) {
	if want, err = w.wanted(ctx, p, c.row); err != nil || has.Equal(c.row.CloudFlags) {
		return want, true, err
	}
	before := c.row
	before.Flags = c.was
	once, err := w.wanted(ctx, p, before)
	return want, has.Equal(once), err
}
