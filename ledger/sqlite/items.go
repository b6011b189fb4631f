package sqlite

import (
	"context"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

const selectItems = `SELECT i.id, i.folder, i.validity, i.ref, i.key, i.loose, i.trace, i.size, i.digest, i.flags, i.date, i.version, i.disposition,
	i.cloud_validity, i.cloud_ref, i.cloud_flags, i.tail, i.capture, i.note, i.cloud_version, i.news FROM items i `

func scanItem(row scanner) (i ledger.Item, err error) {
	return i, row.Scan(&i.ID, &i.Folder, (*refColumn)(&i.Legacy.Validity), (*refColumn)(&i.Legacy.Ref), (*keyColumn)(&i.Identity.Key),
		(*keyColumn)(&i.Identity.Loose), &i.Identity.Trace, &i.Size, (*digestColumn)(&i.Digest), (*flagsColumn)(&i.Flags), (*timeColumn)(&i.Date), &i.Version, &i.Disposition,
		(*refColumn)(&i.Cloud.Validity), (*refColumn)(&i.Cloud.Ref), (*flagsColumn)(&i.CloudFlags), &i.Tail, &i.Capture, &i.Note, &i.CloudVersion, newsColumn{&i.News})
}

// Known looks rows up by their legacy references.
func (l *Ledger) Known(ctx context.Context, f ledger.FolderID, validity string, refs []cutover.Ref) (map[cutover.Ref]ledger.Item, error) {
	found, err := find(ctx, l, func(q querier) ([]ledger.Item, error) {
		return collectIn(q, scanItem, selectItems+"WHERE i.folder = ? AND i.validity = ? AND i.ref IN ", "",
			[]any{int64(f), compact(validity)}, refValues(refs))
	})
	if err != nil {
		return nil, wrap(err, "looking up items of folder %d", f)
	}
	known := make(map[cutover.Ref]ledger.Item, len(found))
	for _, i := range found {
		known[i.Legacy.Ref] = i
	}
	return known, nil
}

func refValues(refs []cutover.Ref) []any {
	values := make([]any, len(refs))
	for i, r := range refs {
		values[i] = compact(string(r))
	}
	return values
}

// ByKey looks rows up by match key, in order of ID.
func (l *Ledger) ByKey(ctx context.Context, m cutover.MailboxID, keys []cutover.Key) ([]ledger.Item, error) {
	if _, bridged := l.bridged.Load(m); !bridged && !l.isClosed() {
		return nil, nil
	}
	found, err := find(ctx, l, func(q querier) ([]ledger.Item, error) {
		return collectIn(q, scanItem, selectItems+"WHERE i.mailbox = (SELECT n FROM mailboxes WHERE id = ?) AND i.match_key IN ", "",
			[]any{string(m)}, keyValues(keys))
	})
	slices.SortFunc(found, func(a, b ledger.Item) int { return int(a.ID - b.ID) })
	return found, wrap(err, "looking up items of %s by key", m)
}

// keyValues leaves out zero keys, which match nothing, and repetitions, which would double what they find.
func keyValues(keys []cutover.Key) []any {
	values := make([]any, 0, len(keys))
	seen := make(map[cutover.Key]bool, len(keys))
	for i := range keys {
		if k := &keys[i]; !k.IsZero() && !seen[*k] {
			seen[*k] = true
			values = append(values, k[:])
		}
	}
	return values
}

const selectClaimed = `SELECT i.id, i.cloud_validity, i.cloud_ref FROM folders f
	JOIN folders s ON s.mailbox = f.mailbox AND s.kind = f.kind AND s.cloud = f.cloud JOIN items i ON i.folder = s.id
	WHERE f.id = ? AND i.cloud_validity = ? AND i.cloud_ref <> '' AND i.disposition IN ('copied', 'adopted', 'captured') AND i.cloud_ref IN `

// Claimed asks all pairs of the mailbox that lead to the same cloud folder: two legacy folders may be joined in one.
func (l *Ledger) Claimed(ctx context.Context, f ledger.FolderID, places []ledger.Place) (map[ledger.Place]ledger.ItemID, error) {
	claimed := make(map[ledger.Place]ledger.ItemID)
	err := l.look(ctx, func(q querier) error {
		for validity, refs := range byValidity(places) {
			found, err := collectIn(q, scanClaimed, selectClaimed, "", []any{int64(f), compact(validity)}, refValues(refs))
			if err != nil {
				return err
			}
			for _, c := range found {
				if first, ok := claimed[c.place]; !ok || c.id < first {
					claimed[c.place] = c.id
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, wrap(err, "looking up claimed places of folder %d", f)
	}
	return claimed, nil
}

type claimedRow struct {
	id    ledger.ItemID
	place ledger.Place
}

func scanClaimed(row scanner) (c claimedRow, err error) {
	return c, row.Scan(&c.id, (*refColumn)(&c.place.Validity), (*refColumn)(&c.place.Ref))
}

func byValidity(places []ledger.Place) map[string][]cutover.Ref {
	grouped := make(map[string][]cutover.Ref, 1)
	for _, p := range places {
		if p.Ref != "" {
			grouped[p.Validity] = append(grouped[p.Validity], p.Ref)
		}
	}
	return grouped
}

// Unsettled lists the Intended rows in order of ID.
func (l *Ledger) Unsettled(ctx context.Context, f ledger.FolderID) ([]ledger.Item, error) {
	found, err := find(ctx, l, func(q querier) ([]ledger.Item, error) {
		return collect(q, scanItem, selectItems+"WHERE i.disposition = 'intended' AND i.folder = ? ORDER BY i.id", int64(f))
	})
	return found, wrap(err, "listing unsettled items of folder %d", f)
}

// All reads the ids first, eight octets each, and then the rows in batches: no index has to keep this order for every row that is ever written, and
// no read connection is held while yield works. Rows forgotten meanwhile are left out.
func (l *Ledger) All(ctx context.Context, f ledger.FolderID, yield func(ledger.Item) bool) error {
	ids, err := find(ctx, l, func(q querier) ([]int64, error) {
		return collect(q, value[int64], "SELECT id FROM items WHERE folder = ?", int64(f))
	})
	if err != nil {
		return wrap(err, "reading items of folder %d", f)
	}
	slices.Sort(ids)
	for part := range slices.Chunk(ids, longList) {
		found, err := find(ctx, l, func(q querier) ([]ledger.Item, error) {
			return collectIn(q, scanItem, selectItems+"WHERE i.id IN ", " ORDER BY i.id", nil, anys(part))
		})
		if err != nil {
			return wrap(err, "reading items of folder %d", f)
		}
		for _, i := range found {
			if !yield(i) {
				return nil
			}
		}
	}
	return nil
}

// anys makes arguments of integers.
func anys[T ~int64](values []T) []any {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = int64(v)
	}
	return args
}

// Tally reads the counters that every change of items keeps.
func (l *Ledger) Tally(ctx context.Context, m cutover.MailboxID, kinds ...cutover.FolderKind) (ledger.Tally, error) {
	if len(kinds) == 0 {
		kinds = []cutover.FolderKind{cutover.Mail, cutover.Calendar, cutover.Contacts}
	}
	wanted := make([]any, len(kinds))
	for i, k := range kinds {
		wanted[i] = string(k)
	}
	type row struct {
		disposition cutover.Disposition
		items       int
		bytes       int64
	}
	rows, err := find(ctx, l, func(q querier) ([]row, error) {
		scan := func(s scanner) (r row, err error) { return r, s.Scan(&r.disposition, &r.items, &r.bytes) }
		return collectIn(q, scan, `SELECT t.disposition, sum(t.items), sum(t.bytes) FROM mailboxes m JOIN folders f ON f.mailbox = m.n
			JOIN tallies t ON t.folder = f.id WHERE m.id = ? AND t.items <> 0 AND f.kind IN `, " GROUP BY t.disposition", []any{string(m)}, wanted)
	})
	tally := ledger.Tally{Items: map[cutover.Disposition]int{}, Bytes: map[cutover.Disposition]int64{}}
	for _, r := range rows {
		if r.disposition == repairedTally {
			tally.Repaired = r.items
			continue
		}
		tally.Items[r.disposition], tally.Bytes[r.disposition] = r.items, r.bytes
	}
	return tally, wrap(err, "counting the items of %s", m)
}
