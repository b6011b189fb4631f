package davstore

import (
	"context"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
)

// Radicale looks through a whole collection for each item that is new in it, and replaces a whole collection by one PUT on its address. So an empty one is filled at once: an address book with the contacts themselves,
// a calendar with stand-ins (standin.go), over which the events are put then as they are: that way nothing is looked for, and nothing is lost that such a PUT leaves out (what stands beside the event in its calendar,
// time zones as they are written). The PUT is on the condition that the collection is as it was seen empty (If-Match), so nobody's item is lost; what it does to the collection's own properties is undone (keepsake.go).

// How much is filled at once at the most.
const (
	fillItems    = 5000
	fillOctets   = 16 << 20
	fillPatience = 10 * time.Minute // Radicale makes some 200 items a second on a small machine
)

// radicaleTokens is how the only server begins its sync tokens that is known to take whole collections.
const radicaleTokens = "http://radicale.org/ns/sync/"

// fillable reports whether the collection can be filled at once, as far as it is known. The caller holds the mirror.
func (s *Store) fillable(m *mirror) bool {
	return s.o.Fill > 0 && m.listed && !m.singly && len(m.members) == 0 && strings.HasPrefix(m.token, radicaleTokens)
}

// Fills tells how many items, and octets, are filled into the folder at once as it is now; none where they are put one by one anyway.
func (s *Store) Fills(ctx context.Context, f cutover.Folder) (items int, octets int64, err error) {
	m, err := s.mirror(ctx, f)
	if err != nil || s.o.Fill <= 0 {
		return 0, 0, err
	}
	leave, err := m.hold(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer leave()
	if !m.listed {
		if err := s.refresh(ctx, m); err != nil {
			return 0, 0, err
		}
	}
	if !s.fillable(m) {
		return 0, 0, nil
	}
	return fillItems, fillOctets / 2, nil
}

// sort hands the queue on to the lanes, after what can be filled at once.
func (u *upload) sort(ctx context.Context) error {
	first, err := u.fill(ctx)
	if err != nil {
		return err
	}
	for _, item := range first {
		select {
		case u.singly <- item:
		case <-ctx.Done():
			return nil
		}
	}
	for {
		select {
		case item, more := <-u.queue:
			if !more {
				return nil
			}
			select {
			case u.singly <- item:
			case <-ctx.Done():
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// fill fills an empty collection with the first items of the queue, and returns those that are to be put singly all the same. Its error is that of the connection; then nobody knows what arrived.
func (u *upload) fill(ctx context.Context) (singly []bridge.PutItem, err error) {
	leave, err := u.m.hold(ctx)
	if err != nil {
		return nil, err
	}
	can := u.s.fillable(u.m)
	leave()
	if !can {
		return nil, nil
	}
	items := u.gather(ctx)
	f := filling{u: u, now: u.s.o.Now(), ids: map[cutover.Key]bool{}}
	for _, item := range items {
		if !f.add(item) {
			singly = append(singly, item)
		}
	}
	if len(f.added) < u.s.o.Fill {
		return items, nil
	}
	if leave, err = u.m.hold(ctx); err != nil {
		return nil, err
	}
	u.m.singly = true // it is tried once for each collection
	leave()
	left, err := f.run(ctx)
	return append(singly, left...), err
}

// gather takes items from the queue until it ends, or there are enough, or no more come for a while: whoever feeds it may be waiting for outcomes.
func (u *upload) gather(ctx context.Context) (items []bridge.PutItem) {
	var octets int64
	wait := time.NewTimer(u.s.o.Gather)
	defer wait.Stop()
	for len(items) < fillItems && octets < fillOctets {
		var late <-chan time.Time
		if len(items) > 0 {
			wait.Reset(u.s.o.Gather)
			late = wait.C
		}
		select {
		case item, more := <-u.queue:
			if !more {
				return items
			}
			items = append(items, item)
			octets += item.Content.Size()
		case <-late:
			return items
		case <-ctx.Done():
			return items
		}
	}
	return items
}
