package davstore

import (
	"context"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
)

// taken is the outcome of an item whose UID something has that lies under another name: its stand-in, over which it is put, or that item, or another version of it.
func (u *upload) taken(ctx context.Context, p parcel, refused error) (o bridge.Outcome, err error) {
	key := p.d.Identity().Key
	name, found, err := u.whose(ctx, key)
	if err != nil {
		return o, err
	}
	if name, etag, is := u.standInFor(ctx, key); is {
		return u.replace(ctx, p, name, etag)
	}
	if found {
		return u.lies(ctx, name, p.d)
	}
	return o, refused
}

// whose looks where an item lies, in collections that may have stand-ins.
func (u *upload) whose(ctx context.Context, key cutover.Key) (name string, found bool, err error) {
	leave, err := u.m.hold(ctx)
	if err != nil {
		return "", false, err
	}
	defer leave()
	if err := u.s.refresh(ctx, u.m); err != nil || !strings.HasPrefix(u.m.token, radicaleTokens) {
		return "", false, err
	}
	if err := u.s.identify(ctx, u.m, u.m.names()); err != nil {
		return "", false, err
	}
	for name, k := range u.m.members {
		if len(k.item) == 1 && k.item[0].id.Key == key {
			return name, true, nil
		}
	}
	return "", false, nil
}

// standInsLast is how long stand-ins are left alone for whose items nobody came: the process that made them died, and the items were gone when the next one looked.
const standInsLast = 24 * time.Hour

// sweep deletes the stand-ins that have been there for so long.
func (u *upload) sweep(ctx context.Context, age time.Duration) error {
	leave, err := u.m.hold(ctx)
	if err != nil {
		return err
	}
	old := map[string]string{}
	for name, k := range u.m.members {
		if k.standing() && u.s.o.Now().Sub(k.stand.made) > age {
			old[name] = k.etag
		}
	}
	leave()
	for name, etag := range old {
		if err := u.remove(ctx, name, etag); err != nil {
			return err
		}
	}
	return nil
}

// Filled deletes the stand-ins that are known: no item comes for them. Those of which nobody knows are found by the next that reads the collection.
func (s *Store) Filled(ctx context.Context, f cutover.Folder) error {
	m, err := s.mirror(ctx, f)
	if err != nil {
		return err
	}
	u := upload{s: s, m: m}
	return u.sweep(ctx, -standInsLast)
}

// makeWay deletes all stand-ins of a collection, for one that is to be moved there: an item without its stand-in is put as any other.
func (s *Store) makeWay(ctx context.Context, f cutover.Folder) error {
	m, err := s.mirror(ctx, f)
	if err != nil {
		return err
	}
	u := upload{s: s, m: m}
	if _, _, err := u.whose(ctx, cutover.Key{}); err != nil {
		return err
	}
	return u.sweep(ctx, -standInsLast)
}
