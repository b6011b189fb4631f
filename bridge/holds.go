package bridge

import (
	"context"
	"fmt"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Holds looks in a mailbox on one side, all folders but Sent and Drafts, for received messages by their Message-IDs, and returns where they lie; what was not found is absent. A copy in
// Sent is the sender's own, and never stands for a received one.
func (b *Bridge) Holds(ctx context.Context, m cutover.MailboxID, side cutover.Side, messages []string) (map[string]Sighting, error) {
	w, err := b.worker(m)
	if err != nil {
		return nil, err
	}
	s := search{w: w, side: side}
	wanted := make(map[string]bool, len(messages))
	for _, message := range messages {
		s.wanted = append(s.wanted, cutover.Identity{MessageID: message})
		wanted[message] = true
	}
	found := make(map[string]Sighting, len(messages))
	err = b.doors.with(w.m, side, func(store Store) error {
		folders, err := store.Folders(ctx)
		if err != nil {
			return err
		}
		for _, f := range folders {
			sent := f.Role == cutover.Sent || f.Role == cutover.Drafts
			if sent || s.elsewhere(f) || f.NoSelect || f.Kind != cutover.Mail {
				continue
			}
			if err := s.holds(ctx, store, f, wanted, found); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking into the %s mailbox of %s: %w", side, m, err)
	}
	return found, nil
}

// holds looks in one folder. What a server finds is not believed: some search for a part of a field.
func (s *search) holds(ctx context.Context, store Store, f cutover.Folder, wanted map[string]bool, found map[string]Sighting) error {
	state, err := store.State(ctx, f)
	if err != nil || state.Items == 0 {
		return err
	}
	for item, err := range store.Search(ctx, f, s.wanted) {
		if err != nil {
			return err
		}
		if id := item.Identity.MessageID; wanted[id] {
			found[id] = Sighting{Folder: f.Path, Place: ledger.Place{Validity: state.Validity, Ref: item.Ref}}
		}
	}
	return nil
}
