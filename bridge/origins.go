package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// gone returns those of the rows whose items are no longer on the old side where they were.
func (w *worker) gone(ctx context.Context, rows []ledger.Item) ([]*origin, error) {
	byFolder := map[ledger.FolderID][]ledger.Item{}
	for _, row := range rows {
		if row.Disposition == cutover.Copied || row.Disposition == cutover.Adopted {
			byFolder[row.Folder] = append(byFolder[row.Folder], row)
		}
	}
	var found []*origin
	for id, rows := range byFolder {
		from, err := w.pairOf(ctx, id)
		if err != nil {
			return nil, err
		}
		there, err := w.stillThere(ctx, from, rows)
		if err != nil {
			return nil, fmt.Errorf("looking for the first copies in %s: %w", from.Legacy, err)
		}
		for _, row := range rows {
			if !there[row.ID] {
				found = append(found, &origin{from: from, row: row})
			}
		}
	}
	slices.SortFunc(found, func(a, b *origin) int { return int(a.row.ID - b.row.ID) })
	return found, nil
}

// pairOf is the folder's pair, also of one that is no longer on the old side: then only its cloud side is known.
func (w *worker) pairOf(ctx context.Context, id ledger.FolderID) (*pair, error) {
	for _, p := range w.pairs {
		if p.ID == id {
			return p, nil
		}
	}
	rows, err := w.b.cfg.Ledger.Pairs(ctx, w.m.ID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(rows, func(row ledger.FolderPair) bool { return row.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("folder %d: %w", id, ledger.ErrNotFound)
	}
	return &pair{FolderPair: rows[i]}, nil
}

// stillThere reports of rows of one folder whose items are there. What cannot be told counts as there: then a second copy is put, and nothing is moved that should stay.
func (w *worker) stillThere(ctx context.Context, from *pair, rows []ledger.Item) (map[ledger.ItemID]bool, error) {
	there := map[ledger.ItemID]bool{}
	if !from.listed() {
		return there, nil // the folder is gone, and all that was in it
	}
	state, err := w.legacy.State(ctx, from.legacy)
	if errors.Is(err, ErrGone) {
		return there, nil
	} else if err != nil {
		return nil, err
	}
	var refs []cutover.Ref
	var older []ledger.Item
	for _, row := range rows {
		if row.Legacy.Validity == state.Validity {
			refs = append(refs, row.Legacy.Ref)
		} else {
			older = append(older, row)
		}
	}
	flags, err := w.legacy.Flags(ctx, from.legacy, refs)
	if err != nil {
		return nil, err
	}
	held, err := w.held(ctx, from, state, older)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		_, there[row.ID] = flags[row.Legacy.Ref]
		if row.Legacy.Validity != state.Validity {
			there[row.ID] = held[row.Identity.Match()]
		}
	}
	return there, nil
}

// roll is which identities a legacy folder held in a certain state.
type roll struct {
	state FolderState
	keys  map[cutover.Key]bool
}

// held tells which of the identities of rows a legacy folder holds, rows whose references hold no more: the folder has another validity, or is another one, made under the name of one that was renamed.
func (w *worker) held(ctx context.Context, from *pair, state FolderState, rows []ledger.Item) (map[cutover.Key]bool, error) {
	if len(rows) == 0 || state.Items == 0 {
		return nil, nil
	}
	if from.roll != nil && from.roll.state == state {
		return from.roll.keys, nil
	}
	keys := map[cutover.Key]bool{}
	for item, err := range w.legacy.Scan(ctx, from.legacy, "") {
		if err != nil {
			return nil, err
		}
		keys[item.Identity.Match()] = true
	}
	from.roll = &roll{state: state, keys: keys}
	return keys, nil
}
