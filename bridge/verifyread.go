package bridge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

func (v *verifier) readCloud(ctx context.Context, cloud Store) error {
	folders, err := cloud.Folders(ctx)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if f.Foreign || f.NoSelect || f.Role.Virtual() {
			continue
		}
		state, err := cloud.State(ctx, f)
		if err != nil {
			return err
		}
		here := map[ledger.Place]*copyItem{}
		v.places[f.Path.Key()] = here
		for item, err := range cloud.Scan(ctx, f, "") {
			if err != nil {
				return fmt.Errorf("%s: %w", f.Path, err)
			}
			c := &copyItem{folder: f.Path.String(), in: f, item: item}
			v.cloud = append(v.cloud, c)
			here[ledger.Place{Validity: state.Validity, Ref: item.Ref}] = c
			v.byKey[item.Identity.Match()] = append(v.byKey[item.Identity.Match()], c)
			for _, loose := range looseKeys(item.Identity) {
				v.byLoose[loose] = append(v.byLoose[loose], c)
			}
		}
	}
	return nil
}

// unplaced is a legacy item whose copy is not where the ledger says; it is looked for by identity once every item that is in its place has taken its copy.
type unplaced struct {
	in     cutover.Folder
	folder string
	item   cutover.Item
	row    ledger.Item
	known  bool
	home   string // key of the cloud folder where its copy was put
	// repaired is the digest of the item with its repairs, if the row tells of any.
	repaired cutover.Digest
}

// readLegacy matches a legacy folder's items with the copies that the ledger names.
func (v *verifier) readLegacy(ctx context.Context, legacy Store, f cutover.Folder, p ledger.FolderPair) ([]unplaced, error) {
	state, err := legacy.State(ctx, f)
	if err != nil {
		return nil, err
	}
	rows := map[ledger.Place]ledger.Item{}
	if p.ID != 0 {
		err := v.b.cfg.Ledger.All(ctx, p.ID, func(row ledger.Item) bool { rows[row.Legacy] = row; return true })
		if err != nil {
			return nil, err
		}
	}
	bin, binned, err := v.binned(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	var rest []unplaced
	var mended []unplaced
	for item, err := range legacy.Scan(ctx, f, "") {
		if err != nil {
			return nil, err
		}
		here := ledger.Place{Validity: state.Validity, Ref: item.Ref}
		row, known := rows[here]
		delete(rows, here)
		p := p
		if !known && item.Flags.Has(`\Deleted`) {
			row, known = binned[here]
			delete(binned, here)
			p = bin
		}
		wanted, _ := v.w.rules.item(item.Flags)
		if known && (row.Disposition == cutover.Skipped && !wanted || p.ID == bin.ID && row.Disposition == cutover.Gone) {
			v.report.Skipped++ // or another item has its copy
			continue
		}
		if known && item.Identity.Match().IsZero() {
			item.Identity = row.Identity // it cannot be read now, and could when it was copied
		}
		u := unplaced{in: f, folder: f.Path.String(), item: item, row: row, known: known, home: p.Cloud.Key()}
		v.holds(item)
		v.note(u.folder, u.row)
		switch {
		case known && (row.Repaired() || row.Disposition == cutover.Merged && repairsOf(row) != 0):
			mended = append(mended, u)
		default:
			rest = v.inPlaceOr(rest, u)
		}
	}
	if err := v.identify(ctx, legacy, f, mended); err != nil {
		return nil, err
	}
	for _, u := range mended {
		rest = v.inPlaceOr(rest, u)
	}
	v.leave(p, rows)
	v.leave(bin, binned)
	return rest, nil
}

// vanished notes the rows of folders that are no longer on the legacy side.
func (v *verifier) vanished(ctx context.Context, folders []cutover.Folder) error {
	listed := map[string]bool{}
	for _, f := range folders {
		listed[f.Path.Key()], listed[binPath(f.Path).Key()] = true, true
	}
	for path, p := range v.pairs {
		if listed[path] {
			continue
		}
		rows := map[ledger.Place]ledger.Item{}
		if err := v.b.cfg.Ledger.All(ctx, p.ID, func(row ledger.Item) bool { rows[row.Legacy] = row; return true }); err != nil {
			return err
		}
		v.leave(p, rows)
	}
	return nil
}

// leave notes rows whose items were not met.
func (v *verifier) leave(p ledger.FolderPair, rows map[ledger.Place]ledger.Item) {
	for _, row := range rows {
		if strings.Contains(row.Note, StaysNote) {
			v.note(p.Legacy.String(), row)
		}
		if c := v.places[p.Cloud.Key()][row.Cloud]; c != nil && row.Cloud.Ref != "" {
			v.left = append(v.left, leftRow{row, c})
		} else if row.Disposition.InCloud() && row.Cloud.Ref != "" {
			v.astray = append(v.astray, astrayRow{row, p.Cloud.Key()})
		}
	}
}

// holds notes that the legacy side holds an item of this identity.
func (v *verifier) holds(item cutover.Item) {
	v.legacy[item.Identity.Match()] = append(v.legacy[item.Identity.Match()], item.Identity.MessageID)
}

// inPlaceOr counts an item whose copy is where the ledger says, and sets one aside that shares its copy; any other is one of the rest.
func (v *verifier) inPlaceOr(rest []unplaced, u unplaced) []unplaced {
	switch {
	case u.known && u.row.Disposition == cutover.Merged:
		v.sharing = append(v.sharing, u)
	case !v.inPlace(u):
		rest = append(rest, u)
	}
	return rest
}

// inPlace counts an item whose copy is where the ledger says. What a capture brought is looked for with the captures.
func (v *verifier) inPlace(u unplaced) bool {
	c := v.places[u.home][u.row.Cloud]
	if !u.known || u.row.Cloud.Ref == "" || c == nil || c.used || isCaptured(u.row) || !same(u.item, c.item) {
		return false
	}
	c.put = true
	v.pair(u, c)
	return true
}

// identify gives repaired items the identity and the digest that their copies have: a repair of the header may change it.
func (v *verifier) identify(ctx context.Context, legacy Store, f cutover.Folder, mended []unplaced) error {
	rows := map[cutover.Ref]ledger.Item{}
	for _, u := range mended {
		rows[u.item.Ref] = u.row
	}
	found, err := repairedDigests(ctx, legacy, f, rows)
	if err != nil {
		return fmt.Errorf("reading what was repaired: %w", err)
	}
	for i, u := range mended {
		if d := found[u.item.Ref]; d != nil {
			mended[i].item.Identity, mended[i].repaired = d.identity, d.digest
			v.holds(mended[i].item)
		}
	}
	return nil
}

// leftRow is a row whose item was not met on the legacy side, and its copy.
type leftRow struct {
	row  ledger.Item
	copy *copyItem
}

// gone takes the copies of items that are no longer on the legacy side: they are rightly in the cloud. A row that was set aside speaks for nothing while the legacy still holds its
// identity: the ledger may be wrong, and this is the check on it.
func (v *verifier) gone() {
	for _, l := range v.left {
		if isSetAside(l.row) && len(v.legacy[l.row.Identity.Match()]) > 0 {
			continue
		}
		l.copy.used = true
	}
}

// astrayRow is such a row whose copy is not where the ledger says; home is the key of the cloud folder where it was put.
type astrayRow struct {
	row  ledger.Item
	home string
}

// goneAstray takes the copies of such items that lie in their folder under new references, and that no legacy item needs.
func (v *verifier) goneAstray() {
	for _, a := range v.astray {
		item := cutover.Item{Identity: a.row.Identity}
		i := slices.IndexFunc(v.cloud, func(c *copyItem) bool {
			return !c.used && c.in.Path.Key() == a.home && c.item.Date.Equal(a.row.Date) && same(item, c.item)
		})
		if i >= 0 {
			v.cloud[i].used = true
		}
	}
}
