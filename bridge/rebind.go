package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// The cloud's references end as the old side's do: a folder is made anew there, or restored. Then the rows' copies are looked for by identity before anything else is done with the folder, so
// that flags and moves go on to follow and no copy counts as nobody's. Those that are not there were removed in the cloud: their rows stay as they are.

// cloudState asks for the state of the pair's cloud folder. Where its references ended and rows got new places it returns errLookAgain: what the caller knows of rows is no longer true.
func (w *worker) cloudState(ctx context.Context, p *pair) (FolderState, error) {
	state, err := w.cloud.State(ctx, p.cloud)
	if err != nil || state.Validity == p.era {
		return state, err
	}
	known, err := w.b.cfg.Ledger.Fact(ctx, eraFact(p.ID))
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return state, err
	}
	if known == state.Validity {
		p.era = known
		return state, nil
	}
	changed, err := w.rebind(ctx, p, state)
	if err != nil {
		return state, fmt.Errorf("looking for copies under new references in the cloud's %s: %w", p.Cloud, err)
	}
	p.era = state.Validity
	if changed {
		return state, errLookAgain
	}
	return state, nil
}

// eraFact is the validity that all rows of the pair were matched with.
func eraFact(id ledger.FolderID) string { return fmt.Sprintf("cloud-validity/%d", id) }

// rebind gives rows of another validity the places that their copies have now. All pairs that lead to the folder are dealt with together: what is another one's belongs to nobody as long as its row
// has the old place. Where some copies are not found it is done again after the next start: they may be on their way.
func (w *worker) rebind(ctx context.Context, p *pair, state FolderState) (changed bool, err error) {
	pairs, err := w.b.cfg.Ledger.Pairs(ctx, w.m.ID)
	if err != nil {
		return false, err
	}
	pairs = slices.DeleteFunc(pairs, func(other ledger.FolderPair) bool { return other.Cloud.Key() != p.Cloud.Key() })
	var stale, late []ledger.Item
	for _, one := range pairs {
		err = w.b.cfg.Ledger.All(ctx, one.ID, func(row ledger.Item) bool {
			switch {
			case !isOurs(row):
			case row.Cloud.Validity != state.Validity:
				stale = append(stale, row)
			case !kept(row).Equal(row.CloudFlags):
				late = append(late, row)
			}
			return true
		})
		if err != nil {
			return false, err
		}
	}
	era := state.Validity
	if len(stale) > 0 {
		found, err := w.refind(ctx, p, state, stale)
		if err != nil {
			return false, err
		}
		if err := w.keepRows(ctx, p, found); err != nil {
			return false, err
		}
		changed, late = len(found) > 0, append(late, found...)
		w.b.cfg.Log.WithField("mailbox", w.m.ID).WithField("folder", p.Cloud.String()).WithField("found", len(found)).WithField("missing", len(stale)-len(found)).
			Warn("the cloud folder has new references: its copies were matched again")
		if len(found) < len(stale) {
			era = ""
		}
	}
	if err := w.flagFound(ctx, p, state, late); err != nil {
		return changed, err
	}
	for _, one := range pairs {
		if err := w.b.cfg.Ledger.SetFact(ctx, eraFact(one.ID), era); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// flagFound carries over what changed while it was not known where the copies lie. It comes before the folder counts as matched: after a crash it is done again.
func (w *worker) flagFound(ctx context.Context, p *pair, state FolderState, rows []ledger.Item) error {
	changed, err := w.uneven(ctx, p, rows)
	if err == nil && len(changed) > 0 {
		_, err = w.writeFlagsIn(ctx, p, state, changed)
	}
	return err
}

// refind matches rows with what lies in the cloud folder and belongs to nobody. Where one row and one copy are alike, and agree in date or size, no body is read.
func (w *worker) refind(ctx context.Context, p *pair, state FolderState, rows []ledger.Item) (found []ledger.Item, err error) {
	p.index = nil
	index := newIndex(state.Validity)
	if err := w.scanned(ctx, p, index, ""); err != nil {
		return nil, err
	}
	a := assignment{candidates: map[ledger.Place][]cutover.Item{}, taken: map[cutover.Ref]bool{}}
	wanted, was := map[cutover.Ref]int{}, map[ledger.Place]ledger.Item{}
	for _, row := range rows {
		one := w.asPut(p.Kind, row)
		one.Legacy = ledger.Place{Ref: cutover.Ref(fmt.Sprint(row.ID))} // folders may have the same references
		one.Flags = row.CloudFlags
		was[one.Legacy], row = row, one
		a.open = append(a.open, row)
		may := index.matches(row, w.b.cfg.TraceKey)
		a.candidates[row.Legacy] = may
		for _, item := range may {
			wanted[item.Ref]++
		}
	}
	a.pass(func(row ledger.Item, item cutover.Item) bool {
		return len(a.candidates[row.Legacy]) == 1 && wanted[item.Ref] == 1 && (row.Date.Equal(item.Date) || row.Size == item.Size)
	})
	var refs []cutover.Ref
	for _, row := range a.open {
		for _, item := range a.candidates[row.Legacy] {
			if !a.taken[item.Ref] {
				refs = append(refs, item.Ref)
			}
		}
	}
	a.rows = map[ledger.Place]print{}
	for _, row := range a.open {
		a.rows[row.Legacy] = print{body: row.Digest}
	}
	if a.copies, err = prints(ctx, w.cloud, p.cloud, sorted(refs)); err != nil {
		return nil, err
	}
	if a.keeps, err = w.cloudKeepsBytes(ctx, p.Kind); err != nil {
		return nil, err
	}
	if a.alters, err = w.cloudAltersText(ctx, p.Kind); err != nil {
		return nil, err
	}
	a.assign()
	if !a.keeps {
		a.pairSingles(func(row ledger.Item, item cutover.Item) bool {
			return alike(row.Identity, item.Identity) && row.Date.Equal(item.Date)
		})
	}
	a.restore(was)
	for _, m := range a.found {
		m.row.Cloud = ledger.Place{Validity: state.Validity, Ref: m.twin.Ref}
		found = append(found, m.row)
	}
	return found, nil
}

// pairSingles pairs rows and copies each of which has the other alone.
func (a *assignment) pairSingles(same func(ledger.Item, cutover.Item) bool) {
	copies, rows := map[ledger.Place]int{}, map[cutover.Ref]int{}
	for _, row := range a.open {
		for _, item := range a.candidates[row.Legacy] {
			if !a.taken[item.Ref] && same(row, item) {
				copies[row.Legacy]++
				rows[item.Ref]++
			}
		}
	}
	a.pass(func(row ledger.Item, item cutover.Item) bool {
		return copies[row.Legacy] == 1 && rows[item.Ref] == 1 && same(row, item)
	})
}
