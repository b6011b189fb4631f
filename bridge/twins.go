package bridge

import (
	"context"
	"errors"
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

// adopt finds the rows whose copies lie in the cloud already, unclaimed. Bodies are read and compared for those that may have one; the others cost nothing. put: they were intended, so that a
// copy of ours has their date.
func (w *worker) adopt(ctx context.Context, p *pair, index *cloudIndex, rows []ledger.Item, put bool) (found []match, rest []ledger.Item, err error) {
	if p.Kind.Objects() {
		return w.adoptObjects(ctx, p, index, rows, put)
	}
	a := assignment{candidates: map[ledger.Place][]cutover.Item{}, taken: map[cutover.Ref]bool{}, older: map[cutover.Ref]bool{}}
	var refs []cutover.Ref
	was := map[ledger.Place]ledger.Item{}
	for _, t := range rows {
		like := w.asPut(p.Kind, t)
		may := index.matches(like, w.b.cfg.TraceKey)
		if len(may) == 0 {
			rest = append(rest, t)
			continue
		}
		if like.Digest != t.Digest {
			was[t.Legacy] = t
		}
		a.open = append(a.open, like)
		a.candidates[t.Legacy] = may
		for _, item := range may {
			refs = append(refs, item.Ref)
		}
	}
	if len(a.open) == 0 {
		return nil, rest, nil
	}
	if a.keeps, err = w.cloudKeepsBytes(ctx, p.Kind); err != nil {
		return nil, nil, err
	}
	if a.alters, err = w.cloudAltersText(ctx, p.Kind); err != nil {
		return nil, nil, err
	}
	readable := a.open
	if put {
		if readable, err = w.readable(ctx, p, a.open); err != nil {
			return nil, nil, err
		}
	}
	if a.rows, err = w.printed(ctx, p, readable, a.keeps); err != nil {
		return nil, nil, fmt.Errorf("reading what may lie in the cloud already: %w", err)
	}
	a.open = w.completed(p.Kind, a.open, readable, a.rows)
	if a.copies, err = prints(ctx, w.cloud, p.cloud, sorted(refs)); err != nil {
		return nil, nil, fmt.Errorf("reading what the cloud already holds: %w", err)
	}
	if err := w.reserve(ctx, p, index, &a, put); err != nil {
		return nil, nil, err
	}
	a.assign()
	if put && !a.keeps {
		a.assignVanished()
	}
	a.restore(was)
	for _, m := range a.found {
		index.take(m.twin)
	}
	return a.found, append(rest, a.open...), nil
}

// restore puts rows back that were compared as their repaired copies are.
func (a *assignment) restore(was map[ledger.Place]ledger.Item) {
	for i := range a.found {
		if row, other := was[a.found[i].row.Legacy]; other {
			a.found[i].row = row
		}
	}
	for i := range a.open {
		if row, other := was[a.open[i].Legacy]; other {
			a.open[i] = row
		}
	}
}

// readable are those of the rows whose references still name their items: the others were intended before the legacy folder got new ones, or was deleted.
func (w *worker) readable(ctx context.Context, p *pair, rows []ledger.Item) ([]ledger.Item, error) {
	if !p.listed() {
		return nil, nil
	}
	state, err := w.legacy.State(ctx, p.legacy)
	if errors.Is(err, ErrGone) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(rows), func(row ledger.Item) bool { return row.Legacy.Validity != state.Validity }), nil
}

// completed are the rows with what was filled in into those that were read. What is known of the others is noted.
func (w *worker) completed(kind cutover.FolderKind, rows, read []ledger.Item, known map[ledger.Place]print) []ledger.Item {
	by := map[ledger.Place]ledger.Item{}
	for _, row := range read {
		by[row.Legacy] = row
	}
	rows = slices.Clone(rows)
	for i, row := range rows {
		if now, was := by[row.Legacy]; was {
			rows[i] = now
		} else {
			copied, _ := w.repairedPrint(kind, row)
			known[row.Legacy] = print{body: row.Digest, text: copied.text}
		}
	}
	return rows
}

// sorted leaves repetitions out.
func sorted(refs []cutover.Ref) []cutover.Ref {
	slices.Sort(refs)
	return slices.Compact(refs)
}

// printed reads the rows' legacy bodies and fills in what only they tell: their digests, and who asks for a receipt; where a digest is enough, only of those that have none. One that cannot be
// read stays zero: it is met again when it is put. What a repaired one says is what its copy says.
func (w *worker) printed(ctx context.Context, p *pair, rows []ledger.Item, digestIsEnough bool) (map[ledger.Place]print, error) {
	var refs []cutover.Ref
	known := map[ledger.Place]print{}
	for _, t := range rows {
		if t.Digest.IsZero() || !digestIsEnough {
			refs = append(refs, t.Legacy.Ref)
		}
	}
	found, err := prints(ctx, w.legacy, p.legacy, sorted(refs))
	for i, t := range rows {
		have, read := found[t.Legacy.Ref]
		if read && err == nil {
			err = w.asListed(ctx, p, t, have.is, have.size)
		}
		if t.Digest.IsZero() {
			rows[i].Digest = have.body
			if t.Note == "" && have.asks {
				rows[i].Note = asksForReceipt
			}
		}
		if copied, repaired := w.repairedPrint(p.Kind, t); repaired {
			have.text = copied.text
		}
		known[t.Legacy] = print{body: rows[i].Digest, text: have.text, size: have.size}
	}
	return known, err
}

// digested fills in the digests of the rows' legacy bodies.
func (w *worker) digested(ctx context.Context, p *pair, rows []ledger.Item) error {
	_, err := w.printed(ctx, p, rows, true)
	return err
}

// assignment pairs rows with copies, each copy with one row.
type assignment struct {
	open       []ledger.Item
	candidates map[ledger.Place][]cutover.Item // by the item's legacy place
	rows       map[ledger.Place]print
	copies     map[cutover.Ref]print // of the copies
	taken      map[cutover.Ref]bool
	older      map[cutover.Ref]bool // copies that are no candidates, but may be captures'
	keeps      bool                 // the cloud is known to keep bytes
	alters     bool                 // it is known to change what messages say
	found      []match
}

// assign prefers what proves most: equal bodies with equal date and the flags that were given, then with equal date, then equal bodies alone. Where the cloud does not keep bytes, or it is not
// known, an unequal body proves nothing: then what the messages say is compared, and what is left is matched by key and date alone. Two that say something different, and came at different
// times, are two messages with one key, unless the cloud is known to change what messages say: then the count decides.
func (a *assignment) assign() {
	sameBody := func(t ledger.Item, i cutover.Item) bool {
		d := a.copies[i.Ref].body
		return d == a.rows[t.Legacy].body && !d.IsZero() && (alike(t.Identity, i.Identity) || t.Date.Equal(i.Date))
	}
	sameText := func(t ledger.Item, i cutover.Item) bool { return a.rows[t.Legacy].like(a.copies[i.Ref]) }
	sameDate := func(t ledger.Item, i cutover.Item) bool { return t.Date.Equal(i.Date) }
	sameKey := func(t ledger.Item, i cutover.Item) bool {
		return !keyless(t.Identity, i.Identity) || alike(t.Identity, i.Identity) && t.Size == i.Size
	}
	a.pass(func(t ledger.Item, i cutover.Item) bool {
		return sameBody(t, i) && sameDate(t, i) && putWith(t).Equal(i.Flags)
	})
	a.pass(func(t ledger.Item, i cutover.Item) bool { return sameBody(t, i) && sameDate(t, i) })
	a.pass(sameBody)
	if a.keeps {
		return
	}
	a.pass(func(t ledger.Item, i cutover.Item) bool {
		return sameText(t, i) && sameDate(t, i) && putWith(t).Equal(i.Flags)
	})
	a.pass(func(t ledger.Item, i cutover.Item) bool { return sameText(t, i) && sameDate(t, i) })
	a.pass(func(t ledger.Item, i cutover.Item) bool { return sameText(t, i) && alike(t.Identity, i.Identity) })
	a.pass(func(t ledger.Item, i cutover.Item) bool { return sameKey(t, i) && sameDate(t, i) })
	a.pass(func(t ledger.Item, i cutover.Item) bool {
		return sameKey(t, i) && (a.alters || !a.rows[t.Legacy].unlike(a.copies[i.Ref]))
	})
}

// assignVanished pairs rows whose items cannot be read any more by what is left: their keys and dates. Such a row may have a digest, of what the cloud has rendered anew since.
func (a *assignment) assignVanished() {
	may := func(t ledger.Item, i cutover.Item) bool {
		return a.rows[t.Legacy].text.IsZero() && alike(t.Identity, i.Identity) && t.Date.Equal(i.Date)
	}
	a.pass(func(t ledger.Item, i cutover.Item) bool { return may(t, i) && putWith(t).Equal(i.Flags) })
	a.pass(may)
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
