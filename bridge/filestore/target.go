package filestore

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// State tells how many items there are. A file has no tail: whatever is new may stand anywhere.
func (s *Store) State(ctx context.Context, f cutover.Folder) (bridge.FolderState, error) {
	opened, err := s.open(ctx, f)
	if err != nil {
		return bridge.FolderState{}, err
	}
	return bridge.FolderState{Validity: validity, Items: len(opened.items)}, nil
}

// Scan yields all items.
func (s *Store) Scan(ctx context.Context, f cutover.Folder, _ cutover.Ref) iter.Seq2[cutover.Item, error] {
	return s.yield(ctx, f, func(cutover.Item) bool { return true })
}

// Search yields the items with a wanted UID, or all where something without one is wanted.
func (s *Store) Search(ctx context.Context, f cutover.Folder, wanted []cutover.Identity) iter.Seq2[cutover.Item, error] {
	keys := map[cutover.Key]bool{}
	for _, w := range wanted {
		if w.Key.IsZero() {
			return s.Scan(ctx, f, "")
		}
		keys[w.Key] = true
	}
	return s.yield(ctx, f, func(i cutover.Item) bool { return keys[i.Identity.Key] })
}

func (s *Store) yield(ctx context.Context, f cutover.Folder, is func(cutover.Item) bool) iter.Seq2[cutover.Item, error] {
	return func(yield func(cutover.Item, error) bool) {
		opened, err := s.open(ctx, f)
		if err != nil {
			yield(cutover.Item{}, err)
			return
		}
		for _, i := range opened.items {
			if err := s.begin(ctx); err != nil {
				yield(cutover.Item{}, err)
				return
			}
			if is(i.Item) && !yield(i.Item, nil) {
				return
			}
		}
	}
}

// Flags tells which items are there: none has flags.
func (s *Store) Flags(ctx context.Context, f cutover.Folder, refs []cutover.Ref) (map[cutover.Ref]cutover.Flags, error) {
	opened, err := s.open(ctx, f)
	if err != nil {
		return nil, err
	}
	found := map[cutover.Ref]cutover.Flags{}
	for _, ref := range refs {
		if _, there := opened.find(ref); there {
			found[ref] = nil
		}
	}
	return found, nil
}

// SetFlags sets none.
func (s *Store) SetFlags(ctx context.Context, f cutover.Folder, flags map[cutover.Ref]cutover.Flags) (map[cutover.Ref]cutover.Flags, error) {
	return s.Flags(ctx, f, slices.Collect(maps.Keys(flags)))
}

// group is how many items are written with one file.
const group = 500

// Put writes the file anew for as many items as there are at a time.
func (s *Store) Put(ctx context.Context, f cutover.Folder, items iter.Seq[bridge.PutItem], outcome func(bridge.Outcome)) error {
	if _, err := s.open(ctx, f); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan bridge.PutItem, group)
	go func() {
		defer close(queue)
		for item := range items {
			select {
			case queue <- item:
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		some, more, err := s.take(ctx, queue)
		if err != nil {
			return err
		}
		if err := s.put(ctx, f, some, outcome); err != nil || !more {
			return err
		}
	}
}

// take waits for one item and takes those that are there besides.
func (s *Store) take(ctx context.Context, queue <-chan bridge.PutItem) (some []bridge.PutItem, more bool, err error) {
	for len(some) < group {
		if len(some) > 0 && len(queue) == 0 {
			return some, true, nil
		}
		select {
		case item, more := <-queue:
			if !more {
				return some, false, s.begin(ctx)
			}
			some = append(some, item)
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-s.closed:
			return nil, false, s.begin(ctx)
		}
	}
	return some, true, nil
}

func (s *Store) put(ctx context.Context, f cutover.Folder, some []bridge.PutItem, outcome func(bridge.Outcome)) error {
	if len(some) == 0 {
		return nil
	}
	opened, err := s.open(ctx, f)
	if err != nil {
		return err
	}
	next, changed := opened.clone(), false
	outcomes := make([]bridge.Outcome, 0, len(some))
	var failed error
	for _, item := range some {
		raw, err := read(item.Content)
		if err != nil {
			failed = err
			break
		}
		o, wrote := next.put(item, raw)
		changed = changed || wrote
		outcomes = append(outcomes, o)
	}
	if changed {
		if err := next.write(); err != nil {
			return fmt.Errorf("writing %s: %w: %w", f.Path, bridge.ErrConnection, err)
		}
		s.remember(f.Name, next)
	}
	for _, o := range outcomes {
		outcome(o)
	}
	return failed
}

// put changes the file in memory.
func (f *file) put(item bridge.PutItem, raw []byte) (o bridge.Outcome, wrote bool) {
	o.ID = item.ID
	d := cutover.NewObjectDigester(f.kind)
	_, _ = d.Write(raw) // it never fails
	if n := len(d.UIDs()); n != 1 {
		o.Err = fmt.Errorf("%w: it has %d UIDs", bridge.ErrRefused, n)
		return o, false
	}
	now := newItem(f.kind, raw)
	o.Place, o.Version = ledger.Place{Validity: validity, Ref: now.Ref}, now.Version
	if item.At != "" {
		i, there := f.by[item.At]
		if !there || f.items[i].Version != item.Replace {
			o.Err = fmt.Errorf("%w: %s", bridge.ErrChanged, item.At)
			return o, false
		}
		now.Ref, o.Place.Ref = item.At, item.At
		f.items[i] = now
		return o, true
	}
	if there, lies := f.find(now.Ref); lies {
		if o.Version = there.Version; there.Says != now.Says {
			o.Err = fmt.Errorf("%w: another version of it lies there", bridge.ErrRefused)
		}
		return o, false
	}
	f.add(now)
	return o, true
}

// read takes the whole body and holds the content to its size.
func read(c bridge.Content) ([]byte, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err == nil && int64(len(raw)) != c.Size() {
		err = fmt.Errorf("content has %d octets instead of %d: %w", len(raw), c.Size(), bridge.ErrConnection)
	}
	return raw, err
}
