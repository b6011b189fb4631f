package sqlite

import (
	"context"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

var insertItems = newBatch(`INSERT INTO items (id, folder, mailbox, validity, ref, key, loose, trace, key_version, size, digest, flags, date, version,
	disposition, cloud_validity, cloud_ref, cloud_flags, tail, capture, note, cloud_version, news)`, marks(23))

const (
	// updateOutcome leaves the columns of the legacy place and the identity alone, and with them their indices: they hardly ever change.
	updateOutcome = `UPDATE items SET trace = ?, size = ?, digest = ?, flags = ?, date = ?, version = ?, disposition = ?, cloud_validity = ?, cloud_ref = ?,
		cloud_flags = ?, tail = ?, capture = ?, note = ?, cloud_version = ?, news = ? WHERE id = ?`
	updatePlace = `UPDATE items SET folder = ?, mailbox = ?, validity = ?, ref = ?, key = ?, loose = ?, key_version = ? WHERE id = ?`
)

// Intend makes rows durable as Intended; ledger.ErrExists when a row of the same legacy place is there.
func (l *Ledger) Intend(ctx context.Context, items []ledger.Item) ([]ledger.Item, error) {
	intended := slices.Clone(items)
	for i := range intended {
		intended[i].Disposition = cutover.Intended
	}
	return l.keepItems(ctx, intended, "intending", func(*tx) error { return nil })
}

// Settle writes rows and cursor.
func (l *Ledger) Settle(ctx context.Context, f ledger.FolderID, items []ledger.Item, cursor *ledger.Cursor) ([]ledger.Item, error) {
	settled := slices.Clone(items)
	for i := range settled {
		if settled[i].Folder == 0 {
			settled[i].Folder = f
		}
	}
	return l.keepItems(ctx, settled, "settling", func(t *tx) error {
		if cursor == nil {
			return nil
		}
		return setCursor(t, f, *cursor)
	})
}

// keepItems writes rows in one change, with the use that they tell, followed by what else belongs to it. The rows get their IDs in place: they are the caller's copy.
func (l *Ledger) keepItems(ctx context.Context, items []ledger.Item, what string, also func(*tx) error) ([]ledger.Item, error) {
	told := tell(items)
	err := l.change(ctx, func(t *tx) error {
		k := itemKeeper{t: t, mailboxes: map[ledger.FolderID]int64{}, moved: tallyMoves{}}
		if err := k.keep(items); err != nil {
			return err
		}
		if err := t.insert(&insertObservations, told); err != nil {
			return err
		}
		return also(t)
	})
	if err != nil {
		return nil, wrap(err, "%s %d items", what, len(items))
	}
	return items, nil
}

// tell takes the news of the rows that tell, as values of observations.
func tell(items []ledger.Item) (told []any) {
	for i := range items {
		if items[i].Tells() {
			told = observationValues(told, *items[i].News)
			items[i].News = nil
		}
	}
	return told
}

// itemKeeper writes the rows of one change.
type itemKeeper struct {
	t         *tx
	mailboxes map[ledger.FolderID]int64
	moved     tallyMoves
	inserts   []any
}

func (k *itemKeeper) keep(items []ledger.Item) error {
	before, err := k.before(items)
	if err != nil {
		return err
	}
	// Updates first: they may free a place that a new row takes.
	for i := range items {
		if items[i].ID != 0 {
			if err := k.update(&items[i], before); err != nil {
				return err
			}
		}
	}
	for i := range items {
		if items[i].ID == 0 {
			if err := k.insert(&items[i]); err != nil {
				return err
			}
		}
	}
	if err := k.t.insert(&insertItems, k.inserts); err != nil {
		return err
	}
	return k.moved.write(k.t)
}

// before reads what the rows to be updated hold now.
func (k *itemKeeper) before(items []ledger.Item) (map[ledger.ItemID]itemBefore, error) {
	var ids []ledger.ItemID
	for _, i := range items {
		if i.ID != 0 {
			ids = append(ids, i.ID)
		}
	}
	rows, err := collectIn(k.t, scanBefore, "SELECT id, folder, validity, ref, key, loose, size, disposition, note FROM items WHERE id IN ", "", nil, anys(ids))
	if err != nil {
		return nil, err
	}
	before := make(map[ledger.ItemID]itemBefore, len(rows))
	for _, b := range rows {
		before[b.id] = b
	}
	return before, nil
}

// itemBefore is what a change of a row must know of it.
type itemBefore struct {
	id          ledger.ItemID
	folder      ledger.FolderID
	legacy      ledger.Place
	key, loose  cutover.Key
	size        int64
	disposition cutover.Disposition
	repaired    bool
}

func scanBefore(row scanner) (b itemBefore, err error) {
	var note string
	err = row.Scan(&b.id, &b.folder, (*refColumn)(&b.legacy.Validity), (*refColumn)(&b.legacy.Ref), (*keyColumn)(&b.key), (*keyColumn)(&b.loose),
		&b.size, &b.disposition, &note)
	b.repaired = ledger.Item{Disposition: b.disposition, Note: note}.Repaired()
	return b, err
}

func (k *itemKeeper) update(i *ledger.Item, before map[ledger.ItemID]itemBefore) error {
	b, ok := before[i.ID]
	if !ok {
		return fmt.Errorf("item %d: %w", i.ID, ledger.ErrNotFound)
	}
	if b.folder != i.Folder || b.legacy != i.Legacy || b.key != i.Identity.Key || b.loose != i.Identity.Loose {
		mailbox, err := k.mailbox(i.Folder)
		if err != nil {
			return err
		}
		_, err = k.t.exec(updatePlace, int64(i.Folder), mailbox, compact(i.Legacy.Validity), compact(string(i.Legacy.Ref)), keyValue(i.Identity.Key),
			keyValue(i.Identity.Loose), cutover.IdentityVersion, int64(i.ID))
		if err != nil {
			return fmt.Errorf("item %d: %w", i.ID, err)
		}
	}
	if _, err := k.t.exec(updateOutcome, append(outcomeValues(i), int64(i.ID))...); err != nil {
		return fmt.Errorf("item %d: %w", i.ID, err)
	}
	k.moved.add(b.folder, b.disposition, b.repaired, -1, -b.size)
	k.moved.add(i.Folder, i.Disposition, i.Repaired(), 1, i.Size)
	// The same row may stand twice in one change: the later one then starts from here.
	before[i.ID] = itemBefore{i.ID, i.Folder, i.Legacy, i.Identity.Key, i.Identity.Loose, i.Size, i.Disposition, i.Repaired()}
	return nil
}

// outcomeValues are the columns from trace to news, key_version left out.
func outcomeValues(i *ledger.Item) []any {
	return []any{string(i.Identity.Trace), i.Size, digestValue(i.Digest), i.Flags.String(), micros(i.Date), i.Version, string(i.Disposition), compact(i.Cloud.Validity),
		compact(string(i.Cloud.Ref)), i.CloudFlags.String(), i.Tail, string(i.Capture), i.Note, i.CloudVersion, newsValue(i.News)}
}

// insert hands out an ID and notes the row for the batch.
func (k *itemKeeper) insert(i *ledger.Item) error {
	mailbox, err := k.mailbox(i.Folder)
	if err != nil {
		return err
	}
	id, err := k.t.nextID("items", "id")
	if err != nil {
		return err
	}
	i.ID = ledger.ItemID(id)
	outcome := outcomeValues(i)
	k.inserts = append(k.inserts, id, int64(i.Folder), mailbox, compact(i.Legacy.Validity), compact(string(i.Legacy.Ref)), keyValue(i.Identity.Key),
		keyValue(i.Identity.Loose), outcome[0], cutover.IdentityVersion)
	k.inserts = append(k.inserts, outcome[1:]...)
	k.moved.add(i.Folder, i.Disposition, i.Repaired(), 1, i.Size)
	return nil
}

func (k *itemKeeper) mailbox(f ledger.FolderID) (int64, error) {
	if n, ok := k.mailboxes[f]; ok {
		return n, nil
	}
	n, err := mailboxOf(k.t, f)
	if err == nil {
		k.mailboxes[f] = n
	}
	return n, err
}

// Forget removes the given rows as far as they are still Intended.
func (l *Ledger) Forget(ctx context.Context, ids []ledger.ItemID) error {
	err := l.change(ctx, func(t *tx) error {
		moved := tallyMoves{}
		gone, err := collectIn(t, scanBefore, "DELETE FROM items WHERE disposition = 'intended' AND id IN ",
			" RETURNING id, folder, validity, ref, key, loose, size, disposition, note", nil, anys(ids))
		if err != nil {
			return err
		}
		for _, b := range gone {
			moved.add(b.folder, b.disposition, b.repaired, -1, -b.size)
		}
		return moved.write(t)
	})
	return wrap(err, "forgetting %d items", len(ids))
}
