package imapstore

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"posthouse/cutover"
)

// mostFound is how many messages a folder may hold.
const mostFound = 10_000_000

// search returns the UIDs that match, rising.
func (at *live) search(criteria *imap.SearchCriteria) ([]imap.UID, error) {
	var options *imap.SearchOptions
	if at.caps.has("ESEARCH") {
		options = &imap.SearchOptions{ReturnAll: true} // ranges instead of a long list
	}
	data, err := at.client.UIDSearch(criteria, options).Wait()
	if err != nil {
		return nil, err
	}
	uids, err := uidsOf(data.All, mostFound)
	if err != nil {
		return nil, err
	}
	slices.Sort(uids)
	return slices.Compact(uids), nil
}

// Scan reads in chunks; nothing is held up while an item is being looked at.
func (s *Store) Scan(ctx context.Context, f cutover.Folder, from cutover.Ref) iter.Seq2[cutover.Item, error] {
	return func(yield func(cutover.Item, error) bool) {
		first := imap.UID(1)
		if from != "" {
			var err error
			if first, err = uidOf(from); err != nil {
				yield(cutover.Item{}, fmt.Errorf("scanning %s: %w", f.Path, err))
				return
			}
		}
		if first == 1 {
			if items, ok := s.whole(ctx, f); ok {
				for _, item := range items {
					if !yield(item, nil) {
						return
					}
				}
				return
			}
		}
		uids, err := existing(ctx, s.control, f, imap.UIDSet{{Start: first, Stop: 0}})
		if err != nil {
			yield(cutover.Item{}, fmt.Errorf("scanning %s: %w", f.Path, err))
			return
		}
		// n:* names the last message even where it is below n (RFC 9051 §9, seq-range).
		uids = slices.DeleteFunc(uids, func(uid imap.UID) bool { return uid < first })
		s.yield(ctx, f, uids, yield)
	}
}

// whole reads a small folder with one command, without asking first what is in it. False where that does not yield every message: then it is read with care.
func (s *Store) whole(ctx context.Context, f cutover.Folder) ([]cutover.Item, bool) {
	rs := records{}
	all := false
	err := s.control.do(ctx, func(at *live) error {
		data, err := at.examine(f)
		if err != nil || data.NumMessages == 0 || data.NumMessages > scanChunk {
			return err
		}
		rs = records{at: at}
		err = rs.fetch(imap.UIDSet{{Start: 1, Stop: 0}}, &details[0])
		all = err == nil && len(rs.found) == int(data.NumMessages)
		return err
	})
	if err != nil || !all {
		return nil, false
	}
	found := make(map[imap.UID]*record, len(rs.found))
	for uid, r := range rs.found {
		if r.header == nil {
			return nil, false
		}
		found[uid] = r
	}
	return itemsOf(slices.Sorted(maps.Keys(found)), found), true
}

// scanChunk is how many items one command reads while looking through a folder: a few round trips for most folders, a few MB of headers.
const scanChunk = 2000

// yield reads the items in chunks and reports whether the caller wants more.
func (s *Store) yield(ctx context.Context, f cutover.Folder, uids []imap.UID, yield func(cutover.Item, error) bool) bool {
	for chunk := range slices.Chunk(uids, scanChunk) {
		items, err := s.items(ctx, f, chunk)
		if err != nil {
			yield(cutover.Item{}, fmt.Errorf("reading headers of %s: %w", f.Path, err))
			return false
		}
		for _, item := range items {
			if !yield(item, nil) {
				return false
			}
		}
	}
	return true
}

// wantedPerSearch keeps the command short for servers with short lines, and the search bounded for those that read every header.
const wantedPerSearch = 16

// Search asks by Message-ID and by trace. Something wanted that has neither, or whose Message-ID cannot be searched for, may be anything: then all items
// are yielded.
func (s *Store) Search(ctx context.Context, f cutover.Folder, wanted []cutover.Identity) iter.Seq2[cutover.Item, error] {
	return func(yield func(cutover.Item, error) bool) {
		var keys []imap.SearchCriteria
		for _, w := range wanted {
			found := searchKeys(w)
			if len(found) == 0 {
				s.Scan(ctx, f, "")(yield)
				return
			}
			keys = append(keys, found...)
		}
		uids, err := s.searchAll(ctx, f, keys)
		if err != nil {
			yield(cutover.Item{}, fmt.Errorf("searching %s: %w", f.Path, err))
			return
		}
		s.yield(ctx, f, uids, yield)
	}
}

func (s *Store) searchAll(ctx context.Context, f cutover.Folder, keys []imap.SearchCriteria) ([]imap.UID, error) {
	var found []imap.UID
	err := s.control.do(ctx, func(at *live) error {
		found = nil
		if _, err := at.examine(f); err != nil {
			return err
		}
		for chunk := range slices.Chunk(keys, wantedPerSearch) {
			uids, err := at.search(anyOf(chunk))
			if err != nil {
				return err
			}
			found = append(found, uids...)
		}
		return nil
	})
	slices.Sort(found)
	return slices.Compact(found), err
}

// anyOf nests the criteria into ORs.
func anyOf(keys []imap.SearchCriteria) *imap.SearchCriteria {
	all := &keys[0]
	for _, key := range keys[1:] {
		all = &imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{*all, key}}}
	}
	return all
}

// searchKeys returns by what an item can be found; none when there is nothing to search for.
func searchKeys(w cutover.Identity) []imap.SearchCriteria {
	var keys []imap.SearchCriteria
	add := func(field, value string) {
		keys = append(keys, imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: field, Value: value}}})
	}
	if id := searchable(w.MessageID); id != "" {
		add("Message-ID", id)
	} else if w.MessageID != "" {
		return nil
	}
	if w.Trace != "" {
		add(cutover.TraceField, searchable(string(w.Trace)))
	}
	return keys
}

// searchable is the longest piece of a value that every server can be asked for: HEADER matches substrings, and anything but plain ASCII would need a
// CHARSET that some refuse. Very short pieces match too much.
func searchable(value string) string {
	longest := ""
	for _, piece := range strings.FieldsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' }) {
		if len(piece) > len(longest) {
			longest = piece
		}
	}
	if len(longest) < 4 || len(longest) > 900 {
		return ""
	}
	return longest
}
