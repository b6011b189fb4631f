package bridge

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// HeaderReader is a Store that reads fields of many headers.
type HeaderReader interface {
	// Headers yields the items at or after from ("" is the beginning), by rising reference, with these fields of their headers beside those of the identity. What cannot be read is left out, and what was
	// put there before the day of since.
	Headers(ctx context.Context, f cutover.Folder, from cutover.Ref, since time.Time, fields []string) iter.Seq2[Head, error]
}

// Head is an item and what was asked for of its header.
type Head struct {
	cutover.Item
	Header []byte
}

// newsAtOnce is how many items one question about news looks at.
const newsAtOnce = 2000

// News tells what came into the cloud's INBOX of a mailbox without us: neither copied, adopted nor captured. It begins at a place, and returns that from which to ask the next time. Where none is
// given, or the folder is another one now, it begins at its end. more: there is more already. ErrUnsupported where the store cannot tell.
func (b *Bridge) News(ctx context.Context, m cutover.MailboxID, from ledger.Place, fields []string) (news []Head, next ledger.Place, more bool, err error) {
	w, err := b.worker(m)
	if err != nil {
		return nil, from, false, err
	}
	err = b.doors.with(w.m, cutover.Cloud, func(store Store) error {
		news, next, more, err = newsIn(ctx, store, from, fields)
		return err
	})
	if err != nil {
		return nil, from, false, fmt.Errorf("looking for news in the cloud mailbox of %s: %w", m, err)
	}
	news, err = w.foreign(ctx, news)
	return news, next, more, err
}

func newsIn(ctx context.Context, store Store, from ledger.Place, fields []string) (news []Head, next ledger.Place, more bool, err error) {
	reader, able := store.(HeaderReader)
	if !able {
		return nil, from, false, ErrUnsupported
	}
	folders, err := store.Folders(ctx)
	if err != nil {
		return nil, from, false, err
	}
	i := slices.IndexFunc(folders, func(f cutover.Folder) bool { return f.Role == cutover.Inbox })
	if i < 0 {
		return nil, from, false, nil
	}
	state, err := store.State(ctx, folders[i])
	if err != nil {
		return nil, from, false, err
	}
	end := ledger.Place{Validity: state.Validity, Ref: state.Tail}
	if from.Validity != state.Validity || from.Ref == state.Tail {
		return nil, end, false, nil
	}
	for head, err := range reader.Headers(ctx, folders[i], from.Ref, time.Time{}, fields) {
		if err != nil {
			return nil, from, false, err
		}
		if len(news) == newsAtOnce {
			return news, ledger.Place{Validity: state.Validity, Ref: head.Ref}, true, nil
		}
		news = append(news, head)
	}
	return news, end, false, nil
}

// foreign leaves out what the ledger knows: it came by the old side. So does a copy in doubt, whose intent is there before it.
func (w *worker) foreign(ctx context.Context, news []Head) ([]Head, error) {
	keys := make([]cutover.Key, 0, len(news))
	for _, n := range news {
		if key := n.Identity.Match(); !key.IsZero() {
			keys = append(keys, key)
		}
	}
	known := make(map[cutover.Key]bool)
	items, err := w.b.cfg.Ledger.ByKey(ctx, w.m.ID, keys)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		known[item.Identity.Match()] = true
	}
	expected, err := w.b.cfg.Ledger.Expected(ctx, w.m.ID, keys, nil)
	if err != nil {
		return nil, err
	}
	for _, e := range expected {
		known[e.Identity.Match()] = true
	}
	return slices.DeleteFunc(news, func(n Head) bool {
		key := n.Identity.Match()
		return key.IsZero() || known[key] || n.Identity.Trace != ""
	}), nil
}
