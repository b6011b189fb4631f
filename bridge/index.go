package bridge

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"posthouse/cutover"
	"posthouse/ledger"
)

// cloudIndex is what lies in a cloud folder and belongs to no legacy item yet, by identity. It lives as long as the folder's backfill does; what arrives
// meanwhile is read from the tail before each batch.
type cloudIndex struct {
	validity string
	next     cutover.Ref // everything before it was read
	byKey    map[cutover.Key][]*cutover.Item
	byLoose  map[cutover.Key][]*cutover.Item // those of before, too
	byDate   map[int64][]*cutover.Item
	traced   map[cutover.Trace]bool
	// own counts items that we put at or after next and whose place is known.
	own int
}

// few is how many items are looked for one by one in a folder rather than by reading all of it.
const few = 32

// candidates returns, for the rows, an index of the cloud items that may be theirs.
func (w *worker) candidates(ctx context.Context, p *pair, rows []ledger.Item) (*cloudIndex, FolderState, error) {
	state, err := w.cloudState(ctx, p)
	if err != nil {
		return nil, state, fmt.Errorf("asking for the state of the cloud folder: %w", err)
	}
	if p.index == nil && len(rows) <= few && state.Items > 10*few {
		index, err := w.searched(ctx, p, state, rows)
		return index, state, err
	}
	if p.index == nil || p.index.validity != state.Validity || state.Tail == "" { // without a tail nobody knows what is new
		p.index = newIndex(state.Validity)
	}
	return p.index, state, w.refresh(ctx, p, state)
}

func newIndex(validity string) *cloudIndex {
	return &cloudIndex{validity: validity, byKey: map[cutover.Key][]*cutover.Item{}, byLoose: map[cutover.Key][]*cutover.Item{}, byDate: map[int64][]*cutover.Item{}, traced: map[cutover.Trace]bool{}}
}

// searched asks the cloud for the rows alone: its cost does not depend on the folder's size.
func (w *worker) searched(ctx context.Context, p *pair, state FolderState, rows []ledger.Item) (*cloudIndex, error) {
	index := newIndex(state.Validity)
	wanted := make([]cutover.Identity, len(rows))
	for i, t := range rows {
		wanted[i] = t.Identity
	}
	var items []cutover.Item
	for item, err := range w.cloud.Search(ctx, p.cloud, wanted) {
		if err != nil {
			return nil, fmt.Errorf("searching the cloud folder: %w", err)
		}
		items = append(items, item)
	}
	return index, w.include(ctx, p, index, items)
}

// refresh reads what came into the cloud folder since the index was last complete. Where only our own puts moved the tail there is nothing to read.
func (w *worker) refresh(ctx context.Context, p *pair, state FolderState) error {
	index := p.index
	if state.Items == 0 || index.next == state.Tail && state.Tail != "" || onlyOwn(index, state) {
		index.next, index.own = state.Tail, 0
		return nil
	}
	if err := w.scanned(ctx, p, index, index.next); err != nil {
		return fmt.Errorf("reading the cloud folder: %w", err)
	}
	index.next, index.own = state.Tail, 0
	return nil
}

// scanned includes what lies in the cloud folder at or after from, a few hundred at a time: most of it may be claimed.
func (w *worker) scanned(ctx context.Context, p *pair, index *cloudIndex, from cutover.Ref) error {
	const atOnce = 500
	items := make([]cutover.Item, 0, atOnce)
	for item, err := range w.cloud.Scan(ctx, p.cloud, from) {
		if err != nil {
			return err
		}
		if items = append(items, item); len(items) == atOnce {
			if err := w.include(ctx, p, index, items); err != nil {
				return err
			}
			items = items[:0]
		}
	}
	return w.include(ctx, p, index, items)
}

// onlyOwn holds where references count up by one, as UIDs do, and the tail moved by just as many as we put.
func onlyOwn(index *cloudIndex, state FolderState) bool {
	from, err1 := strconv.ParseUint(string(index.next), 10, 32)
	to, err2 := strconv.ParseUint(string(state.Tail), 10, 32)
	return err1 == nil && err2 == nil && index.own > 0 && to-from == uint64(index.own)
}

// include adds the items that no row claims.
func (w *worker) include(ctx context.Context, p *pair, index *cloudIndex, items []cutover.Item) error {
	places := make([]ledger.Place, len(items))
	for i, item := range items {
		places[i] = ledger.Place{Validity: index.validity, Ref: item.Ref}
	}
	claimed, err := w.b.cfg.Ledger.Claimed(ctx, p.ID, places)
	if err != nil {
		return err
	}
	for i, item := range items {
		if _, taken := claimed[places[i]]; !taken {
			index.add(item)
		}
	}
	return nil
}

func (x *cloudIndex) add(item cutover.Item) {
	id, one := item.Identity, &item
	if !id.Key.IsZero() {
		x.byKey[id.Key] = append(x.byKey[id.Key], one)
	}
	for _, loose := range looseKeys(id) {
		x.byLoose[loose] = append(x.byLoose[loose], one)
	}
	x.byDate[item.Date.Unix()] = append(x.byDate[item.Date.Unix()], one)
	if id.Trace != "" {
		x.traced[id.Trace] = true
	}
}

func (x *cloudIndex) holds(item cutover.Item) bool {
	return slices.ContainsFunc(x.byDate[item.Date.Unix()], func(other *cutover.Item) bool { return other.Ref == item.Ref })
}

// looseKeys are the loose keys that a message has, or had before a server changed its header.
func looseKeys(id cutover.Identity) []cutover.Key {
	keys := []cutover.Key{id.Loose}
	for _, before := range id.Before {
		if !before.IsZero() {
			keys = append(keys, before)
		}
	}
	return keys
}

// matches are the unclaimed items that may be copies of the row: those with its key; where one of the two has no key, those with its loose key, and those that were put with its date, for servers
// invent what is missing. What carries another capture's trace is that capture's own copy.
func (x *cloudIndex) matches(row ledger.Item, traceKey []byte) []cutover.Item {
	if row.Identity.Match().IsZero() {
		return nil // its header could not be read: it is like nothing
	}
	own, _ := row.Identity.Trace.Verify(traceKey)
	var found []cutover.Item
	for _, item := range x.near(row) {
		if id, valid := item.Identity.Trace.Verify(traceKey); !valid || id == own {
			found = append(found, *item)
		}
	}
	return found
}

// near are the items that share one of the row's keys, or the date of a row without a key.
func (x *cloudIndex) near(row ledger.Item) []*cutover.Item {
	id := row.Identity
	var found []*cutover.Item
	add := func(items []*cutover.Item, may func(*cutover.Item) bool) {
		for _, item := range items {
			if may(item) && !slices.Contains(found, item) {
				found = append(found, item)
			}
		}
	}
	if !id.Key.IsZero() {
		add(x.byKey[id.Key], func(*cutover.Item) bool { return true })
	}
	for _, loose := range looseKeys(id) {
		add(x.byLoose[loose], func(item *cutover.Item) bool { return keyless(item.Identity, id) && alike(item.Identity, id) })
	}
	if id.Key.IsZero() && !row.Date.IsZero() {
		add(x.byDate[row.Date.Unix()], func(item *cutover.Item) bool { return !differ(item.Identity.MessageID, id.MessageID) })
	}
	return found
}

// keyless reports whether one of two messages has no key, so that the loose keys decide.
func keyless(a, b cutover.Identity) bool { return a.Key.IsZero() || b.Key.IsZero() }

// matchAny reports whether any of the rows may have a copy.
func (x *cloudIndex) matchAny(rows []ledger.Item, traceKey []byte) bool {
	return slices.ContainsFunc(rows, func(t ledger.Item) bool { return len(x.matches(t, traceKey)) > 0 })
}

// take removes a claimed item.
func (x *cloudIndex) take(item cutover.Item) {
	is := func(other *cutover.Item) bool { return other.Ref == item.Ref }
	x.byKey[item.Identity.Key] = slices.DeleteFunc(x.byKey[item.Identity.Key], is)
	for _, loose := range looseKeys(item.Identity) {
		x.byLoose[loose] = slices.DeleteFunc(x.byLoose[loose], is)
	}
	x.byDate[item.Date.Unix()] = slices.DeleteFunc(x.byDate[item.Date.Unix()], is)
}
