package bridge

import (
	"context"
	"fmt"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// FileSent puts the copy of what a mailbox's owner has sent into the Sent folder of the cloud mailbox, unless one with its identity lies there, or is brought over from the old one: most programs put
// theirs there themselves. Nobody else looks and puts in that folder meanwhile. ErrBusy while such a copy is on its way.
func (b *Bridge) FileSent(ctx context.Context, m cutover.MailboxID, id cutover.Identity, sent time.Time, c Content) (Sighting, error) {
	w, err := b.worker(m)
	if err != nil {
		return Sighting{}, err
	}
	if err := w.sent.begin(ctx); err != nil {
		return Sighting{}, err
	}
	defer w.sent.end()
	if seen, there, err := w.broughtOver(ctx, id); err != nil || there {
		return seen, err
	}
	var s Sighting
	err = b.doors.with(w.m, cutover.Cloud, func(store Store) error { s, err = fileSent(ctx, store, id, sent, c); return err })
	if err != nil {
		return Sighting{}, fmt.Errorf("filing what %s has sent: %w", m, err)
	}
	return s, nil
}

// gate lets one in at a time.
type gate chan struct{}

func (g gate) begin(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) end() { <-g }

// broughtOver looks for the old mailbox's own copy among the rows of its Sent folder.
func (w *worker) broughtOver(ctx context.Context, id cutover.Identity) (seen Sighting, there bool, err error) {
	if id.Match().IsZero() {
		return seen, false, nil
	}
	rows, err := w.b.cfg.Ledger.ByKey(ctx, w.m.ID, []cutover.Key{id.Match()})
	if err != nil || len(rows) == 0 {
		return seen, false, err
	}
	pairs, err := w.b.cfg.Ledger.Pairs(ctx, w.m.ID)
	if err != nil {
		return seen, false, err
	}
	folders := map[ledger.FolderID]ledger.FolderPair{}
	for _, p := range pairs {
		if p.Role == cutover.Sent {
			folders[p.ID] = p
		}
	}
	for _, row := range rows {
		p, is := folders[row.Folder]
		switch {
		case !is:
		case row.Disposition == cutover.Intended:
			return seen, false, fmt.Errorf("%s: %w: a copy from the old mailbox is being put", p.Cloud, ErrBusy)
		case row.Disposition.InCloud():
			return Sighting{Folder: p.Cloud, Place: row.Cloud}, true, nil
		}
	}
	return seen, false, nil
}

func fileSent(ctx context.Context, store Store, id cutover.Identity, sent time.Time, c Content) (Sighting, error) {
	folder, err := store.EnsureFolder(ctx, cutover.Folder{Path: cutover.FolderPath{"Sent"}, Kind: cutover.Mail, Role: cutover.Sent})
	if err != nil {
		return Sighting{}, err
	}
	state, err := store.State(ctx, folder)
	if err != nil {
		return Sighting{}, err
	}
	if state.Items > 0 {
		for item, err := range store.Search(ctx, folder, []cutover.Identity{id}) {
			if err != nil {
				return Sighting{}, err
			}
			if alike(id, item.Identity) {
				return Sighting{Folder: folder.Path, Place: ledger.Place{Validity: state.Validity, Ref: item.Ref}}, nil
			}
		}
	}
	return putOne(ctx, store, folder, PutItem{ID: 1, Date: sent, Flags: cutover.NewFlags(`\Seen`), Content: c})
}
