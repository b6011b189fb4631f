package bridge

import (
	"context"

	"posthouse/ledger"
)

// together is a source's batches, one after the other, of which the first become one where the cloud takes many new items at once: it can do so only while the folder is empty, and knows of no more than what it was given
// before it is waited for.
type together struct {
	next func(context.Context, ledger.Cursor) (Batch, error)
	held *Batch // read already, and not part of the one before
}

// first is the first batch after the cursor, and as many after it as are worth being put together.
func (t *together) first(ctx context.Context, c ledger.Cursor, items int, octets int64) (Batch, error) {
	b, err := t.next(ctx, c)
	if err != nil || len(b.Changes) == 0 {
		return b, err
	}
	size := octetsOf(b)
	for joinable(b) && len(b.Changes) < items && size < octets {
		more, err := t.next(ctx, b.After)
		if err != nil {
			return b, ctx.Err() // what was read is worked on first: what failed fails again
		}
		if len(more.Changes) == 0 || !joinable(more) || more.Validity != b.Validity {
			t.held = &more
			return b, nil
		}
		size += octetsOf(more)
		b.Changes, b.After, b.Left = append(b.Changes, more.Changes...), more.After, more.Left
	}
	return b, nil
}

// following is the batch after one that was given.
func (t *together) following(ctx context.Context, c ledger.Cursor) (Batch, error) {
	if held := t.held; held != nil {
		t.held = nil
		return *held, nil
	}
	return t.next(ctx, c)
}

// joinable: an old range, which tells of each item once.
func joinable(b Batch) bool { return !b.Fresh && !b.Reset }

func octetsOf(b Batch) (n int64) {
	for _, c := range b.Changes {
		n += c.Item.Size
	}
	return n
}

// fills is how much is worth being put together into the cloud folder. Where the cloud does not say, whoever asks it next hears why.
func (w *worker) fills(ctx context.Context, p *pair) (items int, octets int64) {
	filler, can := w.cloud.(Filler)
	if !can {
		return 0, 0
	}
	items, octets, err := filler.Fills(ctx, p.cloud)
	if err != nil {
		return 0, 0
	}
	return items, octets
}

// filled tells the cloud that no item of the folder is left to come.
func (w *worker) filled(ctx context.Context, p *pair) error {
	if filler, can := w.cloud.(Filler); can {
		return filler.Filled(ctx, p.cloud)
	}
	return nil
}
