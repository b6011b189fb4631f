package daemon

import (
	"context"
	"slices"

	"posthouse/bridge"
	"posthouse/evidence"
	"posthouse/evidence/witness"
	"posthouse/ledger"
)

// growing is the ledger as the bridges see it. The use that the growth of mailboxes is becomes durable with the items' outcomes, in one change; the witness learns of it then.
type growing struct {
	bridge.Ledger
	w    *witness.Witness
	ours func(message string) bool
}

// Settle says first which of the news is our own: mail of the canary is no use of the old server, also for who reads the ledger after a restart.
func (g growing) Settle(ctx context.Context, f ledger.FolderID, items []ledger.Item, cursor *ledger.Cursor) ([]ledger.Item, error) {
	var told []evidence.Observation
	items = slices.Clone(items)
	for i := range items {
		if !items[i].Tells() {
			continue
		}
		o := *items[i].News
		if g.ours(o.Message) {
			o.Class = evidence.Unwanted
		}
		items[i].News = &o
		told = append(told, o)
	}
	stored, err := g.Ledger.Settle(ctx, f, items, cursor)
	if err == nil && len(told) > 0 {
		g.w.Recorded(told, nil, nil)
	}
	return stored, err
}
