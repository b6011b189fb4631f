package imapstore

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/emersion/go-imap/v2"

	"posthouse/cutover"
)

// flagPoll is what is remembered of a folder's flags on a server without CONDSTORE: one sum for each flagChunk UIDs, so that a poll yields only the
// neighbourhood of a change, at little memory. What was known before the first poll is known to the caller only, so the first one yields all.
//
// A poll goes through the folder window by window and yields at most one window at a time. The sums of a window that was yielded hold only when the caller
// comes back with the cursor of that batch, which carries the poll's serial in the place of the modification sequence; with another
// cursor everything is forgotten and yielded again.
type flagPoll struct {
	calls   int  // of Next since the last poll began
	due     bool // the server hinted at a change
	under   bool // a poll is under way
	next    imap.UID
	serial  uint64
	sums    map[imap.UID]uint64 // by UID/flagChunk
	offered map[imap.UID]uint64 // yielded with serial+1, not confirmed yet
}

const (
	flagChunk  = 256
	flagWindow = 40 * flagChunk // messages, about
	// seldom is by how much rarer polls are while old messages are still being read: their flags are news enough.
	seldom = 50
)

var flagSeed = maphash.MakeSeed()

func (s *Store) flagPollOf(f cutover.Folder) *flagPoll {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flagged[f.Name] == nil {
		s.flagged[f.Name] = &flagPoll{sums: map[imap.UID]uint64{}}
	}
	return s.flagged[f.Name]
}

// flagsDue makes the next call of Next poll.
func (s *Store) flagsDue(f cutover.Folder) {
	poll := s.flagPollOf(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	poll.due = true
}

func (s *following) pollFlags(ctx context.Context) error {
	poll := s.store.flagPollOf(s.f)
	poll.confirm(s.at.modseq)
	if !s.pollNow(poll) {
		return nil
	}
	if poll.next == 0 {
		if err := s.checkAnchor(ctx); err != nil {
			return err
		}
	}
	for poll.under {
		window := poll.window(s.at.done.top(), s.now.exists)
		found, err := s.readFlags(ctx, 0, window)
		if err != nil {
			return err
		}
		poll.next, poll.under = window.last+1, window.last < s.at.done.top()
		if changed := poll.changed(found); len(changed) > 0 {
			s.at.modseq = poll.serial + 1
			s.flagged(changed)
			return nil
		}
	}
	return nil
}

// pollNow reports whether a poll is under way or its time has come; asking counts as a call.
func (s *following) pollNow(poll *flagPoll) bool {
	every := s.store.o.FlagPoll
	if _, open := s.at.done.gap(1, s.at.start-1); open {
		every *= seldom
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	poll.calls++
	if !poll.under && (poll.due || poll.calls >= every) {
		poll.calls, poll.due, poll.under, poll.next = 0, false, true, 0
	}
	return poll.under
}

// confirm takes the caller's word for what became of the last batch.
func (p *flagPoll) confirm(serial uint64) {
	switch {
	case p.offered != nil && serial == p.serial+1:
		maps.Copy(p.sums, p.offered)
	case serial != p.serial:
		clear(p.sums)
		p.under = false
	}
	p.serial, p.offered = serial, nil
}

// window is the next span of UIDs that holds about flagWindow messages, in whole chunks.
func (p *flagPoll) window(top imap.UID, exists uint32) span {
	width := uint64(flagWindow)
	if exists > 0 {
		width = max(width, uint64(top)*flagWindow/uint64(exists)/flagChunk*flagChunk)
	}
	last := min(uint64(p.next)/flagChunk*flagChunk+width-1, uint64(top))
	return span{max(p.next, 1), imap.UID(last)}
}

// changed keeps the records of those chunks whose sum is not what it was, and offers the new sums.
func (p *flagPoll) changed(found []*record) []*record {
	sums := map[imap.UID]uint64{}
	var h maphash.Hash
	for _, r := range found {
		h.SetSeed(flagSeed)
		h.WriteString(string(refOf(r.uid)) + " " + flagsOf(r.flags).String())
		sums[r.uid/flagChunk] += h.Sum64()
	}
	found = slices.DeleteFunc(found, func(r *record) bool {
		before, known := p.sums[r.uid/flagChunk]
		return known && before == sums[r.uid/flagChunk]
	})
	p.offered = sums
	return found
}
