package bridge

import (
	"context"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// place looks for copies by identity, and returns the items that have none. What a capture brought is looked for where the delivery was seen first; what is said to be in the cloud goes before what
// is not, and a copy with an equal date before another.
func (v *verifier) place(rest []unplaced) (missing []unplaced) {
	slices.SortStableFunc(rest, func(a, b unplaced) int { return b.claim() - a.claim() })
	for _, dated := range []bool{true, false} {
		missing = nil
		for _, u := range rest {
			c := v.copyOf(u, dated)
			if c == nil {
				missing = append(missing, u)
				continue
			}
			v.pair(u, c)
			if u.known && u.row.Cloud.Ref != "" && c.in.Path.Key() != u.home {
				v.report.Moved++
			}
		}
		rest = missing
	}
	return missing
}

// partedRefused are those that the cloud refused, and the others.
func partedRefused(all []unplaced) (refused, others []unplaced) {
	for _, u := range all {
		if u.known && isSaved(u.row) {
			refused = append(refused, u)
		} else {
			others = append(others, u)
		}
	}
	return refused, others
}

// claim is higher for what is more surely in the cloud.
func (u unplaced) claim() int {
	switch {
	case u.row.Capture != "":
		return 2
	case u.known && u.row.Disposition.InCloud():
		return 1
	}
	return 0
}

// copyOf is the copy of an item that is not where the ledger says; dated: one that has its date.
func (v *verifier) copyOf(u unplaced, dated bool) *copyItem {
	e, captured := v.expected[u.row.Capture]
	if captured {
		for _, c := range v.cloud {
			if !c.used && c.seen() == e.Seen && alike(e.Identity, c.item.Identity) {
				return c
			}
		}
	}
	if c := v.elsewhere(u.item, dated); c != nil || !captured {
		return c
	}
	return v.elsewhere(cutover.Item{Identity: e.Identity}, dated) // each server may have changed the header in its own way
}

// name tells what was removed from the cloud from what never got there. The old server's copy of what the cloud refused as spam or virus is missed by nobody.
func (v *verifier) name(missing []unplaced) {
	for _, u := range missing {
		if u.known && u.row.Disposition == cutover.Captured && v.expected[u.row.Capture].State == ledger.Quiet {
			v.report.Skipped++
			continue
		}
		f := Finding{Folder: u.folder, Ref: u.item.Ref, MessageID: u.item.Identity.MessageID, Why: why(u)}
		seen := v.expected[u.row.Capture].State == ledger.Settled
		if u.known && (u.row.Disposition == cutover.Copied || u.row.Disposition == cutover.Adopted || u.row.Disposition == cutover.Merged || u.row.Disposition == cutover.Captured && seen) {
			f.Why = "was " + string(u.row.Disposition) + ", seen in the cloud, and removed there since"
			v.report.Removed = append(v.report.Removed, f)
			continue
		}
		v.report.Missing = append(v.report.Missing, f)
	}
}

// expect reads which captures the items joined; of several deliveries to this mailbox the one that was seen, or else one that the cloud refused as spam or virus.
func (v *verifier) expect(ctx context.Context, items []unplaced) error {
	var ids []cutover.CaptureID
	for _, u := range items {
		if u.row.Capture != "" {
			ids = append(ids, u.row.Capture)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	expected, err := v.b.cfg.Ledger.Expected(ctx, v.m.ID, nil, ids)
	for _, e := range expected {
		was := v.expected[e.Capture].State
		if was != ledger.Settled && (was != ledger.Quiet || e.State == ledger.Settled) {
			v.expected[e.Capture] = e
		}
	}
	return err
}

// elsewhere is a copy of the item, wherever it lies; dated: one with equal date, as copies keep that.
func (v *verifier) elsewhere(item cutover.Item, dated bool) *copyItem {
	all := v.byKey[item.Identity.Match()]
	for _, loose := range looseKeys(item.Identity) {
		all = append(all[:len(all):len(all)], v.byLoose[loose]...)
	}
	i := slices.IndexFunc(all, func(c *copyItem) bool {
		return !c.used && same(item, c.item) && (!dated || c.item.Date.Equal(item.Date))
	})
	if i < 0 {
		return nil
	}
	return all[i]
}

// lookAgain has folders read from their beginning that hold what the bridge does not know. Mostly it came just now; but a server may have told of it, and said then that it is not there, and would not tell again.
func (v *verifier) lookAgain(ctx context.Context, missing []unplaced) error {
	begun := map[ledger.FolderID]bool{}
	for _, u := range missing {
		p, paired := v.pairs[u.in.Path.Key()]
		if u.known || !paired || begun[p.ID] {
			continue
		}
		begun[p.ID] = true
		if err := v.b.cfg.Ledger.Reset(ctx, p.ID); err != nil {
			return fmt.Errorf("having %s read from its beginning: %w", p.Legacy, err)
		}
	}
	return nil
}

func why(u unplaced) string {
	switch {
	case !u.known, u.row.Disposition == cutover.Skipped:
		return "not copied yet"
	case u.row.Disposition == cutover.Refused:
		return u.row.Note
	case u.row.Disposition == cutover.Captured:
		return "captured as " + u.row.Capture.Short() + " and not seen in the cloud"
	case u.row.Disposition == cutover.Intended:
		return "its copy is under way"
	}
	return "is said to be " + string(u.row.Disposition) + ", and was never seen in the cloud"
}
