package imapstore

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
)

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
	found, err := s.readFlags(ctx, s.at.modseq, span{1, s.at.done.top()})
	if err == nil {
		err = s.checkAmong(ctx, found)
	}
	if err != nil {
		return err
	}
	s.flagged(found)
	s.at.modseq = s.now.modseq
	return nil
}

// readFlags returns the flags of messages that changed after since, by rising UID. If the server answers in a way that cannot be read, while
// it is well otherwise, there is nothing to yield: flags matter less than going on.
func (s *following) readFlags(ctx context.Context, since uint64, of span) ([]*record, error) {
	var found []*record
	err := s.store.control.do(ctx, func(at *live) error {
		if !s.looked(at) {
			if _, err := at.examine(s.f); err != nil {
				return err
			}
		}
		rs := records{at: at}
		options := &imap.FetchOptions{UID: true, Flags: true, ModSeq: s.now.modseq > 0, ChangedSince: since}
		err := rs.fetch(imap.UIDSet{{Start: of.first, Stop: of.last}}, options)
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
