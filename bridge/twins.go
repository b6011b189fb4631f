package bridge

import (
	"context"
	"fmt"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// match is a legacy item and the copy of it that lies in the cloud.
type match struct {
	row  ledger.Item
	twin cutover.Item
}

// adopt finds the rows whose copies lie in the cloud already, unclaimed. Bodies are read and compared for those that may have one; the others cost nothing.
func (w *worker) adopt(ctx context.Context, p *pair, index *cloudIndex, rows []ledger.Item) (found []match, rest []ledger.Item, err error) {
	a := assignment{candidates: map[ledger.Place][]cutover.Item{}, taken: map[cutover.Ref]bool{}}
	var refs []cutover.Ref
	for _, t := range rows {
		may := index.matches(t, w.b.cfg.TraceKey)
		if len(may) == 0 {
			rest = append(rest, t)
			continue
		}
		a.open = append(a.open, t)
		a.candidates[t.Legacy] = may
		for _, item := range may {
			refs = append(refs, item.Ref)
		}
	}
	if len(a.open) == 0 {
		return nil, rest, nil
	}
	if err := w.digested(ctx, p, a.open); err != nil {
		return nil, nil, fmt.Errorf("reading what may lie in the cloud already: %w", err)
	}
	if a.digests, err = digests(ctx, w.cloud, p.cloud, sorted(refs)); err != nil {
		return nil, nil, fmt.Errorf("reading what the cloud already holds: %w", err)
	}
	if a.keeps, err = w.cloudKeepsBytes(ctx); err != nil {
		return nil, nil, err
	}
	a.assign()
	for _, m := range a.found {
		index.take(m.twin)
	}
	return a.found, append(rest, a.open...), nil
}

// sorted leaves repetitions out.
func sorted(refs []cutover.Ref) []cutover.Ref {
	slices.Sort(refs)
	return slices.Compact(refs)
}

// digested fills in what only the rows' legacy bodies tell: their digests, and who asks for a receipt. One that cannot be read stays zero: it is met again when it is put.
func (w *worker) digested(ctx context.Context, p *pair, rows []ledger.Item) error {
	var refs []cutover.Ref
	at := map[cutover.Ref]int{}
	for i, t := range rows {
		if t.Digest.IsZero() {
			refs, at[t.Legacy.Ref] = append(refs, t.Legacy.Ref), i
		}
	}
	return readBodies(ctx, w.legacy, p.legacy, refs, func(ref cutover.Ref, d *cutover.BodyDigester) {
		row := &rows[at[ref]]
		row.Digest = d.Digest()
		if row.Note == "" && wantsReceipt(d.Header()) {
			row.Note = asksForReceipt
		}
	})
}

// assignment pairs rows with copies, each copy with one row.
type assignment struct {
	open       []ledger.Item
	candidates map[ledger.Place][]cutover.Item // by the item's legacy place
	digests    map[cutover.Ref]cutover.Digest  // of the copies
	taken      map[cutover.Ref]bool
	keeps      bool // the cloud is known to keep bytes
	found      []match
}

// assign prefers what proves most: equal bodies with equal date and flags, then with equal date, then equal bodies alone. Where the cloud does not keep bytes, or it is not
// known, an unequal body proves nothing: what is left is matched by key alone, and the count decides.
func (a *assignment) assign() {
	sameBody := func(t ledger.Item, i cutover.Item) bool { d, ok := a.digests[i.Ref]; return ok && d == t.Digest }
	sameDate := func(t ledger.Item, i cutover.Item) bool { return t.Date.Equal(i.Date) }
	a.pass(func(t ledger.Item, i cutover.Item) bool {
		return sameBody(t, i) && sameDate(t, i) && t.Flags.Equal(i.Flags)
	})
	a.pass(func(t ledger.Item, i cutover.Item) bool { return sameBody(t, i) && sameDate(t, i) })
	a.pass(sameBody)
	if !a.keeps {
		a.pass(sameDate)
		a.pass(func(ledger.Item, cutover.Item) bool { return true })
	}
}

func (a *assignment) pass(same func(ledger.Item, cutover.Item) bool) {
	var open []ledger.Item
	for _, t := range a.open {
		i := slices.IndexFunc(a.candidates[t.Legacy], func(i cutover.Item) bool { return !a.taken[i.Ref] && same(t, i) })
		if i < 0 {
			open = append(open, t)
			continue
		}
		twin := a.candidates[t.Legacy][i]
		a.taken[twin.Ref] = true
		a.found = append(a.found, match{row: t, twin: twin})
	}
	a.open = open
}
