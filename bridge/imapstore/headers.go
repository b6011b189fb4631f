package imapstore

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthouse/bridge"
	"posthouse/cutover"
)

var _ bridge.HeaderReader = (*Store)(nil)

// headerChunk is how many headers one command reads: those with all their Received fields are long.
const headerChunk = 200

// Headers implements bridge.HeaderReader.
func (s *Store) Headers(ctx context.Context, f cutover.Folder, from cutover.Ref, since time.Time, fields []string) iter.Seq2[bridge.Head, error] {
	return func(yield func(bridge.Head, error) bool) {
		first, err := imap.UID(1), error(nil)
		if from != "" {
			first, err = uidOf(from)
		}
		var uids []imap.UID
		if err == nil {
			uids, err = s.putSince(ctx, f, first, since)
		}
		uids = slices.DeleteFunc(uids, func(uid imap.UID) bool { return uid < first }) // n:* names the last message even where it is below n
		for chunk := range slices.Chunk(uids, headerChunk) {
			var heads []bridge.Head
			if heads, err = s.heads(ctx, f, chunk, fields); err != nil {
				break
			}
			for _, h := range heads {
				if !yield(h, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(bridge.Head{}, fmt.Errorf("reading headers of %s: %w", f.Path, err))
		}
	}
}

// putSince lists the messages from one on that were put there on the day of since or later, which the server tells by its own clock: a day more does no harm.
func (s *Store) putSince(ctx context.Context, f cutover.Folder, first imap.UID, since time.Time) (uids []imap.UID, err error) {
	wanted := &imap.SearchCriteria{UID: []imap.UIDSet{{{Start: first, Stop: 0}}}}
	if !since.IsZero() {
		wanted.Since = since.UTC().AddDate(0, 0, -1)
	}
	err = s.control.do(ctx, func(at *live) error {
		if _, err := at.examine(f); err != nil {
			return err
		}
		uids, err = at.search(wanted)
		return err
	})
	return uids, err
}

func (s *Store) heads(ctx context.Context, f cutover.Folder, uids []imap.UID, fields []string) (heads []bridge.Head, err error) {
	section := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader, HeaderFields: union(cutover.IdentityFields, fields)}
	err = s.control.do(ctx, func(at *live) error {
		if _, err := at.examine(f); err != nil {
			return err
		}
		rs := records{at: at}
		if err := rs.fetch(setOf(uids), &imap.FetchOptions{UID: true, InternalDate: true, BodySection: []*imap.FetchItemBodySection{section}}); err != nil {
			return err
		}
		heads = nil
		for _, uid := range uids {
			if r := rs.found[uid]; r != nil && r.header != nil {
				heads = append(heads, bridge.Head{Item: r.item(), Header: r.header})
			}
		}
		return nil
	})
	return heads, err
}

// union is all of them, each once.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
