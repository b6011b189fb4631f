package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// presence is how an item is where it was on the old side.
type presence int

const (
	away   presence = iota
	marked          // as deleted: there, and about to go
	there
)

// gone returns those of the rows with a copy of their own, or a file where the cloud refused it, whose items are no longer on the old side where they were, or marked as deleted; and the rows whose items
// stay.
func (w *worker) gone(ctx context.Context, rows []ledger.Item) (found []*origin, staying []ledger.Item, err error) {
	from, now, err := w.whereabouts(ctx, rows)
	if err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		present, asked := now[row.ID]
		switch {
		case !asked:
		case present == there:
			staying = append(staying, row)
		case row.Disposition != cutover.Merged:
			found = append(found, &origin{from: from[row.Folder], row: row, marked: present == marked})
		}
	}
	found = withoutShared(found, staying)
	slices.SortFunc(found, func(a, b *origin) int { return int(a.row.ID - b.row.ID) })
	return found, staying, nil
}

// whereabouts tells of the rows with a copy, or a file, whether their items are where they were, and of which pairs they are.
func (w *worker) whereabouts(ctx context.Context, rows []ledger.Item) (from map[ledger.FolderID]*pair, now map[ledger.ItemID]presence, err error) {
	byFolder := map[ledger.FolderID][]ledger.Item{}
	for _, row := range rows {
		if row.Disposition == cutover.Copied || row.Disposition == cutover.Adopted || row.Disposition == cutover.Merged || isSaved(row) || isCaptured(row) {
			byFolder[row.Folder] = append(byFolder[row.Folder], row)
		}
	}
	from, now = map[ledger.FolderID]*pair{}, map[ledger.ItemID]presence{}
	for id, rows := range byFolder {
		if from[id], err = w.pairOf(ctx, id); err != nil {
			return nil, nil, err
		}
		look := w.presences
		if from[id].Kind.Objects() {
			look = w.objectPresences
		}
		present, err := look(ctx, from[id], rows)
		if err != nil {
			return nil, nil, fmt.Errorf("looking for the first copies in %s: %w", from[id].Legacy, err)
		}
		for _, row := range rows {
			now[row.ID] = present[row.ID]
		}
	}
	return from, now, nil
}

// pairOf is the folder's pair, or bin, also of one that is no longer on the old side: then only its cloud side is known.
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
	found := &pair{FolderPair: rows[i]}
	for _, p := range w.pairs {
		if found.isBin() && binPath(p.Legacy).Key() == found.Legacy.Key() {
			found.legacy = p.legacy
		}
	}
	return found, nil
}

// presences tells of rows of one folder whether their items are there. What cannot be told counts as there: then a second copy is put, and nothing is moved that should stay.
func (w *worker) presences(ctx context.Context, from *pair, rows []ledger.Item) (map[ledger.ItemID]presence, error) {
	now := map[ledger.ItemID]presence{}
	if !from.listed() {
		return now, nil // the folder is gone, and all that was in it
	}
	state, err := w.legacy.State(ctx, from.legacy)
	if errors.Is(err, ErrGone) {
		return now, nil
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
	held, err := w.held(ctx, from, state, older, rows)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Legacy.Validity != state.Validity && held[row.ID] {
			now[row.ID] = there
		} else if has, here := flags[row.Legacy.Ref]; here && row.Legacy.Validity == state.Validity {
			now[row.ID] = from.presence(has)
		}
	}
	return now, nil
}

// presence is that of an item in the folder that has such flags.
func (p *pair) presence(flags cutover.Flags) presence {
	switch {
	case !p.has(flags):
		return away
	case flags.Has(`\Deleted`) && !p.isBin():
		return marked
	}
	return there
}

// has reports whether items with such flags are this folder's: a bin has those that are marked as deleted alone.
func (p *pair) has(flags cutover.Flags) bool { return !p.isBin() || flags.Has(`\Deleted`) }

// roll is which items a legacy folder held in a certain state, by key.
type roll struct {
	state FolderState
	items map[cutover.Key][]cutover.Item
}

// held tells which of the older rows' items a legacy folder holds, rows whose references hold no more: the folder has another validity, or is another one, made under the name of one that was renamed.
// Of those that share key and date there are as many as the folder holds beside the items of the other rows. An item that came back with another date counts as gone: should its copy be moved
// for that, it is itself news, and put.
func (w *worker) held(ctx context.Context, from *pair, state FolderState, older, rows []ledger.Item) (map[ledger.ItemID]bool, error) {
	if len(older) == 0 || state.Items == 0 {
		return nil, nil
	}
	if err := w.callRoll(ctx, from, state); err != nil {
		return nil, err
	}
	taken := map[cutover.Ref]bool{}
	for _, row := range rows {
		if row.Legacy.Validity == state.Validity {
			taken[row.Legacy.Ref] = true
		}
	}
	held := map[ledger.ItemID]bool{}
	for _, row := range older {
		all := from.roll.items[row.Identity.Match()]
		i := slices.IndexFunc(all, func(item cutover.Item) bool { return !taken[item.Ref] && row.Date.Equal(item.Date) })
		if i >= 0 {
			taken[all[i].Ref], held[row.ID] = true, true
		}
	}
	return held, nil
}

// callRoll reads what the folder holds, unless that is known.
func (w *worker) callRoll(ctx context.Context, from *pair, state FolderState) error {
	if from.roll != nil && from.roll.state == state {
		return nil
	}
	items := map[cutover.Key][]cutover.Item{}
	for item, err := range w.legacy.Scan(ctx, from.legacy, "") {
		if err != nil {
			return err
		}
		if from.has(item.Flags) {
			items[item.Identity.Match()] = append(items[item.Identity.Match()], item)
		}
	}
	from.roll = &roll{state: state, items: items}
	return nil
}
