package imapstore

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
)

// flagPoll is what is remembered of a folder's flags on a server without CONDSTORE: one sum for each flagChunk UIDs, so that a poll yields only the
// neighbourhood of a change, at little memory. What was known before the first poll is known to the caller only, so the first one yields all.
type flagPoll struct {
	calls int  // of Next since the last poll
	due   bool // the server hinted at a change
	sums  map[imap.UID]uint64
}

const flagChunk = 256

var flagSeed = maphash.MakeSeed()

// flags yields changed flags of messages that were yielded before.
func (s *following) flags(ctx context.Context) error {
	if len(s.at.done) == 0 {
		return nil
	}
	if s.now.modseq == 0 {
		return s.pollFlags(ctx)
	}
	if s.at.modseq == s.now.modseq {
		return nil
	}
	found, err := s.readFlags(ctx, s.at.modseq)
	if err != nil {
		return err
	}
	s.flagged(found)
	s.at.modseq = s.now.modseq
	return nil
}

func (s *following) pollFlags(ctx context.Context) error {
	poll := s.store.flagPollOf(s.f)
	every := s.store.o.FlagPoll
	if _, open := s.at.done.gap(1, s.at.start-1); open {
		every *= seldom
	}
	if !s.store.pollNow(poll, every) {
		return nil
	}
	found, err := s.readFlags(ctx, 0)
	if err != nil {
		return err
	}
	s.flagged(poll.changed(found))
	return nil
}

// seldom is by how much rarer polls are while old messages are still being read: their flags are news enough.
const seldom = 50

// pollNow reports whether it is time; asking counts as a call.
func (s *Store) pollNow(poll *flagPoll, every int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if poll.calls++; poll.calls < every && !poll.due {
		return false
	}
	poll.calls, poll.due = 0, false
	return true
}

func (s *Store) flagPollOf(f cutover.Folder) *flagPoll {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flagged[f.Name] == nil {
		s.flagged[f.Name] = &flagPoll{}
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

// readFlags returns the flags of messages that changed after since, by rising UID. If the server answers in a way that cannot be read, while
// it is well otherwise, there is nothing to yield: flags matter less than going on.
func (s *following) readFlags(ctx context.Context, since uint64) ([]*record, error) {
	var found []*record
	err := s.store.control.do(ctx, func(at *live) error {
		if !s.looked(at) {
			if _, err := at.examine(s.f); err != nil {
				return err
			}
		}
		rs := records{at: at}
		options := &imap.FetchOptions{UID: true, Flags: true, ModSeq: s.now.modseq > 0, ChangedSince: since}
		err := rs.fetch(imap.UIDSet{{Start: 1, Stop: s.at.done.top()}}, options)
		found = s.among(rs.found)
		return err
	})
	if err == nil || !errors.Is(err, bridge.ErrConnection) || ctx.Err() != nil {
		return found, err
	}
	if _, again := s.store.look(ctx, s.f); again != nil {
		return nil, again
	}
	s.store.o.Log.WithError(err).WithField("folder", s.f.Path.String()).Warn("the server's answer about flags cannot be read")
	return nil, nil
}

func (s *following) among(found map[imap.UID]*record) []*record {
	var list []*record
	for uid, r := range found {
		if r.told && s.at.done.has(uid) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *record) int { return int(int64(a.uid) - int64(b.uid)) })
	return list
}

func (s *following) flagged(found []*record) {
	for _, r := range slices.Backward(found) {
		item := cutover.Item{Ref: refOf(r.uid), Flags: flagsOf(r.flags)}
		if r.modseq > 0 {
			item.Version = strconv.FormatUint(r.modseq, 10)
		}
		s.batch.Changes = append(s.batch.Changes, bridge.Change{Kind: bridge.Flagged, Item: item})
	}
}

// changed keeps the records of those chunks whose sum is not what it was.
func (p *flagPoll) changed(found []*record) []*record {
	sums := map[imap.UID]uint64{}
	var h maphash.Hash
	for _, r := range found {
		h.SetSeed(flagSeed)
		h.WriteString(refText(r.uid) + " " + flagsOf(r.flags).String())
		sums[r.uid/flagChunk] += h.Sum64()
	}
	before := p.sums
	p.sums = sums
	return slices.DeleteFunc(found, func(r *record) bool {
		chunk := r.uid / flagChunk
		return before != nil && before[chunk] == sums[chunk]
	})
}

func refText(uid imap.UID) string { return string(refOf(uid)) }
