package davstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"

	"posthouse/bridge"
	"posthouse/bridge/object"
	"posthouse/cutover"
	"posthouse/ledger"
)

// Put puts items on several lanes. What is created must not lie there yet, what is replaced must be as it is known.
func (s *Store) Put(ctx context.Context, f cutover.Folder, items iter.Seq[bridge.PutItem], outcome func(bridge.Outcome)) error {
	m, err := s.mirror(ctx, f)
	if err != nil {
		return err
	}
	at, err := s.places(ctx)
	if err != nil {
		return err
	}
	u := upload{s: s, m: m, at: at, queue: make(chan bridge.PutItem), singly: make(chan bridge.PutItem), tell: outcome}
	if err := u.run(ctx, items); err != nil {
		return err
	}
	return u.sweep(ctx, standInsLast)
}

// upload is one Put.
type upload struct {
	s     *Store
	m     *mirror
	at    *places
	queue chan bridge.PutItem
	// singly are those of the queue that are put one by one: all, where nothing is filled at once (fill.go).
	singly chan bridge.PutItem

	mu   sync.Mutex
	tell func(bridge.Outcome)
}

// run ends with the first failure of the connection. Then the sequence may still wait: what it yields is not taken.
func (u *upload) run(parent context.Context, items iter.Seq[bridge.PutItem]) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	go func() {
		defer close(u.queue)
		for item := range items {
			select {
			case u.queue <- item:
			case <-ctx.Done():
				return
			}
		}
	}()
	var lanes sync.WaitGroup
	lanes.Go(func() {
		defer close(u.singly)
		if err := u.sort(ctx); err != nil {
			cancel(err)
		}
	})
	for range u.s.o.Lanes {
		lanes.Go(func() {
			for item := range u.singly {
				if err := u.put(ctx, item); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	lanes.Wait()
	if err := parent.Err(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// put puts one item and tells its outcome. Its error is that of the connection; then the outcome is unknown.
func (u *upload) put(ctx context.Context, item bridge.PutItem) error {
	o := bridge.Outcome{ID: item.ID, Left: item.Flags}
	raw, err := read(item.Content, u.s.o.Largest)
	if err == nil {
		o, err = u.send(ctx, item, raw)
	}
	return u.told(item.ID, o, err)
}

// told tells an item's outcome, if what happened is one.
func (u *upload) told(id int, o bridge.Outcome, err error) error {
	o.ID = id
	switch {
	case err == nil:
	case errors.Is(err, bridge.ErrRefused), errors.Is(err, bridge.ErrChanged), errors.Is(err, bridge.ErrUnknown), errors.Is(err, bridge.ErrBusy):
		o.Err = err
	default:
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tell(o)
	return nil
}

// read takes the whole body and holds the content to its size.
func read(c bridge.Content, largest int64) ([]byte, error) {
	if c.Size() > largest {
		return nil, fmt.Errorf("%d octets: %w", c.Size(), bridge.ErrTooLarge)
	}
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, largest+1))
	if err == nil && int64(len(raw)) != c.Size() {
		err = fmt.Errorf("content has %d octets instead of %d: %w", len(raw), c.Size(), bridge.ErrConnection)
	}
	return raw, err
}

// parcel is an item's octets, and what they say.
type parcel struct {
	raw []byte
	d   *cutover.ObjectDigester
}

func (u *upload) parcel(raw []byte) (parcel, error) {
	p := parcel{raw, cutover.NewObjectDigester(u.m.kind)}
	_, _ = p.d.Write(raw) // it never fails
	return p, u.sound(p.d, raw)
}

// header is what every PUT says of the object.
func (u *upload) header() map[string]string {
	return map[string]string{"Content-Type": mediaType(u.m.kind), "Schedule-Reply": "F"}
}

func (u *upload) send(ctx context.Context, item bridge.PutItem, raw []byte) (o bridge.Outcome, err error) {
	p, err := u.parcel(raw)
	if err != nil {
		return o, err
	}
	if item.At != "" {
		return u.over(ctx, item, p)
	}
	if name, etag, is := u.standInFor(ctx, p.d.Identity().Key); is {
		return u.replace(ctx, p, name, etag)
	}
	return u.create(ctx, p, true)
}

// over puts an item over the version that is known of it.
func (u *upload) over(ctx context.Context, item bridge.PutItem, p parcel) (o bridge.Outcome, err error) {
	name := memberOf(item.At)
	if shared(item.At) {
		return o, fmt.Errorf("%w: its copy shares a member with others", bridge.ErrRefused)
	}
	if !told(item.Replace) {
		return o, fmt.Errorf("%w: nobody knows which version it is to replace", bridge.ErrChanged)
	}
	for again := false; ; again = true {
		r, got, err := u.ask(ctx, name, u.header(), item.Replace, p)
		if err != nil {
			return o, err
		}
		if err := refusal(r, got, true); err != nil {
			return o, u.ofCollection(ctx, got, err)
		}
		o, err = u.landed(ctx, name, got.header.Get("ETag"), p.d)
		if again || o.Version != item.Replace || got.header.Get("ETag") != "" {
			return o, err
		} // else it may be that somebody on the way answered, and nothing was written
	}
}

// create puts an item where nothing lies. Where its UID is taken, it may be by its stand-in, which is looked for once.
func (u *upload) create(ctx context.Context, p parcel, look bool) (o bridge.Outcome, err error) {
	name, header := nameFor(u.m.kind, p.d.Identity()), u.header()
	header["If-None-Match"] = "*"
	r, got, err := u.ask(ctx, name, header, "", p)
	if err != nil {
		return o, err
	}
	if got.status == http.StatusPreconditionFailed {
		if o, err = u.lies(ctx, name, p.d); !errors.Is(err, errNotShown) {
			return o, err
		}
		if r, got, err = u.ask(ctx, name, header, "", p); err != nil { // it may have gone meanwhile, or the server was mistaken
			return o, err
		}
		if got.status == http.StatusPreconditionFailed {
			return u.lies(ctx, name, p.d)
		}
	}
	if err := refusal(r, got, false); err != nil {
		if look && precondition(got.body) == "no-uid-conflict" {
			return u.taken(ctx, p, err)
		}
		return o, u.ofCollection(ctx, got, err)
	}
	if name, err = u.storedAs(ctx, name, got); err != nil {
		return o, fmt.Errorf("%w: %w", bridge.ErrUnknown, err)
	}
	return u.landed(ctx, name, got.header.Get("ETag"), p.d)
}

// storedAs is the member that a server made of a new item: some have names of their own, and tell where it lies (RFC 9110 §9.3.4, §10.2.2). What is not there is not believed.
func (u *upload) storedAs(ctx context.Context, name string, got *reply) (string, error) {
	other := nameIn(u.m.at(), got.header.Get("Location"))
	if other == "" || other == name {
		return name, nil
	}
	_, _, err := u.s.properties(ctx, member(u.m.at(), other), "<D:getetag/>")
	if errors.Is(err, bridge.ErrGone) {
		return name, nil
	}
	return other, err
}

// ask asks for a PUT. Where the server failed, or spoke of a conflict and not of which, of the object or of the moment, the second answer counts.
func (u *upload) ask(ctx context.Context, name string, header map[string]string, version string, p parcel) (request, *reply, error) {
	r := request{method: http.MethodPut, at: member(u.m.at(), name), header: header, body: p.raw}
	got, err := u.s.ifMatch(ctx, r, version)
	if err == nil && (got.status == http.StatusInternalServerError || got.status == http.StatusConflict && precondition(got.body) == "") {
		got, err = u.s.ifMatch(ctx, r, version)
	}
	return r, got, err
}

// ifMatch asks on the condition that a version is still there, if there is one. A weak one never matches as it is (RFC 9110 §13.1.1), but with servers that compare letters.
func (s *Store) ifMatch(ctx context.Context, r request, version string) (*reply, error) {
	if version == "" {
		return s.do(ctx, r)
	}
	strong, weak := strings.CutPrefix(version, "W/")
	r.header["If-Match"] = strong
	got, err := s.do(ctx, r)
	if err == nil && weak && got.status == http.StatusPreconditionFailed {
		r.header["If-Match"] = version
		return s.do(ctx, r)
	}
	return got, err
}

// sound refuses what no collection may hold (RFC 4791 §4.1, RFC 6352 §5.1), and what would send invitations.
func (u *upload) sound(d *cutover.ObjectDigester, raw []byte) error {
	switch n := len(d.UIDs()); {
	case n == 0:
		return fmt.Errorf("%w: it has no UID", bridge.ErrRefused)
	case n > 1:
		return fmt.Errorf("%w: it has %d UIDs", bridge.ErrRefused, n)
	}
	if bytes.HasPrefix(raw, []byte(object.ByteOrderMark)) {
		return fmt.Errorf("%w: it begins with a byte order mark, with which some servers take it and cannot read it", bridge.ErrRefused)
	}
	if u.at.schedules && u.m.kind == cutover.Calendar && invites(raw, u.at.addresses) {
		return bridge.ErrSchedules
	}
	return nil
}

func mediaType(kind cutover.FolderKind) string {
	if kind == cutover.Contacts {
		return "text/vcard; charset=utf-8"
	}
	return "text/calendar; charset=utf-8"
}

// landed is the outcome of what was put. A server that names no version, or a weak one, has changed the object (RFC 4791 §5.3.4): it is asked what it made of it.
func (u *upload) landed(ctx context.Context, name, etag string, d *cutover.ObjectDigester) (o bridge.Outcome, err error) {
	o.Place = ledger.Place{Validity: validity, Ref: refOf(name)}
	if etag == "" || strings.HasPrefix(etag, "W/") {
		_, p, err := u.s.properties(ctx, member(u.m.at(), name), "<D:getetag/>")
		if err == nil && p.ETag == "" && p.failed {
			err = errors.New("the server does not tell the version")
		}
		if err != nil {
			return o, fmt.Errorf("%w: %w", bridge.ErrUnknown, err)
		}
		etag = p.ETag
	}
	o.Version = etag
	return o, u.noted(ctx, name, etag, d)
}

// noted keeps what is known of a member that we put, so that nobody has to read it.
func (u *upload) noted(ctx context.Context, name, etag string, d *cutover.ObjectDigester) error {
	leave, err := u.m.hold(ctx)
	if err != nil {
		return nil // it lies there all the same
	}
	defer leave()
	u.m.members[name] = known{etag: etag, size: d.Size(), as: etag, item: []part{partOf(refOf(name), d)}}
	return nil
}

// ofCollection makes an answer that may be about the whole collection one about the item, where the collection is there. It is asked for, so that one item that some server does not like cannot stop the others.
func (u *upload) ofCollection(ctx context.Context, got *reply, err error) error {
	if got.status != http.StatusNotFound && got.status != http.StatusConflict || errors.Is(err, bridge.ErrRefused) || errors.Is(err, bridge.ErrChanged) {
		return err
	}
	if _, p, gone := u.s.properties(ctx, u.m.at(), "<D:resourcetype/>"); gone != nil || p.Type.kind() != u.m.kind {
		return err
	}
	return fmt.Errorf("%w: %s", bridge.ErrRefused, said(got))
}

// errNotShown: what lies there may be in a bin that keeps its name.
var errNotShown = fmt.Errorf("%w: the server says that it lies there, and does not show it", bridge.ErrRefused)

// lies is the outcome of an item under whose name something lies: that item, put before, or another version of it, which is not ours to replace.
func (u *upload) lies(ctx context.Context, name string, d *cutover.ObjectDigester) (o bridge.Outcome, err error) {
	there, err := u.s.get(ctx, u.m, name)
	if err != nil {
		return o, err
	}
	if errors.Is(there.err, bridge.ErrGone) {
		return o, errNotShown
	} else if there.err != nil {
		return o, fmt.Errorf("%w: %w", bridge.ErrUnknown, there.err)
	}
	other := cutover.NewObjectDigester(u.m.kind)
	_, _ = other.Write(there.raw) // it never fails
	if d.Text() != other.Text() {
		return o, fmt.Errorf("%w: another version of it lies there", bridge.ErrRefused)
	}
	o.Place, o.Version = ledger.Place{Validity: validity, Ref: refOf(name)}, there.etag
	return o, nil
}

// refusal is the error of an answer to a PUT.
func refusal(r request, got *reply, replacing bool) error {
	why := precondition(got.body)
	switch {
	case got.status/100 == 2 && got.status != http.StatusMultiStatus:
		return nil
	case transient(got.status) && got.status != http.StatusInternalServerError && got.status != http.StatusNotImplemented:
		return unexpected(r, got)
	case replacing && (got.status == http.StatusPreconditionFailed || got.status == http.StatusNotFound || got.status == http.StatusGone):
		return fmt.Errorf("%w: %s", bridge.ErrChanged, said(got))
	case got.status == http.StatusRequestEntityTooLarge, why == "max-resource-size", bytes.Contains(got.body, []byte("max-resource-size")):
		return fmt.Errorf("%w: %s", bridge.ErrTooLarge, said(got))
	case got.status == http.StatusNotFound, got.status == http.StatusConflict && why == "":
		return unexpected(r, got) // the collection is gone
	case got.status/100 == 4, got.status == http.StatusInternalServerError, got.status == http.StatusNotImplemented:
		return fmt.Errorf("%w: %s", bridge.ErrRefused, said(got))
	}
	return unexpected(r, got)
}
