package davstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
)

// filling is what is put at once.
type filling struct {
	u     *upload
	now   time.Time
	body  bytes.Buffer
	added []filled
	ids   map[cutover.Key]bool
}

// filled is one item of it, as a part of the member that the server makes of it.
type filled struct {
	item bridge.PutItem
	part part
}

// plainUID is a UID that every server writes as we do, and that Radicale makes a member's name of as it is.
var plainUID = regexp.MustCompile(`^[A-Za-z0-9{][A-Za-z0-9._@:{}+=-]{0,199}$`)

// named reports whether a UID ends as members' names do: Radicale takes it for the name as it is, which may be what is made of another UID.
func named(uid string) bool {
	return strings.HasSuffix(strings.ToLower(uid), ".ics") || strings.HasSuffix(strings.ToLower(uid), ".vcf")
}

// add adds an item, if it is sure to pass. Whatever is odd about the others is said when they are put singly.
func (f *filling) add(item bridge.PutItem) bool {
	if item.At != "" || item.Content.Size() > fillOctets {
		return false
	}
	raw, err := read(item.Content, f.u.s.o.Largest)
	if err != nil {
		return false
	}
	p, err := f.u.parcel(raw)
	if err != nil {
		return false
	}
	id := p.d.Identity()
	if f.ids[id.Key] || !plainUID.MatchString(id.MessageID) || named(id.MessageID) || !keyIn(id.MessageID+extension(f.u.m.kind)).IsZero() {
		return false
	}
	if f.u.m.kind == cutover.Contacts {
		if !plainCard(raw) {
			return false
		}
		f.body.Write(raw)
	} else {
		writeStandIn(&f.body, id.MessageID, f.now)
	}
	f.ids[id.Key] = true
	f.added = append(f.added, filled{item, partOf(refOf(id.MessageID+extension(f.u.m.kind)), p.d)})
	return true
}

// items are those that were added.
func (f *filling) items() []bridge.PutItem {
	items := make([]bridge.PutItem, len(f.added))
	for i, a := range f.added {
		items[i] = a.item
	}
	return items
}

// run fills, and returns what is to be put singly all the same.
func (f *filling) run(ctx context.Context) ([]bridge.PutItem, error) {
	s, m := f.u.s, f.u.m
	s.fills.Add(1)
	defer s.fills.Add(-1)
	was, err := s.sight(ctx, m.at())
	if err != nil {
		return f.items(), ignorable(ctx, err)
	}
	if was.members > 0 || was.odd || was.etag == "" {
		return f.items(), nil
	}
	home := f.u.at.homes[m.kind]
	kept, err := s.keep(ctx, home, m.at(), was.props)
	if err != nil || !kept {
		return f.items(), ignorable(ctx, err)
	}
	landed, etag, err := f.put(ctx, was)
	if err != nil {
		return nil, err
	}
	if !landed {
		return f.items(), s.release(ctx, home, m.at(), was.props)
	}
	list, ours, err := f.made(ctx, etag)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", bridge.ErrConnection, err)
	}
	if err := s.release(ctx, home, m.at(), was.props); err != nil {
		return nil, err
	}
	return f.settle(ctx, list, ours)
}

// made are the members that the PUT made, whose reply named the collection's version. ours: nobody has put anything since, or it is noticed when they are put over.
func (f *filling) made(ctx context.Context, etag string) (list []change, ours bool, err error) {
	if f.u.m.kind == cutover.Calendar {
		if list, ours = f.foreseen(ctx); ours {
			return list, true, nil
		}
	}
	list, now, err := f.u.s.versions(ctx, f.u.m.at())
	return list, etag != "" && now == etag && len(list) == len(f.added), err
}

// put is the one PUT. What came of it is asked, where the answer does not tell.
func (f *filling) put(ctx context.Context, was sight) (landed bool, etag string, err error) {
	s, m := f.u.s, f.u.m
	body := f.body.Bytes()
	if m.kind == cutover.Calendar {
		body = slices.Concat([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//posthouse//EN\r\n"+was.calendarLines()), body, []byte("END:VCALENDAR\r\n"))
	}
	header := f.u.header()
	header["If-Match"] = was.etag
	got, err := s.do(ctx, request{method: http.MethodPut, at: m.at(), header: header, body: body, patience: fillPatience})
	switch {
	case err != nil:
		return false, "", err
	case got.status/100 == 2:
		return true, got.header.Get("ETag"), nil
	case got.status/100 == 4:
		return false, "", nil
	}
	now, err := s.sight(ctx, m.at())
	if err == nil && now.etag == was.etag && now.members == 0 {
		return false, "", nil
	}
	return false, "", errors.Join(fmt.Errorf("filling %s: %s: %w", m.at().Redacted(), said(got), bridge.ErrConnection), err)
}

// versions are those of the members and of the collection, of one moment.
func (s *Store) versions(ctx context.Context, at *url.URL) (list []change, own string, err error) {
	got, err := s.propfind(ctx, at, 1, memberProps)
	if err != nil {
		return nil, "", err
	}
	for _, r := range got.Responses {
		p, ok := r.prop()
		switch name := nameIn(at, r.Href); {
		case name == "":
			own = p.ETag
		case ok:
			list = append(list, change{name: name, etag: p.ETag, size: p.size()})
		}
	}
	return list, own, nil
}

// settle notes what lies there now, and tells the outcomes of those that are where they belong. ours: nobody has put anything since, so that whatever lies there is what the server made of what it was given.
func (f *filling) settle(ctx context.Context, list []change, ours bool) ([]bridge.PutItem, error) {
	leave, err := f.u.m.hold(ctx)
	if err != nil {
		return nil, err
	}
	f.u.m.reset(list)
	if ours {
		f.know()
	}
	err = f.u.s.identify(ctx, f.u.m, f.u.m.names())
	lies := f.byKey()
	leave()
	if err != nil {
		return nil, err
	}
	if f.u.m.kind == cutover.Calendar {
		return f.items(), nil // over their stand-ins
	}
	var singly []bridge.PutItem
	for _, a := range f.added {
		k, there := lies[a.part.id.Key]
		if !there || k.part.says != a.part.says {
			singly = append(singly, a.item)
			continue
		}
		if err := f.u.told(a.item.ID, bridge.Outcome{Place: ledger.Place{Validity: validity, Ref: k.part.ref}, Version: k.etag}, nil); err != nil {
			return nil, err
		}
	}
	return singly, nil
}

// know notes what members hold that are as they were put, so that nobody has to read them.
func (f *filling) know() {
	m := f.u.m
	for _, a := range f.added {
		name := memberOf(a.part.ref)
		k, listed := m.members[name]
		if !listed || k.etag == "" {
			continue
		}
		if k.as = k.etag; m.kind == cutover.Calendar {
			k.stand = &standIn{a.part.id.Key, f.now}
		} else {
			k.item = []part{a.part}
		}
		m.members[name] = k
		m.stood(name, k)
	}
}

// lying is an item, and the version of its member.
type lying struct {
	part part
	etag string
}

// byKey are the items that lie alone in a member of the collection.
func (f *filling) byKey() map[cutover.Key]lying {
	all := make(map[cutover.Key]lying, len(f.u.m.members))
	for _, k := range f.u.m.members {
		if len(k.item) == 1 && k.as == k.etag {
			all[k.item[0].id.Key] = lying{k.item[0], k.etag}
		}
	}
	return all
}
