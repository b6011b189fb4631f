package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"posthouse/cutover"
)

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
