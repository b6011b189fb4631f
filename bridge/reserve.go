package bridge

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// What the listener captured lies in the cloud by a delivery of its own, and where the cloud does not keep our trace nothing on that copy says so. It is no legacy item's: were it taken for one,
// a second message with its key, or a second copy of the same, would be missing. So each capture keeps one copy for itself before the rest is given to legacy items.

// reserve takes the captures' own copies out of an assignment.
func (w *worker) reserve(ctx context.Context, p *pair, index *cloudIndex, a *assignment, put bool) error {
	keeps, err := w.factHolds(ctx, w.keepsTraceFact(cutover.Cloud))
	if err != nil {
		return err
	}
	items := a.items()
	carried := map[cutover.CaptureID]bool{}
	for _, item := range items {
		if id, ours := item.Identity.Trace.Verify(w.b.cfg.TraceKey); ours {
			carried[id] = true
		}
	}
	if keeps && len(carried) == 0 {
		return nil
	}
	var keys []cutover.Key
	for _, item := range items {
		keys = append(append(keys, item.Identity.Match()), looseKeys(item.Identity)...)
	}
	expected, err := w.b.cfg.Ledger.Expected(ctx, w.m.ID, keys, nil)
	if err != nil {
		return err
	}
	// Those that were seen first: what is left may be the others'.
	slices.SortStableFunc(expected, func(x, y ledger.Expected) int { return strings.Compare(y.Seen, x.Seen) })
	if put && len(expected) > 0 {
		if items, err = w.withOlder(ctx, p, a, items, index.validity); err != nil {
			return err
		}
	}
	for _, e := range expected {
		trace := cutover.NewTrace(w.b.cfg.TraceKey, e.Capture)
		if !mayLie(e) || !carried[e.Capture] && (keeps || index.traced[trace]) {
			continue
		}
		if !carried[e.Capture] {
			trace = "" // it was lost
		}
		text, err := w.b.captureText(ctx, e.Capture)
		if err != nil {
			return err
		}
		own := func(item cutover.Item) bool {
			_, ours := item.Identity.Trace.Verify(w.b.cfg.TraceKey)
			return trace == "" && !ours || item.Identity.Trace == trace
		}
		if i := a.capturesOwn(p, items, e, print{body: e.Digest, text: text}, put, own); i >= 0 {
			a.taken[items[i].Ref] = true
		}
	}
	return nil
}

// withOlder adds what looks like the items and lies where no copy was put that is asked for: a capture's copy may lie there.
func (w *worker) withOlder(ctx context.Context, p *pair, a *assignment, items []cutover.Item, validity string) ([]cutover.Item, error) {
	met := map[cutover.Ref]bool{}
	wanted := make([]cutover.Identity, len(items))
	for i, item := range items {
		met[item.Ref], wanted[i] = true, item.Identity
	}
	var older []cutover.Item
	for item, err := range w.cloud.Search(ctx, p.cloud, wanted) {
		if err != nil {
			return nil, err
		}
		if !met[item.Ref] && slices.ContainsFunc(items, func(of cutover.Item) bool { return alike(of.Identity, item.Identity) }) {
			older = append(older, item)
		}
	}
	if len(older) == 0 {
		return items, nil
	}
	index := newIndex(validity)
	if err := w.include(ctx, p, index, older); err != nil {
		return nil, err
	}
	var refs []cutover.Ref
	for _, item := range older {
		if index.holds(item) {
			items, refs = append(items, item), append(refs, item.Ref)
			a.older[item.Ref] = true
		}
	}
	found, err := prints(ctx, w.cloud, p.cloud, refs)
	maps.Copy(a.copies, found)
	return items, err
}

// mayLie reports whether the cloud may hold the capture's copy.
func mayLie(e ledger.Expected) bool {
	return e.State == ledger.Sending || e.State == ledger.InDoubt || e.State == ledger.Accepted || e.State == ledger.Settled
}

// items are all candidates, each once.
func (a *assignment) items() []cutover.Item {
	var all []cutover.Item
	for _, items := range a.candidates {
		all = append(all, items...)
	}
	slices.SortFunc(all, func(x, y cutover.Item) int { return x.Date.Compare(y.Date) })
	seen := map[cutover.Ref]bool{}
	return slices.DeleteFunc(all, func(item cutover.Item) bool {
		twice := seen[item.Ref]
		seen[item.Ref] = true
		return twice
	})
}

// capturesOwn returns the index of the item that is a capture's copy, or -1: the one that was seen; else one that says the same, nearest in time; else one that says what no legacy item says. What has
// the date of a legacy item that was intended may be the copy that was put for it: it is the capture's only where there is no other, and the capture was accepted, or is about to be, and so must lie there.
func (a *assignment) capturesOwn(p *pair, items []cutover.Item, e ledger.Expected, of print, put bool, own func(cutover.Item) bool) int {
	if e.State == ledger.Settled && e.Seen != "" {
		return slices.IndexFunc(items, func(item cutover.Item) bool {
			return e.Seen == Sighting{Folder: p.cloud.Path, Place: ledger.Place{Ref: item.Ref}}.String()
		})
	}
	may := func(item cutover.Item) bool {
		return !a.taken[item.Ref] && own(item) && alike(e.Identity, item.Identity) && !item.Date.Before(e.Capture.Time().Add(-clockSkew))
	}
	ours := func(item cutover.Item) bool { return put && !a.older[item.Ref] && a.dated(item) && a.said(item) }
	like := func(item cutover.Item) bool { return may(item) && a.copies[item.Ref].like(of) }
	if i := nearest(items, e, func(item cutover.Item) bool { return like(item) && !ours(item) }); i >= 0 {
		return i
	}
	if e.State == ledger.Accepted || e.State == ledger.Sending {
		if i := nearest(items, e, like); i >= 0 {
			return i
		}
	}
	return slices.IndexFunc(items, func(item cutover.Item) bool { return may(item) && !a.said(item) })
}

// nearest returns the index of the item that came nearest to the capture, or -1.
func nearest(items []cutover.Item, e ledger.Expected, may func(cutover.Item) bool) int {
	best := -1
	for i, item := range items {
		if may(item) && (best < 0 || distance(item, e) < distance(items[best], e)) {
			best = i
		}
	}
	return best
}

func distance(item cutover.Item, e ledger.Expected) time.Duration {
	return item.Date.Sub(e.Capture.Time()).Abs()
}

// dated reports whether the item has the date of a legacy item that it may be a copy of.
func (a *assignment) dated(item cutover.Item) bool {
	return slices.ContainsFunc(a.open, func(t ledger.Item) bool { return t.Date.Equal(item.Date) })
}

// said reports whether a legacy item says what the item says.
func (a *assignment) said(item cutover.Item) bool {
	return slices.ContainsFunc(a.open, func(t ledger.Item) bool { return a.rows[t.Legacy].like(a.copies[item.Ref]) })
}
