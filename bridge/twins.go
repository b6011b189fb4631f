package bridge

import (
	"context"
	"fmt"

	"posthouse/cutover"
	"posthouse/ledger"
)

// twins are the cloud items that may be copies of a batch's tasks, with the digests of their bodies.
type twins struct {
	byRow   map[ledger.Place][]cutover.Item
	digests map[cutover.Ref]cutover.Digest
	taken   map[cutover.Ref]bool
	// demand is how many rows with a key have not claimed yet.
	demand map[cutover.Key]int
	// keeps: the cloud is known to keep bytes, so an unequal digest proves two different items.
	keeps bool
}

// twins looks up the tasks in the index and reads the bodies of what it finds.
func (w *worker) twins(ctx context.Context, p *pair, index *cloudIndex, tasks []task) (*twins, error) {
	t := &twins{byRow: map[ledger.Place][]cutover.Item{}, taken: map[cutover.Ref]bool{}, demand: map[cutover.Key]int{}}
	seen := map[cutover.Ref]bool{}
	var refs []cutover.Ref
	for _, task := range tasks {
		found := index.matches(task.Item, w.b.cfg.TraceKey)
		for _, item := range found {
			if !seen[item.Ref] {
				seen[item.Ref] = true
				refs = append(refs, item.Ref)
			}
		}
		t.byRow[task.Legacy] = found
		t.demand[task.Identity.Match()]++
	}
	if len(refs) == 0 {
		return t, nil
	}
	var err error
	if t.keeps, err = w.cloudKeepsBytes(ctx); err != nil {
		return nil, err
	}
	if t.digests, err = digests(ctx, w.cloud, p.cloud, refs); err != nil {
		return nil, fmt.Errorf("reading what the cloud already holds: %w", err)
	}
	return t, nil
}

// claim gives the row its copy, if the cloud has one that no other row took: one with an equal body first. Failing that, where the cloud does not keep bytes (or it is not
// known), one that matches by key, as long as there are enough for all rows that still want one: the count decides, and a copy is not taken from the row whose body it has.
func (t *twins) claim(row ledger.Item) (cutover.Item, bool) {
	key := row.Identity.Match()
	defer func() { t.demand[key]-- }()
	var free []cutover.Item
	for _, item := range t.byRow[row.Legacy] {
		if t.taken[item.Ref] {
			continue
		}
		if t.digests[item.Ref] == row.Digest {
			return t.take(item), true
		}
		free = append(free, item)
	}
	if t.keeps || len(free) == 0 || len(free) < t.demand[key] {
		return cutover.Item{}, false
	}
	return t.take(free[0]), true
}

func (t *twins) take(item cutover.Item) cutover.Item {
	t.taken[item.Ref] = true
	return item
}
