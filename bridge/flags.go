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

// followFlags carries flag changes of known items over, as long as the cloud copy still has the flags that we wrote: what the user changed in the cloud stays.
func (w *worker) followFlags(ctx context.Context, p *pair, b Batch, known map[cutover.Ref]ledger.Item) error {
	changed := map[cutover.Ref]ledger.Item{} // by cloud reference
	var refs []cutover.Ref
	var rows []ledger.Item
	for _, c := range b.Changes {
		row, have := known[c.Item.Ref]
		if !have || c.Kind == Removed || row.Flags.Equal(c.Item.Flags) {
			continue
		}
		row.Flags = c.Item.Flags
		if !row.Disposition.InCloud() || row.Cloud.Ref == "" {
			rows = append(rows, row)
			continue
		}
		changed[row.Cloud.Ref] = row
		refs = append(refs, row.Cloud.Ref)
	}
	if len(refs) > 0 {
		written, err := w.writeFlags(ctx, p, refs, changed)
		if err != nil {
			return fmt.Errorf("carrying flags over: %w", err)
		}
		rows = append(rows, written...)
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := w.b.cfg.Ledger.Settle(ctx, p.ID, rows, nil)
	return err
}

// kept are the flags that follow: a message marked as deleted on the old side is not marked in the cloud, where the mark may end in its removal; and one that asks for a receipt is not marked as
// seen later, upon which some servers send the receipt.
func kept(row ledger.Item) cutover.Flags {
	quiet := row.Note == asksForReceipt && !row.CloudFlags.Has(`\Seen`)
	return slices.DeleteFunc(slices.Clone(row.Flags), func(f string) bool { return f == `\Deleted` || quiet && f == `\Seen` })
}

// asksForReceipt is the note of a copied message whose sender wants to hear when it is read.
const asksForReceipt = "asks for a receipt"

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

func (w *worker) writeFlags(ctx context.Context, p *pair, refs []cutover.Ref, changed map[cutover.Ref]ledger.Item) ([]ledger.Item, error) {
	state, err := w.cloud.State(ctx, p.cloud)
	if err != nil {
		return nil, err
	}
	now, err := w.cloud.Flags(ctx, p.cloud, refs)
	if err != nil {
		return nil, err
	}
	write := map[cutover.Ref]cutover.Flags{}
	for ref, flags := range now {
		if row := changed[ref]; row.Cloud.Validity == state.Validity && flags.Equal(row.CloudFlags) {
			write[ref] = kept(row)
		}
	}
	set := map[cutover.Ref]cutover.Flags{}
	if len(write) > 0 {
		if set, err = w.cloud.SetFlags(ctx, p.cloud, write); err != nil {
			return nil, err
		}
	}
	rows := make([]ledger.Item, 0, len(changed))
	for ref, row := range changed {
		if flags, done := set[ref]; done {
			row.CloudFlags = flags
		}
		rows = append(rows, row)
	}
	return rows, nil
}
