package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Clouds such as Gmail and Exchange keep one copy of equal messages in a folder, and answer a second put with the place of the first. Such an item is merged: it has no copy of its own, its copy's
// flags are the first one's business, and it is not put again. As long as one of the items that share a copy is where it was on the old side, the copy stays there too.

// settleMerged settles rows, and the cursor if it is given. Those among them whose copy turns out to be another item's become merged.
func (w *worker) settleMerged(ctx context.Context, p *pair, rows []ledger.Item, cursor *ledger.Cursor) error {
	if err := w.merge(ctx, p, rows, liesBefore); err != nil {
		return err
	}
	_, err := w.b.cfg.Ledger.Settle(ctx, p.ID, rows, cursor)
	if !errors.Is(err, ledger.ErrExists) {
		return err
	}
	// The other copy may be as new as the tail. Nothing is asked for that before it happens: most clouds merge nothing.
	if err := w.merge(ctx, p, rows, func(ledger.Item) bool { return true }); err != nil {
		return err
	}
	_, err = w.b.cfg.Ledger.Settle(ctx, p.ID, rows, cursor)
	return err
}

// liesBefore reports whether a copy lies before the tail that was noted ahead of its put, and so cannot be new.
func liesBefore(row ledger.Item) bool {
	at, err := strconv.ParseUint(string(row.Cloud.Ref), 10, 64)
	tail, tailErr := strconv.ParseUint(row.Tail, 10, 64)
	return err == nil && tailErr == nil && at < tail
}

// merge looks whether the copies of suspects belong to other items, in the ledger or among rows.
func (w *worker) merge(ctx context.Context, p *pair, rows []ledger.Item, suspect func(ledger.Item) bool) error {
	var places []ledger.Place
	for _, row := range rows {
		if row.Disposition == cutover.Copied && row.Cloud.Ref != "" && suspect(row) {
			places = append(places, row.Cloud)
		}
	}
	if len(places) == 0 {
		return nil
	}
	owners, err := w.b.cfg.Ledger.Claimed(ctx, p.ID, places)
	if err != nil {
		return err
	}
	given := map[ledger.ItemID]bool{} // away, in this very change
	for _, row := range rows {
		given[row.ID] = !row.Disposition.InCloud()
	}
	for i, row := range rows {
		if row.Disposition != cutover.Copied || row.Cloud.Ref == "" {
			continue
		}
		if owner, owned := owners[row.Cloud]; owned && owner != row.ID && !given[owner] {
			rows[i].Disposition, rows[i].CloudFlags = cutover.Merged, nil
		} else {
			owners[row.Cloud] = row.ID
		}
	}
	return nil
}

// mergeLaid settles those rows of which the cloud said that it has them, or whose copies it has moved, and that show up nowhere, as merged with an equal message that lies there. It returns the others.
func (w *worker) mergeLaid(ctx context.Context, p *pair, rows, laid []ledger.Item) (rest []ledger.Item, err error) {
	var merged []ledger.Item
	readable, err := w.readable(ctx, p, rows)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		taken, shares := false, false
		if i := slices.IndexFunc(laid, func(l ledger.Item) bool { return l.ID == row.ID }); i >= 0 {
			row.Identity, taken = laid[i].Identity, true // with its Message-ID
		} else if slices.ContainsFunc(readable, func(r ledger.Item) bool { return r.ID == row.ID }) {
			taken, err = w.left(ctx, row)
		}
		if err == nil && taken {
			row, shares, err = w.sharedCopy(ctx, p, row)
		}
		if err != nil {
			return nil, err
		}
		if shares {
			merged = append(merged, row)
		} else {
			rest = append(rest, row)
		}
	}
	ended, err := w.endOrigins(ctx, merged)
	if err != nil || len(merged) == 0 {
		return rest, err
	}
	return rest, w.keep(ctx, p, append(ended, merged...), nil, nil)
}

// sharedCopy makes a row of which the cloud said that it has it merged, if a copy that another item owns says what its item says.
func (w *worker) sharedCopy(ctx context.Context, p *pair, row ledger.Item) (ledger.Item, bool, error) {
	at, there, err := w.equalCopy(ctx, p, w.asPut(p.Kind, row))
	if err != nil {
		return row, false, fmt.Errorf("looking what the cloud merged: %w", err)
	}
	if there {
		row.Disposition, row.Cloud, row.CloudFlags = cutover.Merged, at, nil
	}
	return row, there, nil
}

// equalCopy is where another item's copy lies that says what the row's item says.
func (w *worker) equalCopy(ctx context.Context, p *pair, row ledger.Item) (at ledger.Place, there bool, err error) {
	state, err := w.cloudState(ctx, p)
	if err != nil {
		return at, false, err
	}
	var refs []cutover.Ref
	var places []ledger.Place
	for item, err := range w.cloud.Search(ctx, p.cloud, []cutover.Identity{row.Identity}) {
		if err != nil {
			return at, false, err
		}
		if alike(item.Identity, row.Identity) {
			refs, places = append(refs, item.Ref), append(places, ledger.Place{Validity: state.Validity, Ref: item.Ref})
		}
	}
	owned, err := w.b.cfg.Ledger.Claimed(ctx, p.ID, places)
	if err != nil || len(owned) == 0 {
		return at, false, err
	}
	of, err := w.printed(ctx, p, []ledger.Item{row}, false)
	if err != nil {
		return at, false, err
	}
	copies, err := prints(ctx, w.cloud, p.cloud, refs)
	if err != nil {
		return at, false, err
	}
	for _, at := range places {
		if _, is := owned[at]; is && copies[at.Ref].like(of[row.Legacy]) {
			return at, true, nil
		}
	}
	return at, false, nil
}

// copyPlace is where a copy lies. Several folders of the old side may lead to one of the cloud: a bin leads to the Trash.
type copyPlace struct {
	folder string // key of its path
	at     ledger.Place
}

func copyPlaceOf(p *pair, row ledger.Item) copyPlace { return copyPlace{p.Cloud.Key(), row.Cloud} }

// withoutMerged leaves out the origins whose copies other items share that are still on the old side.
func (w *worker) withoutMerged(ctx context.Context, origins []*origin) ([]*origin, error) {
	rows := make([]ledger.Item, len(origins))
	for i, o := range origins {
		rows[i] = o.row
	}
	isMerged := func(row ledger.Item) bool { return row.Disposition == cutover.Merged }
	alike, err := w.alike(ctx, rows)
	if err != nil || !slices.ContainsFunc(alike, isMerged) {
		return origins, err
	}
	from, now, err := w.whereabouts(ctx, alike)
	if err != nil {
		return nil, err
	}
	shared := map[copyPlace]bool{}
	for _, row := range alike {
		if isMerged(row) && now[row.ID] != away {
			shared[copyPlaceOf(from[row.Folder], row)] = true
		}
	}
	return slices.DeleteFunc(origins, func(o *origin) bool { return shared[copyPlaceOf(o.from, o.row)] }), nil
}

// share finds the copies that merged items share, and returns the items that have none.
func (v *verifier) share() (missing []unplaced) {
	for _, u := range v.sharing {
		c := v.places[u.home][u.row.Cloud]
		if c == nil || !same(u.item, c.item) {
			i := slices.IndexFunc(v.cloud, func(c *copyItem) bool { return c.in.Path.Key() == u.home && same(u.item, c.item) })
			if i < 0 {
				missing = append(missing, u)
				continue
			}
			c = v.cloud[i]
		}
		if c.shared > 0 {
			v.report.Merged++
		}
		v.pair(u, c)
	}
	return missing
}
