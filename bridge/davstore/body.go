package davstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"

	"posthouse/bridge"
	"posthouse/cutover"
)

// body is a member as it was read.
type body struct {
	etag string
	raw  []byte
	err  error // gone, or not to be read
}

// kept are bodies that were read for their identities, until somebody asks for them.
type kept struct {
	mu     sync.Mutex
	bodies map[string]body
	room   int64
}

func (k *kept) put(at string, b body) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if old, have := k.bodies[at]; have {
		k.room += int64(len(old.raw))
		delete(k.bodies, at)
	}
	if int64(len(b.raw)) <= k.room {
		k.room -= int64(len(b.raw))
		k.bodies[at] = b
	}
}

// take gives a body away.
func (k *kept) take(at string) (body, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b, have := k.bodies[at]
	if have {
		k.room += int64(len(b.raw))
		delete(k.bodies, at)
	}
	return b, have
}

// read reads members, several multigets at one time, and tells each once, on the caller's goroutine. Its error is that of the connection, or of got.
func (s *Store) read(ctx context.Context, m *mirror, members []change, got func(name string, b body) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	groups := s.groups(members)
	type answer struct {
		bodies map[string]body
		err    error
	}
	answers := make(chan answer)
	seats := make(chan struct{}, s.o.Lanes)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	all.Go(func() {
		for _, group := range groups {
			select {
			case seats <- struct{}{}:
			case <-ctx.Done():
				return
			}
			all.Go(func() {
				defer func() { <-seats }()
				bodies, err := s.multiget(ctx, m, group)
				select {
				case answers <- answer{bodies, err}:
				case <-ctx.Done():
				}
			})
		}
	})
	for range groups {
		select {
		case a := <-answers:
			if a.err != nil {
				return a.err
			}
			for name, b := range a.bodies {
				if err := got(name, b); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// groupOctets bounds a multiget by what it is expected to bring.
const groupOctets = 1 << 20

func (s *Store) groups(members []change) (groups [][]string) {
	var names []string
	var octets int64
	for _, c := range members {
		if len(names) > 0 && (len(names) == s.o.Many || octets+c.size > groupOctets) {
			groups, names, octets = append(groups, names), nil, 0
		}
		names, octets = append(names, c.name), octets+max(c.size, 0)
	}
	if len(names) > 0 {
		groups = append(groups, names)
	}
	return groups
}

// multiget reads members with one question. What was not answered, or not exactly, is asked for alone, and so is what is said to be gone: some servers do not know the names again that they list. An answer that nobody can read is asked for in halves, until the member that spoils it stands alone.
func (s *Store) multiget(ctx context.Context, m *mirror, names []string) (map[string]body, error) {
	bodies, inexact := make(map[string]body, len(names)), map[string]prop{}
	if len(names) > 1 {
		err := s.askMany(ctx, m, names, bodies, inexact)
		if err != nil && spoilt(err) {
			half := len(names) / 2
			for _, part := range [][]string{names[:half], names[half:]} {
				some, err := s.multiget(ctx, m, part)
				if err != nil {
					return nil, err
				}
				maps.Copy(bodies, some)
			}
			return bodies, nil
		} else if err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if _, have := bodies[name]; have {
			continue
		}
		b, err := s.get(ctx, m, name)
		if err != nil {
			return nil, err
		}
		if p, told := inexact[name]; told {
			s.judgeLength(p.size(), b)
		}
		bodies[name] = b
	}
	return bodies, nil
}

// errNotAll: the server refused the question as a whole.
var errNotAll = errors.New("the question was refused")

func spoilt(err error) bool { return errors.Is(err, errXML) || errors.Is(err, errNotAll) }

func (s *Store) askMany(ctx context.Context, m *mirror, names []string, bodies map[string]body, inexact map[string]prop) error {
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	r := multigetRequest(m, names)
	got, err := s.do(ctx, r)
	if err != nil {
		return err
	}
	if got.status != http.StatusMultiStatus {
		return fmt.Errorf("%w: %w", errNotAll, unexpected(r, got))
	}
	answer, err := parse(got.body)
	if err != nil {
		return err
	}
	for _, one := range answer.Responses {
		name := nameIn(m.at(), one.Href)
		if !wanted[name] {
			continue
		}
		if b, ok := s.exact(one); ok {
			bodies[name] = b
		} else if !one.gone() {
			inexact[name], _ = one.prop()
		}
	}
	return nil
}

func multigetRequest(m *mirror, names []string) request {
	var hrefs strings.Builder
	for _, name := range names {
		hrefs.WriteString("<D:href>" + escape(member(m.at(), name).EscapedPath()) + "</D:href>")
	}
	report, data := "C:calendar-multiget", "<C:calendar-data/>"
	if m.kind == cutover.Contacts {
		report, data = "A:addressbook-multiget", "<A:address-data/>"
	}
	return request{
		method: "REPORT", at: m.at(), header: map[string]string{"Depth": "1", "Content-Type": xmlType},
		body: []byte(xmlHead + "<" + report + " " + namespaces + "><D:prop>" + memberProps + data + "</D:prop>" + hrefs.String() + "</" + report + ">"),
	}
}

// trust is how many lengths may be wrong until they count for nothing.
const trust = 8

// exact is a body out of XML, in which every line end is a LF, with those that it had: as many octets as the server said.
func (s *Store) exact(r response) (body, bool) {
	p, ok := r.prop()
	data := p.CalendarData
	if data == nil {
		data = p.ContactsData
	}
	if !ok || data == nil || *data == "" {
		return body{}, false
	}
	raw := []byte(*data)
	crlf := raw
	if !bytes.Contains(raw, []byte("\r")) {
		crlf = bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
	}
	size := p.size()
	s.mu.Lock()
	doubted := s.notExact >= trust
	s.mu.Unlock()
	switch {
	case size < 0, size == int64(len(crlf)), doubted:
		return body{etag: versionOf(p.ETag, crlf), raw: crlf}, true
	case size == int64(len(raw)):
		return body{etag: versionOf(p.ETag, raw), raw: raw}, true
	}
	return body{}, false
}

// get reads one member as it is. A member that cannot be read has an error of its own.
func (s *Store) get(ctx context.Context, m *mirror, name string) (body, error) {
	if !s.bare.Load() {
		b, err := s.getOnce(ctx, m, name)
		if err != nil || b.err != nil || told(b.etag) {
			return b, err
		}
	}
	return s.getBetween(ctx, m, name)
}

// mostGets is how often a member is read that changes all the time.
const mostGets = 5

// getBetween reads a member from a server that does not tell the version with it: the one that it had before and after. One that has none is told by its octets.
func (s *Store) getBetween(ctx context.Context, m *mirror, name string) (b body, err error) {
	version := func() (string, error) {
		_, p, err := s.properties(ctx, member(m.at(), name), "<D:getetag/>")
		if errors.Is(err, bridge.ErrGone) {
			return "", nil // who reads it hears the same
		}
		if err == nil && p.failed && p.ETag == "" {
			err = fmt.Errorf("PROPFIND %s: the server does not tell the version", member(m.at(), name).Redacted())
		}
		return p.ETag, err
	}
	before, err := version()
	for range mostGets {
		if err != nil {
			return body{}, err
		}
		b, err = s.getOnce(ctx, m, name)
		if err != nil || b.err != nil || told(b.etag) {
			return b, err
		}
		after, err := version()
		if err != nil {
			return body{}, err
		}
		if after == before && after != "" {
			s.bare.Store(true)
			b.etag = after
		}
		if after == before {
			return b, nil
		}
		before = after
	}
	return b, nil
}

func (s *Store) getOnce(ctx context.Context, m *mirror, name string) (body, error) {
	// What is compressed on its way has a version of its own with some servers.
	r := request{method: http.MethodGet, at: member(m.at(), name), header: map[string]string{"Accept-Encoding": "identity"}}
	got, err := s.do(ctx, r)
	if err == nil && got.status == http.StatusOK && !ended(got.body) { // cut on its way, or odd: then the second answer is odd too
		got, err = s.do(ctx, r)
	}
	if err != nil {
		return body{}, err
	}
	if got.status != http.StatusOK {
		return body{err: unexpected(r, got)}, nil
	}
	if page(got) || len(got.body) == 0 {
		return body{err: fmt.Errorf("GET %s: nothing, or a page for people, instead of the object", r.at.Redacted())}, nil
	}
	return body{etag: versionOf(got.header.Get("ETag"), got.body), raw: got.body}, nil
}

// ended reports whether an object ends as each must.
func ended(raw []byte) bool {
	tail := bytes.ToUpper(bytes.TrimSpace(raw[max(0, len(raw)-64):]))
	return bytes.HasSuffix(tail, []byte("END:VCALENDAR")) || bytes.HasSuffix(tail, []byte("END:VCARD"))
}

// page reports whether an answer is a page of a proxy, or for logging in, in place of an object, which is no HTML.
func page(got *reply) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(got.header.Get("Content-Type"))), "text/html")
}

// versionOf is the version that the server tells, or one made of the octets where it tells none.
func versionOf(etag string, raw []byte) string {
	if etag != "" {
		return etag
	}
	sum := sha256.Sum256(raw)
	return ofOctets + hex.EncodeToString(sum[:8])
}

const ofOctets = "octets-"

// told reports whether the server told the version, so that it may be made a condition.
func told(version string) bool { return version != "" && !strings.HasPrefix(version, ofOctets) }

// judgeLength counts lengths that were announced and are not those of what is got. Where they are wrong throughout they say nothing about what XML brings.
func (s *Store) judgeLength(size int64, b body) {
	if b.err == nil && size >= 0 && size != int64(len(b.raw)) {
		s.mu.Lock()
		s.notExact++
		s.mu.Unlock()
	}
}
