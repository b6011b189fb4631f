package davstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
)

// mirror is what a collection holds, as of its token. Whoever brings it up to date holds the gate meanwhile.
type mirror struct {
	gate    chan struct{}
	kind    cutover.FolderKind
	place   atomic.Pointer[url.URL]
	listed  bool
	members map[string]known
	token   string
	ctag    string
	looked  time.Time              // when it was up to date last
	unused  string                 // a token that the server gave and was not asked with yet
	noSync  bool                   // the server has no sync-collection for it, or forgets each token at once
	swapped bool                   // its last token was forgotten unused; once that may be because the collection was replaced (fill.go)
	singly  bool                   // it is not filled at once any more
	stands  map[cutover.Key]string // by the item's key, under which name its stand-in lies, or lay
}

// known is what is known of a member without reading it, and whose it is if it was read.
type known struct {
	etag string
	size int64 // -1 where the server does not say
	as   string
	item []part // what it held when its version was as

	stand *standIn // it was no item then, but the place of one
}

// part is one item of a member; nearly always the only one.
type part struct {
	ref cutover.Ref
	id  cutover.Identity
	n   int64

	says cutover.Digest
}

// change is what happened to a member.
type change struct {
	name string
	etag string
	size int64
	gone bool
}

// mirror is what is known of a folder; nothing is given by a closed store, or for a context that has ended.
func (s *Store) mirror(ctx context.Context, f cutover.Folder) (*mirror, error) {
	if s.isClosed() {
		return nil, errClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	at, err := address(f)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.mirrors[f.Name]
	if m == nil {
		m = &mirror{gate: make(chan struct{}, 1), kind: f.Kind, members: map[string]known{}, stands: map[cutover.Key]string{}}
		m.place.Store(at)
		s.mirrors[f.Name] = m
	}
	return m, nil
}

// at is where the collection lies.
func (m *mirror) at() *url.URL { return m.place.Load() }

// found notes where the collection was found, after redirections: its members are named there.
func (m *mirror) found(at *url.URL) { m.place.Store(at) }

// hold enters the mirror's gate; the function that is returned leaves it.
func (m *mirror) hold(ctx context.Context) (leave func(), err error) {
	select {
	case m.gate <- struct{}{}:
		return func() { <-m.gate }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errForgotten: the server does not know the token any more.
var errForgotten = errors.New("the server forgot the sync token")

// refresh brings the mirror up to date: by its token, by its tag, or by listing all. The caller holds it.
func (s *Store) refresh(ctx context.Context, m *mirror) error {
	if !m.listed {
		return s.listMembers(ctx, m)
	}
	if m.token != "" {
		changes, token, err := s.changes(ctx, m, m.token)
		if errors.Is(err, errForgotten) {
			return s.listMembers(ctx, m)
		} else if err != nil {
			return err
		}
		m.apply(changes, token)
		return nil
	}
	same, err := s.sameTag(ctx, m)
	if err != nil || same {
		return err
	}
	return s.listMembers(ctx, m)
}

func (m *mirror) apply(changes []change, token string) {
	for _, c := range changes {
		m.note(c)
	}
	m.token, m.looked = token, time.Now()
}

func (m *mirror) note(c change) {
	if c.gone {
		delete(m.members, c.name)
		return
	}
	k := m.members[c.name]
	k.etag, k.size = c.etag, c.size
	m.members[c.name] = k
}

// sameTag asks whether anything happened, where there are no tokens.
func (s *Store) sameTag(ctx context.Context, m *mirror) (bool, error) {
	_, p, err := s.properties(ctx, m.at(), "<S:getctag/>")
	if err != nil {
		return false, s.gone(m, err)
	}
	if p.CTag == "" || p.CTag != m.ctag {
		return false, nil
	}
	m.looked = time.Now()
	return true, nil
}

const memberProps = "<D:getetag/><D:getcontentlength/>"

// listMembers reads the whole list.
func (s *Store) listMembers(ctx context.Context, m *mirror) error {
	if !m.noSync {
		changes, token, err := s.changes(ctx, m, "")
		switch {
		case err == nil && token != "":
			m.reset(changes)
			m.token, m.unused, m.ctag, m.looked = token, token, "", time.Now()
			return nil
		case err != nil && !errors.Is(err, errForgotten) && !errors.Is(err, bridge.ErrUnsupported):
			return err
		}
		m.noSync = true
	}
	got, err := s.propfind(ctx, m.at(), 1, memberProps+"<D:resourcetype/><S:getctag/>")
	if err != nil {
		return s.gone(m, err)
	}
	if len(got.Responses) == 0 && len(m.members) > 0 { // not even the collection
		return s.gone(m, errors.New("PROPFIND: an answer about nothing"))
	}
	m.found(got.at)
	var all []change
	for _, r := range got.Responses {
		p, ok := r.prop()
		switch name := nameIn(m.at(), r.Href); {
		case name == "" && ok:
			m.ctag = p.CTag
		case name != "" && p.Type.Collection == nil && !r.gone(): // what the server tells nothing about is there all the same
			all = append(all, change{name: name, etag: p.ETag, size: p.size()})
		}
	}
	m.reset(all)
	m.token, m.looked = "", time.Now()
	return nil
}

// reset makes the members those listed, and keeps what is known of them.
func (m *mirror) reset(all []change) {
	before := m.members
	m.members = make(map[string]known, len(all))
	for _, c := range all {
		if k, was := before[c.name]; was && !c.gone {
			m.members[c.name] = k
		}
		m.note(c)
	}
	m.listed = true
}

// gone gives the error of a collection that is not there, or is none, the sentinel for it.
func (s *Store) gone(m *mirror, err error) error {
	return fmt.Errorf("%s: %w", m.at().Redacted(), err)
}

const syncBody = xmlHead + "<D:sync-collection %s><D:sync-token>%s</D:sync-token><D:sync-level>1</D:sync-level><D:prop>" + memberProps + "</D:prop></D:sync-collection>"

// changes asks what happened since a token; "" is the beginning. A server that tells a part at a time is asked until all is told (RFC 6578 §3.6).
func (s *Store) changes(ctx context.Context, m *mirror, token string) (all []change, next string, err error) {
	const most = 10000
	for range most {
		part, next, more, err := s.changesOnce(ctx, m, token)
		if err != nil {
			if errors.Is(err, errForgotten) && token == m.unused {
				m.noSync = m.noSync || m.swapped || !strings.HasPrefix(token, radicaleTokens)
				m.swapped = true
			}
			return nil, "", err
		}
		if token != "" && token == m.unused {
			m.unused, m.swapped = "", false
		}
		all = append(all, part...)
		if !more || next == token {
			return all, next, nil
		}
		token = next
	}
	return nil, "", fmt.Errorf("%s: changes never come to an end", m.at().Redacted())
}

func (s *Store) changesOnce(ctx context.Context, m *mirror, token string) (all []change, next string, more bool, err error) {
	r := request{
		method: "REPORT", at: m.at(), header: map[string]string{"Depth": "0", "Content-Type": xmlType},
		body: fmt.Appendf(nil, syncBody, namespaces, escape(token)),
	}
	got, err := s.do(ctx, r)
	if err != nil {
		return nil, "", false, err
	}
	if got.status != http.StatusMultiStatus {
		return nil, "", false, s.refusedSync(r, got, token)
	}
	m.found(got.at)
	answer, err := parse(got.body)
	if err != nil {
		return nil, "", false, fmt.Errorf("REPORT %s: %w", m.at().Redacted(), err)
	}
	for _, one := range answer.Responses {
		name := nameIn(m.at(), one.Href)
		if name == "" {
			more = more || status(one.Status) == http.StatusInsufficientStorage
			continue
		}
		if one.gone() {
			all = append(all, change{name: name, gone: true})
		} else if p, ok := one.prop(); p.Type.Collection == nil { // from the beginning on nothing is gone, though the server may tell nothing about it, and never what it failed to tell of
			all = append(all, change{name: name, etag: p.ETag, size: p.size(), gone: !ok && token != "" && !one.failed()})
		}
	}
	if answer.SyncToken == "" {
		return nil, "", false, fmt.Errorf("REPORT %s: no sync token: %w", m.at().Redacted(), bridge.ErrUnsupported)
	}
	return all, answer.SyncToken, more, nil
}

// refusedSync tells a token that is not known any more from a server that cannot do this, and from a collection that is gone.
func (s *Store) refusedSync(r request, got *reply, token string) error {
	err := unexpected(r, got)
	switch {
	case precondition(got.body) == "valid-sync-token": // also with 410: it is the token that is gone
		return fmt.Errorf("%w: %s", errForgotten, err)
	case errors.Is(err, bridge.ErrGone):
		return err
	case token != "" && (got.status/100 == 4 || got.status == http.StatusInternalServerError || got.status == http.StatusInsufficientStorage): // what some say of a token that they cannot read
		return fmt.Errorf("%w: %w", errForgotten, err)
	case got.status/100 == 4, got.status == http.StatusNotImplemented, got.status == http.StatusInsufficientStorage: // too much at once (RFC 6578 §3.6)
		return fmt.Errorf("%w: %w", bridge.ErrUnsupported, err)
	}
	return err
}

// count is how many members are not known to be stand-ins.
func (m *mirror) count() (n int) {
	for _, k := range m.members {
		if !k.standing() {
			n++
		}
	}
	return n
}

// names are all members, sorted.
func (m *mirror) names() []string { return slices.Sorted(maps.Keys(m.members)) }

// look holds the mirror of a folder, brought up to date.
func (s *Store) look(ctx context.Context, f cutover.Folder) (m *mirror, leave func(), err error) {
	if m, err = s.mirror(ctx, f); err != nil {
		return nil, nil, err
	}
	if leave, err = m.hold(ctx); err != nil {
		return nil, nil, err
	}
	if err := s.refresh(ctx, m); err != nil {
		leave()
		return nil, nil, err
	}
	return m, leave, nil
}
