package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Sighting is where an item was seen in a cloud mailbox.
type Sighting struct {
	Folder cutover.FolderPath
	Place  ledger.Place
}

// Find looks for captured messages in a mailbox on one side, all folders, Junk and Trash included, and returns the sightings by index into wanted; what was not
// seen is absent. A valid trace decides; a copy in Sent or Drafts is the sender's own; where the cloud dropped it, an item with the same key that no legacy item claims counts.
func (b *Bridge) Find(ctx context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]Sighting, error) {
	w, err := b.worker(m)
	if err != nil {
		return nil, err
	}
	found := map[int]Sighting{}
	err = b.doors.with(w.m, side, func(s Store) error { return b.find(ctx, w, s, wanted, found) })
	if err != nil {
		return nil, fmt.Errorf("looking into the %s mailbox of %s: %w", side, m, err)
	}
	return found, nil
}

func (b *Bridge) find(ctx context.Context, w *worker, s Store, wanted []cutover.Identity, found map[int]Sighting) error {
	folders, err := s.Folders(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(folders, func(a, b cutover.Folder) int { return urgency(a.Role) - urgency(b.Role) })
	for _, f := range folders {
		if f.Foreign || f.NoSelect || f.Kind != cutover.Mail {
			continue
		}
		if err := b.findIn(ctx, w, s, f, wanted, found); err != nil {
			return err
		}
		if len(found) == len(wanted) {
			return nil
		}
	}
	return nil
}

func (b *Bridge) findIn(ctx context.Context, w *worker, s Store, f cutover.Folder, wanted []cutover.Identity, found map[int]Sighting) error {
	var open []cutover.Identity
	for i, id := range wanted {
		if _, seen := found[i]; !seen {
			open = append(open, id)
		}
	}
	state, err := s.State(ctx, f)
	if err != nil || state.Items == 0 {
		return err
	}
	for item, err := range s.Search(ctx, f, open) {
		if err != nil {
			return err
		}
		place := ledger.Place{Validity: state.Validity, Ref: item.Ref}
		i, err := b.whose(ctx, w, f, place, item, wanted, found)
		if err != nil {
			return err
		}
		if i >= 0 {
			found[i] = Sighting{Folder: f.Path, Place: place}
		}
	}
	return nil
}

// whose returns the index of the wanted item that this one is, or -1.
func (b *Bridge) whose(ctx context.Context, w *worker, f cutover.Folder, place ledger.Place, item cutover.Item, wanted []cutover.Identity, found map[int]Sighting) (int, error) {
	trace, traced := item.Identity.Trace.Verify(b.cfg.TraceKey)
	for i, want := range wanted {
		if _, seen := found[i]; seen {
			continue
		}
		own, _ := want.Trace.Verify(b.cfg.TraceKey)
		if traced && trace == own {
			return i, nil
		}
		if traced || f.Role == cutover.Sent || f.Role == cutover.Drafts || want.Match() != item.Identity.Match() {
			continue
		}
		claimed, err := b.claimed(ctx, w, f, place)
		if err != nil || claimed {
			return -1, err
		}
		return i, nil
	}
	return -1, nil
}

// claimed reports whether a legacy item's copy lies at this place.
func (b *Bridge) claimed(ctx context.Context, w *worker, f cutover.Folder, place ledger.Place) (bool, error) {
	pairs, err := b.cfg.Ledger.Pairs(ctx, w.m.ID)
	if err != nil {
		return false, err
	}
	for _, p := range pairs {
		if p.Cloud.Key() != f.Path.Key() {
			continue
		}
		taken, err := b.cfg.Ledger.Claimed(ctx, p.ID, []ledger.Place{place})
		if err != nil || len(taken) > 0 {
			return true, err
		}
	}
	return false, nil
}

// Deposit puts a captured message into the INBOX of a cloud mailbox unless it lies there already. An error that matches ErrUnknown means that it may have been put: Find
// tells.
func (b *Bridge) Deposit(ctx context.Context, m cutover.MailboxID, id cutover.Identity, arrived time.Time, c Content) (Sighting, error) {
	seen, err := b.Find(ctx, m, cutover.Cloud, []cutover.Identity{id})
	if err != nil {
		return Sighting{}, err
	}
	if s, ok := seen[0]; ok {
		return s, nil
	}
	w, err := b.worker(m)
	if err != nil {
		return Sighting{}, err
	}
	var s Sighting
	err = b.doors.with(w.m, cutover.Cloud, func(store Store) error { s, err = deposit(ctx, store, arrived, c); return err })
	if err != nil {
		return Sighting{}, fmt.Errorf("depositing into the cloud mailbox of %s: %w", m, err)
	}
	return s, nil
}

func deposit(ctx context.Context, store Store, arrived time.Time, c Content) (Sighting, error) {
	inbox, err := store.EnsureFolder(ctx, cutover.Folder{Path: cutover.FolderPath{"INBOX"}, Kind: cutover.Mail, Role: cutover.Inbox})
	if err != nil {
		return Sighting{}, err
	}
	outcome := Outcome{Err: ErrUnknown}
	one := slices.Values([]PutItem{{ID: 1, Date: arrived, Content: c}})
	if err := store.Put(ctx, inbox, one, func(o Outcome) { outcome = o }); err != nil {
		return Sighting{}, errors.Join(outcome.Err, err)
	}
	return Sighting{Folder: inbox.Path, Place: outcome.Place}, outcome.Err
}
