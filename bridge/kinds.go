package bridge

import (
	"context"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// A bridge holds folders of some kinds: mail, or calendars and contacts. Mailboxes have servers of their own for either, so that the one goes on while the other cannot be reached; they share a ledger, in
// which each sees its own.

// ofKinds is the ledger as a bridge of these kinds sees it.
type ofKinds struct {
	Ledger
	kinds []cutover.FolderKind
}

// Pairs are those of the kinds.
func (l ofKinds) Pairs(ctx context.Context, m cutover.MailboxID) ([]ledger.FolderPair, error) {
	all, err := l.Ledger.Pairs(ctx, m)
	return slices.DeleteFunc(all, func(p ledger.FolderPair) bool { return !slices.Contains(l.kinds, p.Kind) }), err
}

// Settle takes the news that it recorded from the given rows as well: whoever goes on with them must not tell it again.
func (l ofKinds) Settle(ctx context.Context, f ledger.FolderID, items []ledger.Item, cursor *ledger.Cursor) ([]ledger.Item, error) {
	stored, err := l.Ledger.Settle(ctx, f, items, cursor)
	for i := range items {
		if err == nil && items[i].Tells() {
			items[i].News = nil
		}
	}
	return stored, err
}

// Tally counts items of the kinds, or of those among them that are asked for.
func (l ofKinds) Tally(ctx context.Context, m cutover.MailboxID, kinds ...cutover.FolderKind) (ledger.Tally, error) {
	if len(kinds) == 0 {
		kinds = l.kinds
	}
	return l.Ledger.Tally(ctx, m, kinds...)
}

// Fact is what was found out about servers of the kinds.
func (l ofKinds) Fact(ctx context.Context, name string) (string, error) {
	return l.Ledger.Fact(ctx, l.fact(name))
}

// SetFact sets such a fact.
func (l ofKinds) SetFact(ctx context.Context, name, value string) error {
	return l.Ledger.SetFact(ctx, l.fact(name), value)
}

func (l ofKinds) fact(name string) string {
	if l.kinds[0].Objects() {
		return "objects/" + name
	}
	return name
}

// Verified records the result of a comparison.
func (l ofKinds) Verified(ctx context.Context, v ledger.Verification) error {
	v.Objects = l.kinds[0].Objects()
	return l.Ledger.Verified(ctx, v)
}
