package imapstore

import (
	"context"
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

// readFlags returns the flags of messages that changed after since, by rising UID. Those that the server tells of in a way that cannot be read are left out.
func (s *following) readFlags(ctx context.Context, since uint64, of span) ([]*record, error) {
	var found []*record
	err := s.store.control.do(ctx, func(at *live) error {
		if !s.looked(at) {
			if _, err := at.examine(s.f); err != nil {
				return err
			}
		}
		rs := records{at: at}
		options := s.flagDetails()
		options.ChangedSince = since
		err := rs.fetch(imap.UIDSet{{Start: of.first, Stop: of.last}}, options)
		found = s.among(rs.found)
		return err
	})
	switch {
	case err == nil:
		s.store.o.Breaks.hold(s.f, 0)
		return found, nil
	case !s.store.faultless(ctx, err), wasCut(err) && s.store.o.Breaks.endure(s.f, 0):
		return nil, err
	}
	return s.legibleFlags(ctx, since, of)
}

func (s *following) flagDetails() *imap.FetchOptions {
	return &imap.FetchOptions{UID: true, Flags: true, ModSeq: s.now.modseq > 0}
}

// legibleFlags reads all flags, so that it is known which cannot be read, and returns those that changed after since.
func (s *following) legibleFlags(ctx context.Context, since uint64, of span) ([]*record, error) {
	uids, err := listed(ctx, s.store.control, s.f, imap.UIDSet{{Start: of.first, Stop: of.last}}, s.looked)
	if err != nil {
		return nil, err
	}
	all := map[imap.UID]*record{}
	told := func(r *record) bool { return r.told }
	v := survival{store: s.store, link: s.store.control, f: s.f, tries: 1, enduring: true, limit: culpritsOneByOne, try: func(at *live, uids []imap.UID) ([]imap.UID, error) {
		rs := records{at: at}
		err := rs.fetch(setOf(uids), s.flagDetails())
		for _, uid := range uids {
			if r := rs.found[uid]; r != nil && r.told {
				all[uid] = r
			}
		}
		return without(uids, all, told), err
	}}
	if err := v.run(ctx, uids); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.among(all), func(r *record) bool { return r.modseq > 0 && r.modseq <= since }), nil
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
