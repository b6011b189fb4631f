package memstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// PrepareFolders implements bridge.Preparer.
func (s *Store) PrepareFolders(ctx context.Context, wanted []cutover.Folder) error {
	for _, want := range wanted {
		_, _ = s.EnsureFolder(ctx, want) // a refusal is told by EnsureFolder itself
	}
	return ctx.Err()
}

// WouldBe implements bridge.Foreseer.
func (s *Store) WouldBe(ctx context.Context, want cutover.Folder) (f cutover.Folder, exists bool, err error) {
	if err := s.begin(ctx, OpFolders); err != nil {
		return cutover.Folder{}, false, fmt.Errorf("looking for folder %s: %w", want.Path, err)
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	would := s.box.wouldBe(want)
	return would.Folder, would.validity != 0 && !would.NoSelect, nil
}

// EnsureFolder finds by role, then by path, then makes the folder.
func (s *Store) EnsureFolder(ctx context.Context, want cutover.Folder) (cutover.Folder, error) {
	if err := s.begin(ctx, OpEnsure); err != nil {
		return cutover.Folder{}, fmt.Errorf("making folder %s: %w", want.Path, err)
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	would := s.box.wouldBe(want)
	would.NoSelect = false
	if would.validity == 0 {
		would = s.box.newFolder(would.Folder)
		if would.Subscription = want.Subscription; want.Subscription == "" {
			would.Subscription = cutover.Subscribed
		}
		s.box.folders = append(s.box.folders, would)
	}
	return would.Folder, nil
}

// Subscriptions implements bridge.Subscriber: Folders tells everything.
func (s *Store) Subscriptions(context.Context, []cutover.Folder) error { return nil }

// Subscribe implements bridge.Subscriber.
func (s *Store) Subscribe(ctx context.Context, folders []cutover.Folder) error {
	for _, f := range folders {
		if err := s.begin(ctx, OpSubscribe); err != nil {
			return fmt.Errorf("subscribing to %s: %w", f.Path, err)
		}
		s.box.mu.Lock()
		if open, err := s.open(f); err == nil {
			open.Subscription = cutover.Subscribed
		}
		s.box.mu.Unlock()
	}
	return nil
}

// wouldBe finds the folder; one that is not there has no validity yet.
func (b *Mailbox) wouldBe(want cutover.Folder) *folder {
	for _, f := range b.folders {
		if want.Role != cutover.NoRole && f.Role == want.Role && !f.Foreign && !f.NoSelect {
			return f
		}
	}
	path := b.fit(want.Path)
	if f := b.at(path); f != nil {
		return f
	}
	return &folder{Folder: cutover.Folder{Path: path, Kind: want.Kind, Role: want.Role}}
}

// fit replaces the server's separator inside the elements of a path.
func (b *Mailbox) fit(path cutover.FolderPath) cutover.FolderPath {
	fitted := make(cutover.FolderPath, len(path))
	for i, element := range path {
		fitted[i] = strings.ReplaceAll(element, b.options.Separator, "_")
	}
	return fitted
}

// Move implements bridge.Mover.
func (s *Store) Move(ctx context.Context, from cutover.Folder, refs []cutover.Ref, to cutover.Folder) (map[cutover.Ref]ledger.Place, error) {
	if err := s.begin(ctx, OpMove); err != nil {
		return nil, fmt.Errorf("moving from %s to %s: %w", from.Path, to.Path, err)
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	source, target := s.box.at(from.Path), s.box.at(to.Path)
	if source == nil || target == nil {
		return nil, fmt.Errorf("moving from %s to %s: %w", from.Path, to.Path, bridge.ErrGone)
	}
	places := map[cutover.Ref]ledger.Place{}
	for _, ref := range refs {
		if source.find(ref) == nil {
			continue
		}
		m := s.box.remove(source, ref)
		moved := target.same(m.raw)
		if moved == nil || !s.box.options.Merge {
			moved = target.add(s.box, Message{Raw: m.raw, Flags: m.flags, Date: m.date})
		}
		places[ref] = ledger.Place{}
		if !s.box.options.NoPlaces {
			places[ref] = ledger.Place{Validity: target.era(), Ref: moved.ref()}
		}
	}
	return places, nil
}

// Delete implements bridge.Deleter.
func (s *Store) Delete(ctx context.Context, f cutover.Folder, versions map[cutover.Ref]string) (map[cutover.Ref]error, error) {
	outcomes := map[cutover.Ref]error{}
	for ref, version := range versions {
		err := s.begin(ctx, OpDelete)
		if err == nil {
			outcomes[ref], err = s.deleteOne(f, ref, version)
		} else if errors.Is(err, bridge.ErrRefused) || errors.Is(err, bridge.ErrBusy) {
			outcomes[ref], err = err, nil
		}
		if err != nil {
			return outcomes, fmt.Errorf("deleting %s from %s: %w", ref, f.Path, err)
		}
	}
	return outcomes, nil
}

func (s *Store) deleteOne(f cutover.Folder, ref cutover.Ref, version string) (outcome, err error) {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	open, err := s.open(f)
	if err != nil {
		return nil, err
	}
	switch m := open.find(ref); {
	case m == nil:
	case m.item().Version != version:
		return fmt.Errorf("%w: it has version %s", bridge.ErrChanged, m.item().Version), nil
	default:
		s.box.remove(open, ref)
	}
	return nil, nil
}

// State is exact: the tail is the reference that the next item gets.
func (s *Store) State(ctx context.Context, f cutover.Folder) (bridge.FolderState, error) {
	if err := s.begin(ctx, OpState); err != nil {
		return bridge.FolderState{}, fmt.Errorf("asking for the state of %s: %w", f.Path, err)
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	open, err := s.open(f)
	if err != nil {
		return bridge.FolderState{}, err
	}
	return bridge.FolderState{Validity: open.era(), Tail: refOf(open.next), Items: len(open.messages)}, nil
}

// Scan yields by rising reference.
func (s *Store) Scan(ctx context.Context, f cutover.Folder, from cutover.Ref) iter.Seq2[cutover.Item, error] {
	low, err := strconv.ParseUint(string(from), 10, 32)
	if from != "" && err != nil {
		return failed(fmt.Errorf("scanning %s from %q: %w", f.Path, from, err))
	}
	return s.yield(ctx, f, OpScan, func(m *message) bool { return uint64(m.uid) >= low })
}

// Search yields items with a wanted trace or Message-ID, or all where something without either is wanted.
func (s *Store) Search(ctx context.Context, f cutover.Folder, wanted []cutover.Identity) iter.Seq2[cutover.Item, error] {
	if err := s.begin(ctx, OpSearch); err != nil {
		return failed(fmt.Errorf("searching %s: %w", f.Path, err))
	}
	return s.yield(ctx, f, OpSearch, func(m *message) bool {
		return slices.ContainsFunc(wanted, func(w cutover.Identity) bool { return maybe(m, w) })
	})
}

func maybe(m *message, w cutover.Identity) bool {
	if w.MessageID == "" && w.Trace == "" {
		return true
	}
	return w.MessageID != "" && m.identity.MessageID == w.MessageID || w.Trace != "" && m.identity.Trace == w.Trace
}

func failed(err error) iter.Seq2[cutover.Item, error] {
	return func(yield func(cutover.Item, error) bool) { yield(cutover.Item{}, err) }
}

func (s *Store) yield(ctx context.Context, f cutover.Folder, op string, match func(*message) bool) iter.Seq2[cutover.Item, error] {
	return func(yield func(cutover.Item, error) bool) {
		items, err := s.matching(f, match)
		if err != nil {
			yield(cutover.Item{}, err)
			return
		}
		for _, item := range items {
			if err := s.begin(ctx, op); err != nil {
				yield(cutover.Item{}, fmt.Errorf("%s %s %s: %w", op, f.Path, item.Ref, err))
				return
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

func (s *Store) matching(f cutover.Folder, match func(*message) bool) ([]cutover.Item, error) {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	open, err := s.open(f)
	if err != nil {
		return nil, err
	}
	var items []cutover.Item
	for _, m := range open.messages {
		if match(m) {
			items = append(items, m.item())
		}
	}
	return items, nil
}

// Put stores item by item; with OutOfOrder outcomes come in small groups, each last first.
func (s *Store) Put(ctx context.Context, f cutover.Folder, items iter.Seq[bridge.PutItem], outcome func(bridge.Outcome)) error {
	put, tell := items, outcome
	if s.box.options.OutOfOrder {
		var flush func()
		tell, flush = reversing(outcome)
		defer flush()
		put = flushing(items, flush)
	}
	for item := range put {
		if err := s.put(ctx, f, item, tell); err != nil {
			return fmt.Errorf("putting into %s: %w", f.Path, err)
		}
	}
	return s.alive(ctx)
}

func (s *Store) put(ctx context.Context, f cutover.Folder, item bridge.PutItem, tell func(bridge.Outcome)) error {
	err := s.begin(ctx, OpPut)
	if errors.Is(err, bridge.ErrRefused) || errors.Is(err, bridge.ErrBusy) || errors.Is(err, bridge.ErrUnknown) {
		tell(bridge.Outcome{ID: item.ID, Err: err})
		return nil
	}
	if err != nil {
		return err
	}
	raw, err := read(item.Content)
	if err != nil {
		return err
	}
	if err := s.box.options.fits(raw); err != nil {
		tell(bridge.Outcome{ID: item.ID, Err: err})
		return nil
	}
	if render := s.box.options.Render; render != nil {
		raw = render(raw)
	}
	place, err := s.keep(f, item, raw)
	if err != nil {
		return err
	}
	return s.reply(ctx, bridge.Outcome{ID: item.ID, Place: place, Left: s.box.left(item.Flags)}, tell)
}

// reply tells the outcome of an item that was stored, unless the hook loses it.
func (s *Store) reply(ctx context.Context, o bridge.Outcome, tell func(bridge.Outcome)) error {
	err := s.begin(ctx, OpReply)
	if errors.Is(err, bridge.ErrUnknown) {
		tell(bridge.Outcome{ID: o.ID, Err: err})
		return nil
	}
	if err == nil {
		tell(o)
	}
	return err
}

func (s *Store) keep(f cutover.Folder, item bridge.PutItem, raw []byte) (ledger.Place, error) {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	open, err := s.open(f)
	if err != nil {
		return ledger.Place{}, err
	}
	kept := open.same(raw)
	if kept == nil || !s.box.options.Merge {
		kept = open.add(s.box, Message{Raw: raw, Flags: item.Flags, Date: item.Date})
	}
	if s.box.options.NoPlaces {
		return ledger.Place{}, nil
	}
	return ledger.Place{Validity: open.era(), Ref: kept.ref()}, nil
}

func (f *folder) same(raw []byte) *message {
	for _, m := range f.messages {
		if bytes.Equal(m.raw, raw) {
			return m
		}
	}
	return nil
}

// read takes the whole body and holds the content to its size.
func read(c bridge.Content) ([]byte, error) {
	body, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	raw, err := io.ReadAll(body)
	if err == nil && int64(len(raw)) != c.Size() {
		err = fmt.Errorf("content has %d octets instead of %d: %w", len(raw), c.Size(), bridge.ErrConnection)
	}
	return raw, err
}
