package memstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// Next yields what is above the start mark, then changes of flags, then the old references, each newest first.
func (s *Store) Next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (bridge.Batch, error) {
	if err := s.begin(ctx, OpNext); err != nil {
		return bridge.Batch{}, fmt.Errorf("following %s: %w", f.Path, err)
	}
	at, err := parseCursor(c)
	if err != nil {
		return bridge.Batch{}, fmt.Errorf("following %s: %w", f.Path, err)
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	open, err := s.open(f)
	if err != nil {
		return bridge.Batch{}, err
	}
	s.mu.Lock()
	s.seen[open.Name], s.eras[open.Name] = open.modseq, open.validity
	s.mu.Unlock()
	return s.box.next(open, at), nil
}

func (b *Mailbox) next(f *folder, at cursor) bridge.Batch {
	batch := bridge.Batch{Validity: f.era()}
	if at.Validity != f.validity || at.Done.top() >= f.next || at.restored(f) {
		batch.Reset = at.Validity != 0
		at = cursor{Validity: f.validity, Start: f.next, Modseq: f.modseq}
	}
	if !b.takeNews(f, &at, &batch) && !b.takeFlags(f, &at, &batch) {
		b.takeOld(f, &at, &batch)
	}
	for _, m := range f.messages {
		if m.uid < at.Start && !at.Done.has(m.uid) {
			batch.Left++
		}
	}
	batch.After = at.String()
	return batch
}

// takeNews fills the batch from references at or above the start mark.
func (b *Mailbox) takeNews(f *folder, at *cursor, batch *bridge.Batch) bool {
	batch.Fresh = b.take(f, at, batch, at.Start, f.next-1)
	return batch.Fresh
}

func (b *Mailbox) takeOld(f *folder, at *cursor, batch *bridge.Batch) bool {
	return b.take(f, at, batch, 1, at.Start-1)
}

// take adds the newest references of low..high that are not done yet, up to a batch, and marks as done how far it came.
func (b *Mailbox) take(f *folder, at *cursor, batch *bridge.Batch, low, high uint32) bool {
	for _, m := range slices.Backward(f.messages) {
		if m.uid < low || m.uid > high || at.Done.has(m.uid) {
			continue
		}
		if len(batch.Changes) == b.options.Batch {
			low = m.uid + 1
			break
		}
		batch.Changes = append(batch.Changes, bridge.Change{Kind: bridge.Added, Item: m.item()})
		if m.uid > at.Anchor {
			at.Anchor, at.Key = m.uid, m.identity.Match()
		}
	}
	// Everything from low up to high was yielded, now or before, or holds nothing.
	at.Done = at.Done.with(low, high)
	return len(batch.Changes) > 0
}

// takeFlags yields done references whose flags changed since, and, where the server tells, those removed.
func (b *Mailbox) takeFlags(f *folder, at *cursor, batch *bridge.Batch) bool {
	for _, m := range f.messages {
		if m.modseq > at.Modseq && at.Done.has(m.uid) {
			batch.Changes = append(batch.Changes, bridge.Change{Kind: bridge.Flagged, Item: m.item()})
		}
	}
	for _, t := range f.gone {
		if b.options.Removals && t.modseq > at.Modseq && at.Done.has(t.uid) {
			batch.Changes = append(batch.Changes, bridge.Change{Kind: bridge.Removed, Item: cutover.Item{Ref: refOf(t.uid)}})
		}
	}
	at.Modseq = f.modseq
	batch.Fresh = len(batch.Changes) > 0
	return batch.Fresh
}

// Fetch gives the bodies in the order of refs. References of another era than the last Next's would name other messages.
func (s *Store) Fetch(ctx context.Context, f cutover.Folder, refs []cutover.Ref, got func(bridge.Fetched) error) error {
	if err := s.begin(ctx, OpFetch); err != nil {
		return fmt.Errorf("reading %s: %w", f.Path, err)
	}
	for _, ref := range refs {
		one := s.fetch(ctx, f, ref)
		if fatal(one.Err) || ctx.Err() != nil {
			return fmt.Errorf("reading %s %s: %w", f.Path, ref, errors.Join(one.Err, ctx.Err()))
		}
		if err := got(one); err != nil {
			return err
		}
	}
	return nil
}

func fatal(err error) bool {
	return errors.Is(err, bridge.ErrConnection) || errors.Is(err, bridge.ErrLogin)
}

func (s *Store) fetch(ctx context.Context, f cutover.Folder, ref cutover.Ref) bridge.Fetched {
	if err := s.begin(ctx, OpBody); err != nil {
		return bridge.Fetched{Ref: ref, Err: err}
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	open, err := s.open(f)
	if err != nil {
		return bridge.Fetched{Ref: ref, Err: err}
	}
	s.mu.Lock()
	era, followed := s.eras[open.Name]
	s.mu.Unlock()
	if followed && era != open.validity {
		return bridge.Fetched{Ref: ref, Err: fmt.Errorf("validity changed from %d to %d: %w", era, open.validity, bridge.ErrConnection)}
	}
	m := open.find(ref)
	if m == nil {
		return bridge.Fetched{Ref: ref, Err: bridge.ErrGone}
	}
	return bridge.Fetched{Ref: ref, Content: NewContent(m.raw)}
}

// Wait returns when the folder changed after the last Next or Wait of it.
func (s *Store) Wait(ctx context.Context, f cutover.Folder) error {
	if err := s.begin(ctx, OpWait); err != nil {
		return fmt.Errorf("waiting for %s: %w", f.Path, err)
	}
	if s.box.options.NoHints {
		return bridge.ErrUnsupported
	}
	for {
		changed, hint, err := s.look(f)
		if hint || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-s.closed:
			return fmt.Errorf("waiting for %s: store is closed: %w", f.Path, bridge.ErrConnection)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Store) look(f cutover.Folder) (changed <-chan struct{}, hint bool, err error) {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	open, err := s.open(f)
	if err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hint = open.modseq != s.seen[open.Name]
	s.seen[open.Name] = open.modseq
	return s.box.changed, hint, nil
}
