package imapstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// glance is what opening a folder tells.
type glance struct {
	validity uint32
	next     imap.UID
	modseq   uint64
	exists   uint32
}

// unread is the list of old messages still to be read, so that it is asked for once and not for each batch.
type unread struct {
	validity uint32
	span     span
	uids     []imap.UID // rising
}

// Next opens the folder read-only and looks for what the cursor does not cover.
func (s *Store) Next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (bridge.Batch, error) {
	batch, err := s.next(ctx, f, c)
	if err != nil {
		return bridge.Batch{}, fmt.Errorf("following %s: %w", f.Path, err)
	}
	return batch, nil
}

func (s *Store) next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (bridge.Batch, error) {
	at, err := parseCursor(c)
	if err != nil {
		return bridge.Batch{}, err
	}
	now, err := s.look(ctx, f)
	if err != nil {
		return bridge.Batch{}, err
	}
	batch := bridge.Batch{Validity: fmt.Sprint(now.validity), Left: -1}
	if c == "" || at.stale(now) {
		batch.Reset = c != ""
		at = cursor{validity: now.validity, start: now.next, modseq: now.modseq}
	}
	step := following{store: s, f: f, now: now, at: &at, batch: &batch}
	err = step.run(ctx)
	if errors.Is(err, errRestored) {
		err = step.restored(ctx)
	}
	if err != nil {
		return bridge.Batch{}, err
	}
	batch.After = ledger.Cursor(at.String())
	return batch, nil
}

// stale reports whether the cursor's references hold no more: another era, or a folder that went back in time because a backup was restored.
func (c cursor) stale(now glance) bool {
	return c.validity != now.validity || c.done.top() >= now.next || c.start > now.next || now.modseq != 0 && c.modseq > now.modseq
}

// look opens the folder and remembers what it saw, for Wait to compare with.
func (s *Store) look(ctx context.Context, f cutover.Folder) (glance, error) {
	var now glance
	err := s.control.do(ctx, func(at *live) error {
		data, err := at.examine(f)
		if err != nil {
			return err
		}
		if at.view.next == 0 {
			at.view.next, err = at.nextUID(data.NumMessages)
		}
		now = at.view
		return err
	})
	if err != nil {
		return glance{}, s.blame(ctx, f, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[f.Name] = now
	return now, nil
}

// blame tells a folder that breaks every connection that it is opened on, as go-imap cannot read the server's answer, from a connection that broke by itself: the other folders go on.
func (s *Store) blame(ctx context.Context, f cutover.Folder, cause error) error {
	if !s.faultless(ctx, cause) {
		return cause
	}
	err := s.control.do(ctx, func(at *live) error { return at.client.Noop().Wait() })
	if err != nil {
		return cause
	}
	err = s.control.do(ctx, func(at *live) error {
		_, err := at.examine(f)
		return err
	})
	if !s.faultless(ctx, err) {
		return cause
	}
	return fmt.Errorf("the connection breaks whenever it is opened: %v", err) // nobody need connect again for that
}

// nextUID is for servers of before RFC 3501, which do not tell UIDNEXT.
func (at *live) nextUID(exists uint32) (imap.UID, error) {
	if exists == 0 {
		return 1, nil
	}
	last, err := at.search(&imap.SearchCriteria{SeqNum: []imap.SeqSet{imap.SeqSetNum(exists)}})
	if err != nil || len(last) == 0 {
		return 1, err
	}
	return last[len(last)-1] + 1, nil
}

func (s *Store) glanceOf(f cutover.Folder) (glance, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, ok := s.seen[f.Name]
	return seen, ok
}

// following fills one batch.
type following struct {
	store *Store
	f     cutover.Folder
	now   glance
	at    *cursor
	batch *bridge.Batch
}

func (s *following) run(ctx context.Context) error {
	if err := s.added(ctx, s.at.start, s.now.next-1); err != nil || len(s.batch.Changes) > 0 {
		s.batch.Fresh = err == nil
		return err
	}
	if err := s.flags(ctx); err != nil || len(s.batch.Changes) > 0 {
		s.batch.Fresh = err == nil
		return err
	}
	err := s.added(ctx, 1, s.at.start-1)
	if _, open := s.at.done.gap(1, s.at.start-1); !open {
		s.batch.Left = 0
	}
	return err
}

// added takes the newest messages of the highest gap within first..last. Gaps without messages are marked as done on the way.
func (s *following) added(ctx context.Context, first, last imap.UID) error {
	for {
		gap, ok := s.at.done.gap(first, last)
		if !ok {
			return nil
		}
		uids, err := s.candidates(ctx, gap)
		if err != nil {
			return err
		}
		cut := max(0, len(uids)-s.store.o.Batch)
		chosen := uids[cut:]
		items, err := s.items(ctx, chosen)
		if err != nil {
			return err
		}
		low := gap.first
		if cut > 0 {
			low = chosen[0]
		}
		s.at.done = s.at.done.with(low, gap.last)
		s.store.remember(s.f, s.now.validity, span{gap.first, low - 1}, uids[:cut])
		if len(items) > 0 {
			s.fill(items, cut)
			return nil
		}
	}
}

// items reads messages, and the anchor with those that are newer.
func (s *following) items(ctx context.Context, chosen []imap.UID) ([]cutover.Item, error) {
	last := s.at.anchor
	if len(chosen) == 0 || last.uid == 0 || last.uid >= chosen[0] {
		return s.store.items(ctx, s.f, chosen)
	}
	items, err := s.store.items(ctx, s.f, append([]imap.UID{last.uid}, chosen...))
	if err != nil {
		return nil, err
	}
	return last.check(items)
}

func (s *following) fill(items []cutover.Item, left int) {
	for _, item := range slices.Backward(items) {
		s.batch.Changes = append(s.batch.Changes, bridge.Change{Kind: bridge.Added, Item: item})
	}
	s.at.anchor.hold(items)
	s.batch.Left = left
}

// candidates returns the messages of a gap, from the list remembered if it is about just this gap.
func (s *following) candidates(ctx context.Context, gap span) ([]imap.UID, error) {
	s.store.mu.Lock()
	have := s.store.pending[s.f.Name]
	s.store.mu.Unlock()
	if have != nil && have.validity == s.now.validity && have.span == gap {
		return have.uids, nil
	}
	return listed(ctx, s.store.control, s.f, imap.UIDSet{{Start: gap.first, Stop: gap.last}}, s.looked)
}

// looked reports whether the connection still shows what this call of Next saw when it opened the folder.
func (s *following) looked(at *live) bool { return at.folder == s.f.Name && at.view == s.now }

func (s *Store) remember(f cutover.Folder, validity uint32, rest span, uids []imap.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(uids) == 0 {
		delete(s.pending, f.Name)
		return
	}
	s.pending[f.Name] = &unread{validity: validity, span: rest, uids: uids}
}
