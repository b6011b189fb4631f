package davstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/bridge/object"
	"posthouse/cutover"
)

// standIn is what a member is that keeps the place of an event or task until that is put over it: an entry of a journal with the item's UID, when it was made, and a mark. It says nothing and no calendar shows it, so
// nothing is lost with it; and it is nothing more than that: one to which somebody added a line is an item as any other.
type standIn struct {
	key  cutover.Key
	made time.Time
}

// standInMark is the property that marks stand-ins.
const standInMark = "X-POSTHOUSE-STANDIN"

// standInLines are the properties of a stand-in, each once, and of the calendar around it as servers write it.
var standInLines = []string{"BEGIN", "BEGIN", "DTSTAMP", "END", "END", "PRODID", "UID", "VERSION", standInMark}

const stampForm = "20060102T150405Z"

// writeStandIn writes the component that keeps the place of the item with that UID.
func writeStandIn(out *bytes.Buffer, uid string, now time.Time) {
	fmt.Fprintf(out, "BEGIN:VJOURNAL\r\nUID:%s\r\nDTSTAMP:%s\r\n%s:1\r\nEND:VJOURNAL\r\n", uid, now.UTC().Format(stampForm), standInMark)
}

// parseStandIn is the stand-in that a member is; nil for every other.
func parseStandIn(kind cutover.FolderKind, raw []byte) *standIn {
	if kind != cutover.Calendar || !bytes.Contains(raw, []byte(standInMark)) {
		return nil
	}
	s := &standIn{key: cutover.IdentityOfObject(kind, raw).Key}
	var names []string
	for _, l := range object.Lines(raw) {
		name := l.Name()
		switch name {
		case "":
			if strings.TrimSpace(l.Text) == "" {
				continue
			}
		case "BEGIN", "END":
			if !l.Is(name, "VCALENDAR") && !l.Is(name, "VJOURNAL") {
				return nil
			}
		case "DTSTAMP":
			s.made, _ = time.Parse(stampForm, l.Value())
		}
		names = append(names, name)
	}
	slices.Sort(names)
	if !slices.Equal(names, standInLines) || s.key.IsZero() || s.made.IsZero() {
		return nil
	}
	return s
}

// standing reports whether the member is a stand-in, as far as it is known.
func (k known) standing() bool { return k.stand != nil && k.as == k.etag && k.etag != "" }

// stood notes by its item's key where a stand-in lies.
func (m *mirror) stood(name string, k known) {
	if k.standing() {
		m.stands[k.stand.key] = name
	}
}

// standInFor is the member that keeps the item's place, and its version; false if none is known to.
func (u *upload) standInFor(ctx context.Context, key cutover.Key) (name, etag string, is bool) {
	leave, err := u.m.hold(ctx)
	if err != nil {
		return "", "", false
	}
	defer leave()
	name = u.m.stands[key]
	k, there := u.m.members[name]
	return name, k.etag, there && k.standing() && k.stand.key == key
}

// replace puts an item over its stand-in, if that is still as it is known. One that the server refuses leaves no stand-in behind.
func (u *upload) replace(ctx context.Context, p parcel, name, etag string) (o bridge.Outcome, err error) {
	for range 2 { // whoever wrote it anew without changing it has given it another version
		r, got, err := u.ask(ctx, name, u.header(), etag, p)
		if err != nil {
			return o, err
		}
		err = refusal(r, got, true)
		switch {
		case err == nil:
			return u.landed(ctx, name, got.header.Get("ETag"), p.d)
		case !errors.Is(err, bridge.ErrChanged):
			if errors.Is(err, bridge.ErrRefused) {
				return o, errors.Join(err, u.remove(ctx, name, etag))
			}
			return o, u.ofCollection(ctx, got, err)
		}
		there, err := u.s.get(ctx, u.m, name)
		switch {
		case err != nil:
			return o, err
		case errors.Is(there.err, bridge.ErrGone): // somebody deleted the stand-in, not the item
			return u.create(ctx, p, false)
		case there.err != nil || parseStandIn(u.m.kind, there.raw) == nil:
			return u.lies(ctx, name, p.d)
		}
		etag = there.etag
	}
	return o, fmt.Errorf("%w: its place is written over again and again", bridge.ErrRefused)
}

// remove deletes a stand-in that is as it is known. Whether it could is of no consequence.
func (u *upload) remove(ctx context.Context, name, etag string) error {
	got, err := u.s.ifMatch(ctx, request{method: http.MethodDelete, at: member(u.m.at(), name), header: map[string]string{"Schedule-Reply": "F"}}, etag)
	if err != nil {
		return ignorable(ctx, err)
	}
	if got.status/100 == 2 {
		if leave, err := u.m.hold(ctx); err == nil {
			defer leave()
			delete(u.m.members, name)
		}
	}
	return nil
}
