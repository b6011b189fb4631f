package bridge

import (
	"context"
	"fmt"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Sighting is where an item was seen in a mailbox.
type Sighting struct {
	Folder cutover.FolderPath
	Place  ledger.Place
}

// Find looks for captured messages in a mailbox on one side, all folders, Junk and Trash included, and returns the sightings by index into wanted; what was not seen is absent. A valid
// trace decides. Where the server is not known to keep traces, a received item with the same key counts too, if it came no earlier than the capture and is no legacy item's
// copy. ErrBusy while that cannot be told, because a legacy item with this key is being put.
func (b *Bridge) Find(ctx context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]Sighting, error) {
	w, err := b.worker(m)
	if err != nil {
		return nil, err
	}
	s := search{w: w, side: side, wanted: wanted, found: map[int]Sighting{}}
	err = b.doors.with(w.m, side, func(store Store) error { return s.run(ctx, store) })
	if err != nil {
		return nil, fmt.Errorf("looking into the %s mailbox of %s: %w", side, m, err)
	}
	return s.found, nil
}

// search is one question for captured messages.
type search struct {
	w      *worker
	side   cutover.Side
	wanted []cutover.Identity
	found  map[int]Sighting // by index into wanted
}

func (s search) run(ctx context.Context, store Store) error {
	folders, err := store.Folders(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(folders, func(a, b cutover.Folder) int { return urgency(a.Role) - urgency(b.Role) })
	for _, f := range folders {
		if s.elsewhere(f) || f.NoSelect || f.Kind != cutover.Mail {
			continue
		}
		if err := s.in(ctx, store, f); err != nil {
			return err
		}
		if len(s.found) == len(s.wanted) {
			return nil
		}
	}
	return nil
}

// elsewhere reports whether a folder that the login sees is none of the mailbox's.
func (s search) elsewhere(f cutover.Folder) bool {
	if s.side == cutover.Legacy {
		return s.w.rules.outside(f) != ""
	}
	return f.Foreign
}

func (s search) in(ctx context.Context, store Store, f cutover.Folder) error {
	var open []cutover.Identity
	for i, id := range s.wanted {
		if _, seen := s.found[i]; !seen {
			open = append(open, id)
		}
	}
	state, err := store.State(ctx, f)
	if err != nil || state.Items == 0 {
		return err
	}
	for item, err := range store.Search(ctx, f, open) {
		if err != nil {
			return err
		}
		at := Sighting{Folder: f.Path, Place: ledger.Place{Validity: state.Validity, Ref: item.Ref}}
		i, err := s.whose(ctx, f, at, item)
		if err != nil {
			return err
		}
		if i >= 0 {
			s.found[i] = at
		}
	}
	return nil
}

// whose returns the index of the wanted message that this item is, or -1.
func (s search) whose(ctx context.Context, f cutover.Folder, at Sighting, item cutover.Item) (int, error) {
	trace, traced := item.Identity.Trace.Verify(s.w.b.cfg.TraceKey)
	for i, want := range s.wanted {
		if _, seen := s.found[i]; seen {
			continue
		}
		own, _ := want.Trace.Verify(s.w.b.cfg.TraceKey)
		if traced && trace == own && !another(want, item.Identity) {
			return i, s.traceKept(ctx)
		}
		if traced || !mayBe(f, item, want, own) {
			continue
		}
		another, err := s.another(ctx, at, want)
		if err != nil || another {
			return -1, err
		}
		return i, nil
	}
	return -1, nil
}

// clockSkew is how wrong two servers' clocks may be against each other.
const clockSkew = 24 * time.Hour

// mayBe reports whether an item without a trace looks like the capture: a copy in Sent or Drafts is the sender's own, and what was there before the capture is another message.
func mayBe(f cutover.Folder, item cutover.Item, want cutover.Identity, id cutover.CaptureID) bool {
	if f.Role == cutover.Sent || f.Role == cutover.Drafts || want.Match() != item.Identity.Match() {
		return false
	}
	return id == "" || item.Date.IsZero() || !item.Date.Before(id.Time().Add(-clockSkew))
}

// traceKept notes that the server gives back the trace that it was given.
func (s search) traceKept(ctx context.Context) error { return s.w.noteTraceKept(ctx, s.side) }

// another reports whether an item without a trace that looks like a capture is another message: always where the server keeps traces, and in the cloud where it is a legacy item's copy.
func (s search) another(ctx context.Context, at Sighting, want cutover.Identity) (bool, error) {
	if keeps, err := s.w.factHolds(ctx, s.w.keepsTraceFact(s.side)); err != nil || keeps || s.side == cutover.Legacy {
		return keeps, err
	}
	// Before asking who claims it: a copy whose row is not settled yet is claimed by none.
	rows, err := s.w.b.cfg.Ledger.ByKey(ctx, s.w.m.ID, []cutover.Key{want.Match()})
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(rows, func(row ledger.Item) bool { return row.Disposition == cutover.Intended }) {
		return false, fmt.Errorf("%s: %w: a legacy item like it is being put", at.Folder, ErrBusy)
	}
	return s.claimed(ctx, at)
}

// claimed reports whether a legacy item's copy lies at this place.
func (s search) claimed(ctx context.Context, at Sighting) (bool, error) {
	pairs, err := s.w.b.cfg.Ledger.Pairs(ctx, s.w.m.ID)
	if err != nil {
		return false, err
	}
	for _, p := range pairs {
		if p.Cloud.Key() != at.Folder.Key() {
			continue
		}
		taken, err := s.w.b.cfg.Ledger.Claimed(ctx, p.ID, []ledger.Place{at.Place})
		if err != nil || len(taken) > 0 {
			return true, err
		}
	}
	return false, nil
}
