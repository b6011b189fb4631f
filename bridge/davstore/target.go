package davstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// tailOf is where changes after a token begin.
const tailOf = "since "

// State tells how many members there are. Its tail is the token.
func (s *Store) State(ctx context.Context, f cutover.Folder) (bridge.FolderState, error) {
	m, leave, err := s.look(ctx, f)
	if err != nil {
		return bridge.FolderState{}, fmt.Errorf("asking for the state of %s: %w", f.Path, err)
	}
	defer leave()
	state := bridge.FolderState{Validity: validity, Items: m.count()}
	if m.token != "" {
		state.Tail = cutover.Ref(tailOf + m.token)
	}
	return state, nil
}

// Scan yields all items, or those that were added or changed since a tail, by name. What is not known yet is read.
func (s *Store) Scan(ctx context.Context, f cutover.Folder, from cutover.Ref) iter.Seq2[cutover.Item, error] {
	return func(yield func(cutover.Item, error) bool) {
		items, err := s.scan(ctx, f, from)
		if err != nil {
			yield(cutover.Item{}, fmt.Errorf("scanning %s: %w", f.Path, err))
			return
		}
		for _, item := range items {
			if err := ctx.Err(); err != nil {
				yield(cutover.Item{}, err)
				return
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

func (s *Store) scan(ctx context.Context, f cutover.Folder, from cutover.Ref) ([]cutover.Item, error) {
	m, leave, err := s.look(ctx, f)
	if err != nil {
		return nil, err
	}
	defer leave()
	names := m.names()
	token, since := strings.CutPrefix(string(from), tailOf)
	if since && m.token == token {
		return nil, nil
	}
	if since && m.token != "" {
		if changes, _, err := s.changes(ctx, m, token); err == nil {
			names = nil
			for _, c := range changes {
				if _, there := m.members[c.name]; there {
					names = append(names, c.name)
				}
			}
		} // else everything is yielded: a tail is a lower bound
	}
	if err := s.identify(ctx, m, names); err != nil {
		return nil, err
	}
	var items []cutover.Item
	for _, name := range names {
		k, there := m.members[name]
		switch {
		case !there:
		case k.as == k.etag:
			for _, p := range k.item {
				items = append(items, p.item(k.etag))
			}
		default: // it cannot be read
			items = append(items, cutover.Item{Ref: refOf(name), Version: k.etag, Size: max(k.size, 0)})
		}
	}
	return items, nil
}

// identify reads those of the members whose items are not known. The caller holds the mirror.
func (s *Store) identify(ctx context.Context, m *mirror, names []string) error {
	var unknown []change
	for _, name := range names {
		if k := m.members[name]; k.as != k.etag || k.as == "" {
			unknown = append(unknown, change{name: name, size: k.size})
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return s.read(ctx, m, unknown, func(name string, b body) error {
		if b.err == nil {
			m.note(change{name: name, etag: b.etag, size: int64(len(b.raw))})
			m.read(name, b)
		}
		return nil
	})
}

// Search yields items with a wanted UID. Members that we put tell it by their name; only the others are read, once.
func (s *Store) Search(ctx context.Context, f cutover.Folder, wanted []cutover.Identity) iter.Seq2[cutover.Item, error] {
	keys := map[cutover.Key]cutover.Identity{}
	for _, w := range wanted {
		if w.Key.IsZero() && w.Trace == "" {
			return s.Scan(ctx, f, "")
		}
		keys[w.Key] = w
	}
	return func(yield func(cutover.Item, error) bool) {
		items, err := s.search(ctx, f, keys)
		if err != nil {
			yield(cutover.Item{}, fmt.Errorf("searching %s: %w", f.Path, err))
			return
		}
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

func (s *Store) search(ctx context.Context, f cutover.Folder, keys map[cutover.Key]cutover.Identity) (items []cutover.Item, err error) {
	m, leave, err := s.look(ctx, f)
	if err != nil {
		return nil, err
	}
	defer leave()
	var others []string
	for _, name := range m.names() {
		if w, ours := keys[keyIn(name)]; ours && !w.Key.IsZero() {
			k := m.members[name]
			items = append(items, cutover.Item{Ref: refOf(name), Version: k.etag, Size: max(k.size, 0), Identity: w})
		} else if keyIn(name).IsZero() {
			others = append(others, name)
		}
	}
	if err := s.identify(ctx, m, others); err != nil {
		return nil, err
	}
	for _, name := range others {
		k := m.members[name]
		for _, p := range k.item {
			if _, is := keys[p.id.Key]; is && !p.id.Key.IsZero() && k.as == k.etag {
				items = append(items, p.item(k.etag))
			}
		}
	}
	return items, nil
}

// nameFor is the member that an item is put as. Its UID decides, so that one item has one name.
func nameFor(kind cutover.FolderKind, id cutover.Identity) string {
	key := id.Match()
	return hex.EncodeToString(key[:]) + extension(kind)
}

func extension(kind cutover.FolderKind) string {
	if kind == cutover.Contacts {
		return ".vcf"
	}
	return ".ics"
}

// keyIn is the key that a name of ours was made of; zero for other names.
func keyIn(name string) (key cutover.Key) {
	text, _, _ := strings.Cut(name, ".")
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == len(key) && (strings.HasSuffix(name, ".ics") || strings.HasSuffix(name, ".vcf")) {
		copy(key[:], raw)
	}
	return key
}

// Flags tells which items are there: none has flags. Of a member that holds, or held, several the reference tells which is meant.
func (s *Store) Flags(ctx context.Context, f cutover.Folder, refs []cutover.Ref) (map[cutover.Ref]cutover.Flags, error) {
	found := map[cutover.Ref]cutover.Flags{}
	if len(refs) == 0 {
		return found, nil
	}
	m, leave, err := s.look(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("looking for items of %s: %w", f.Path, err)
	}
	defer leave()
	if err := s.identify(ctx, m, m.shared(refs)); err != nil {
		return nil, fmt.Errorf("reading items of %s: %w", f.Path, err)
	}
	for _, ref := range refs {
		s.kept.take(f.Name + memberOf(ref)) // who asks what is there does not want to read what was
		if k, there := m.members[memberOf(ref)]; there && k.holds(ref) {
			found[ref] = nil
		}
	}
	return found, nil
}

// shared are the members of those of the references that are each one of several items.
func (m *mirror) shared(refs []cutover.Ref) (names []string) {
	for _, ref := range refs {
		if name := memberOf(ref); shared(ref) && !slices.Contains(names, name) {
			if _, listed := m.members[name]; listed {
				names = append(names, name)
			}
		}
	}
	return names
}

// holds reports whether the reference leads to an item of the member, as far as that was read.
func (k known) holds(ref cutover.Ref) bool {
	if k.as != k.etag || k.as == "" {
		return true
	}
	return !k.standing() && (len(k.item) == 0 || slices.ContainsFunc(k.item, func(p part) bool { return p.ref == ref }))
}

// SetFlags sets none.
func (s *Store) SetFlags(ctx context.Context, f cutover.Folder, flags map[cutover.Ref]cutover.Flags) (map[cutover.Ref]cutover.Flags, error) {
	refs := make([]cutover.Ref, 0, len(flags))
	for ref := range flags {
		refs = append(refs, ref)
	}
	return s.Flags(ctx, f, refs)
}

// plainName is a name that is written in an address as it is: Radicale takes the address of a MOVE's destination literally. Others get another name, which is no UID's.
func plainName(name string, kind cutover.FolderKind) string {
	if url.PathEscape(name) == name {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "moved-" + hex.EncodeToString(sum[:16]) + extension(kind)
}

// Move moves members to another collection under their names, if these are plain, where nothing of that name lies.
func (s *Store) Move(ctx context.Context, from cutover.Folder, refs []cutover.Ref, to cutover.Folder) (map[cutover.Ref]ledger.Place, error) {
	source, err := address(from)
	if err != nil {
		return nil, err
	}
	target, err := address(to)
	if err != nil {
		return nil, err
	}
	places := map[cutover.Ref]ledger.Place{}
	for _, ref := range refs {
		as := plainName(memberOf(ref), to.Kind)
		moved, err := s.move(ctx, member(source, memberOf(ref)), to, member(target, as))
		if errors.Is(err, bridge.ErrUnsupported) && len(places) > 0 {
			err = fmt.Errorf("not any more: %s", err)
		}
		if err != nil {
			return nil, fmt.Errorf("moving %s: %w", ref, err)
		}
		if moved {
			places[ref] = ledger.Place{Validity: validity, Ref: refOf(as)}
		}
	}
	return places, nil
}

// move moves one member. It is not moved if it is gone, or if its item lies in the other collection already: then somebody was quicker. An answer that is none of those of RFC 4918 §9.9.4 counts by what is there then.
func (s *Store) move(ctx context.Context, at *url.URL, to cutover.Folder, as *url.URL) (moved bool, err error) {
	r := request{method: "MOVE", at: at, header: map[string]string{"Destination": as.String(), "Overwrite": "F", "Schedule-Reply": "F"}}
	got, err := s.do(ctx, r)
	taken := err == nil && got.status == http.StatusConflict && precondition(got.body) == "no-uid-conflict"
	if taken {
		if err = s.makeWay(ctx, to); err == nil {
			got, err = s.do(ctx, r)
		}
		taken = err == nil && got.status == http.StatusConflict
	}
	if err != nil {
		return false, err
	}
	switch {
	case got.status == http.StatusCreated, got.status == http.StatusNoContent:
		return true, nil
	case taken, missing(got):
		return false, nil
	case got.status == http.StatusOK, got.status == http.StatusPreconditionFailed:
		if _, _, err := s.properties(ctx, as, "<D:getetag/>"); err != nil {
			return false, fmt.Errorf("%s, and what is there: %v", said(got), err)
		}
		return got.status == http.StatusOK, nil
	case got.status == http.StatusMethodNotAllowed, got.status == http.StatusNotImplemented, got.status == http.StatusForbidden:
		return false, fmt.Errorf("%s: %w", said(got), bridge.ErrUnsupported)
	}
	return false, unexpected(r, got)
}
