package davstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/object"
	"posthouse/cutover"
	"posthouse/ledger"
)

// Next tells of what happened since the cursor's token, and then goes on with the first look, by name.
func (s *Store) Next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (bridge.Batch, error) {
	b, err := s.next(ctx, f, c)
	if err != nil {
		return bridge.Batch{}, fmt.Errorf("following %s: %w", f.Path, err)
	}
	return b, nil
}

func (s *Store) next(ctx context.Context, f cutover.Folder, c ledger.Cursor) (bridge.Batch, error) {
	at, err := parseCursor(c)
	if err != nil {
		return bridge.Batch{}, err
	}
	m, err := s.mirror(ctx, f)
	if err != nil {
		return bridge.Batch{}, err
	}
	leave, err := m.hold(ctx)
	if err != nil {
		return bridge.Batch{}, err
	}
	defer leave()
	w := walk{s: s, m: m, f: f, at: at, batch: bridge.Batch{Validity: validity}}
	if at.Token == "" && c != "" {
		return w.withoutTokens(ctx)
	}
	return w.withTokens(ctx)
}

// walk is one call of Next. It holds the mirror.
type walk struct {
	s     *Store
	m     *mirror
	f     cutover.Folder
	at    cursor
	batch bridge.Batch
}

func (w *walk) withTokens(ctx context.Context) (bridge.Batch, error) {
	if w.at.Token == "" {
		return w.begin(ctx)
	}
	changes, token, err := w.news(ctx)
	if errors.Is(err, errForgotten) || errors.Is(err, bridge.ErrUnsupported) {
		w.batch.Reset, w.m.listed = true, false
		return w.begin(ctx)
	}
	if err != nil {
		return w.batch, err
	}
	w.at.Token = token
	if len(changes) > 0 {
		w.batch.Fresh, w.batch.Left = true, -1
		if err := w.take(ctx, changes); err != nil {
			return w.batch, err
		}
		if len(w.batch.Changes) > 0 {
			w.batch.After = w.at.String()
			return w.batch, nil
		}
		w.batch.Fresh = false
	}
	return w.goOn(ctx)
}

// begin is the first look, or the first after the token was forgotten.
func (w *walk) begin(ctx context.Context) (bridge.Batch, error) {
	w.at = cursor{}
	if !w.m.listed || !w.recent() {
		if err := w.s.refresh(ctx, w.m); err != nil {
			return w.batch, err
		}
	}
	if w.m.token == "" {
		return w.withoutTokens(ctx)
	}
	w.at.Token = w.m.token
	return w.goOn(ctx)
}

// recent reports whether the mirror was looked at so lately that nobody waits for news.
func (w *walk) recent() bool { return time.Since(w.m.looked) < w.s.o.Fresh }

// news are the changes since the cursor's token.
func (w *walk) news(ctx context.Context) ([]change, string, error) {
	if !w.at.Done && w.m.listed && w.m.token == w.at.Token && w.recent() {
		return nil, w.at.Token, nil
	}
	changes, token, err := w.s.changes(ctx, w.m, w.at.Token)
	if err == nil && w.m.listed && w.m.token == w.at.Token {
		w.m.apply(changes, token)
	}
	return changes, token, err
}

// goOn tells of the next names of the first look.
func (w *walk) goOn(ctx context.Context) (bridge.Batch, error) {
	for !w.at.Done {
		if !w.m.listed {
			if err := w.s.listMembers(ctx, w.m); err != nil {
				return w.batch, err
			}
		}
		names := w.m.names()
		i, found := slices.BinarySearch(names, w.at.After)
		if found {
			i++
		}
		names = names[i:]
		n := min(len(names), w.s.o.Batch)
		w.batch.Left = len(names) - n
		if w.at.Done = n == len(names); n > 0 {
			w.at.After = names[n-1]
		}
		if w.at.Done {
			w.at.After = ""
		}
		if err := w.take(ctx, w.members(names[:n])); err != nil {
			return w.batch, err
		}
		if len(w.batch.Changes) > 0 {
			break
		}
	}
	w.batch.After = w.at.String()
	return w.batch, nil
}

func (w *walk) members(names []string) []change {
	members := make([]change, len(names))
	for i, name := range names {
		k := w.m.members[name]
		members[i] = change{name: name, etag: k.etag, size: k.size}
	}
	return members
}

// withoutTokens compares all versions with the fingerprints of those that were told, whenever the collection's tag is another one.
func (w *walk) withoutTokens(ctx context.Context) (bridge.Batch, error) {
	if !w.m.listed || w.at.Done || !w.recent() {
		if err := w.s.refresh(ctx, w.m); err != nil {
			return w.batch, err
		}
	}
	w.batch.After = w.at.String()
	if w.at.Done && w.m.ctag != "" && w.at.Tag == w.m.ctag {
		return w.batch, nil
	}
	seen, err := object.ParseSeen(w.at.Seen)
	if err != nil {
		return w.batch, err
	}
	if err := w.s.identify(ctx, w.m, w.m.without()); err != nil { // whose versions only their octets tell
		return w.batch, err
	}
	told := object.Seen{}
	var open, news []string
	for _, name := range w.m.names() {
		if p := object.Print(name, w.m.members[name].etag); seen[p] {
			told[p] = true
		} else if w.at.Done || name <= w.at.After {
			news = append(news, name)
		} else {
			open = append(open, name)
		}
	}
	left := len(open) + len(news)
	if w.batch.Fresh = len(news) > 0; w.batch.Fresh {
		open = news
	}
	n := min(len(open), w.s.o.Batch)
	w.batch.Left = left - n
	if err := w.take(ctx, w.members(open[:n])); err != nil {
		return w.batch, err
	}
	for _, name := range open[:n] {
		told[object.Print(name, w.m.members[name].etag)] = true
	}
	if n > 0 {
		w.at.After = max(w.at.After, open[n-1])
	}
	if n == left {
		w.at.Done, w.at.Tag, w.at.After = true, w.m.ctag, ""
	}
	w.at.Seen = told.String()
	w.batch.After = w.at.String()
	return w.batch, nil
}

// without are the members of which the server tells no version.
func (m *mirror) without() (names []string) {
	for name, k := range m.members {
		if k.etag == "" {
			names = append(names, name)
		}
	}
	return names
}

// take reads members for their identities and tells of them, by name. What is gone by now is told of by whoever looks next.
func (w *walk) take(ctx context.Context, changes []change) error {
	slices.SortStableFunc(changes, func(a, b change) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	var there []change
	found := map[string][]bridge.Change{}
	for _, c := range changes {
		if c.gone {
			found[c.name] = []bridge.Change{{Kind: bridge.Removed, Item: cutover.Item{Ref: cutover.Ref(c.name)}}}
			continue
		}
		there = append(there, c)
	}
	err := w.s.read(ctx, w.m, there, func(name string, b body) error {
		found[name] = w.items(name, b)
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range changes {
		w.batch.Changes = append(w.batch.Changes, found[c.name]...)
		delete(found, c.name)
	}
	return nil
}

// items are the items of a member that was read.
func (w *walk) items(name string, b body) (changes []bridge.Change) {
	if errors.Is(b.err, bridge.ErrGone) {
		return []bridge.Change{{Kind: bridge.Removed, Item: cutover.Item{Ref: refOf(name)}}}
	}
	if b.err != nil { // who fetches it hears why
		return []bridge.Change{{Kind: bridge.Added, Item: cutover.Item{Ref: refOf(name), Version: w.m.members[name].etag}}}
	}
	parts := w.m.read(name, b)
	if len(parts) > 0 {
		w.s.kept.put(w.f.Name+name, b)
	}
	for _, p := range parts {
		changes = append(changes, bridge.Change{Kind: bridge.Added, Item: p.item(b.etag)})
	}
	return changes
}

func (p part) item(version string) cutover.Item {
	return cutover.Item{Ref: p.ref, Version: version, Size: p.n, Identity: p.id, Says: p.says}
}

// read notes what a member that was read holds, if it is listed, and returns its items: none, if it is a stand-in.
func (m *mirror) read(name string, b body) (parts []part) {
	stand := parseStandIn(m.kind, b.raw)
	if stand == nil {
		parts, _ = partsOf(m.kind, name, b.raw)
	}
	if k, listed := m.members[name]; listed {
		k.as, k.item, k.stand = b.etag, parts, stand
		m.members[name] = k
		m.stood(name, k)
	}
	return parts
}

// Glance compares the tokens, or tags, of all collections, which one question for each home tells, with the cursors.
func (s *Store) Glance(ctx context.Context, folders []cutover.Folder, cursors []ledger.Cursor) ([]bridge.Glance, error) {
	s.mu.Lock()
	all := s.seen
	s.seen = nil
	s.mu.Unlock()
	if all == nil {
		var err error
		if all, _, err = s.list(ctx); err != nil {
			return nil, err
		}
	}
	glances := make([]bridge.Glance, len(folders))
	for i, f := range folders {
		j := slices.IndexFunc(all, func(c collection) bool { return c.Name == f.Name })
		if j < 0 {
			continue
		}
		at, err := parseCursor(cursors[i])
		if err != nil {
			return nil, err
		}
		quiet := at.Done && (at.Token != "" && at.Token == all[j].token || at.Token == "" && at.Tag != "" && at.Tag == all[j].ctag)
		if glances[i], err = s.glance(ctx, f, quiet); err != nil {
			return nil, err
		}
	}
	return glances, nil
}

// glance counts the items of a folder that is not quiet; of a quiet one only if they are known.
func (s *Store) glance(ctx context.Context, f cutover.Folder, quiet bool) (bridge.Glance, error) {
	if quiet {
		m, err := s.mirror(ctx, f)
		if err != nil {
			return bridge.Glance{}, err
		}
		leave, err := m.hold(ctx)
		if err != nil {
			return bridge.Glance{}, err
		}
		defer leave()
		return bridge.Glance{Known: m.listed, Items: m.count(), Quiet: true}, nil
	}
	m, leave, err := s.look(ctx, f)
	if errors.Is(err, bridge.ErrGone) {
		return bridge.Glance{}, nil
	} else if err != nil {
		return bridge.Glance{}, err
	}
	defer leave()
	return bridge.Glance{Known: true, Items: m.count()}, nil
}
