package imapstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
)

// Put uploads over a connection of its own that our own writer speaks on: as MULTIAPPEND where the server has it, else as APPENDs that do not wait for one
// another, on several connections if they can be had, since a server works on one after the other. Items are sent in groups as they come; a group does not wait for more than a moment to become full. Outcomes are told by
// other goroutines than the caller's, one at a time.
func (s *Store) Put(ctx context.Context, f cutover.Folder, items iter.Seq[bridge.PutItem], outcome func(bridge.Outcome)) error {
	if _, err := s.keywordsIn(ctx, f); err != nil {
		return fmt.Errorf("putting into %s: %w", f.Path, err)
	}
	in, stop := feed(items)
	l := &lanes{store: s, f: f, outcome: outcome, in: in, quit: make(chan struct{}), plain: map[int]cutover.Flags{}}
	err := l.run(ctx)
	stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("putting into %s: %w", f.Path, err)
	}
	return nil
}

// lanes are the connections that one Put uses.
type lanes struct {
	store   *Store
	f       cutover.Folder
	outcome func(bridge.Outcome)
	in      <-chan bridge.PutItem

	telling sync.Mutex            // outcomes are told one at a time
	plain   map[int]cutover.Flags // by item: keywords that were left out after a refusal
	more    sync.Once             // the further lanes are begun
	further sync.WaitGroup
	slowed  atomic.Pointer[reply] // the server asked to wait: nothing more is sent
	full    atomic.Int32          // items in a row for which there was no room
	failing sync.Once
	quit    chan struct{} // closed when a lane failed: nothing new is taken
}

// run returns the error of the first lane, or of another one.
func (l *lanes) run(ctx context.Context) error {
	var others []error
	var mu sync.Mutex
	err := l.lane(ctx, func() {
		for range l.store.o.Lanes - 1 {
			l.further.Go(func() {
				err := l.lane(ctx, nil)
				mu.Lock()
				defer mu.Unlock()
				others = append(others, err)
			})
		}
	})
	l.further.Wait()
	return errors.Join(append([]error{err}, others...)...)
}

// widenAfter is how many messages are put over one connection before it is worth making more: a few messages keep their order.
const widenAfter = 50

// lane uploads over one connection. widen, if not nil, is called when the server turns out to take one message at a time; a lane without it is one more, and ends where there is no room for it.
func (l *lanes) lane(ctx context.Context, widen func()) error {
	w, err := l.store.takeWriter(ctx)
	if err != nil {
		return err
	}
	further := widen == nil
	w.further = further
	undo := context.AfterFunc(ctx, w.abort)
	unhook := l.store.onClose(w.abort)
	p := &putting{lanes: l, writer: w, wake: make(chan struct{}, 1), widen: widen}
	err = p.run(ctx, l.in)
	unhook()
	undo()
	l.store.giveWriter(w)
	if further && errors.Is(err, errNoRoom) {
		return nil
	}
	if err != nil {
		l.failing.Do(func() { close(l.quit) })
	}
	return err
}

// feed runs the sequence in a goroutine of its own, so that a sequence that waits for outcomes does not hold up what is on its way. After stop the sequence's next item is not taken.
func feed(items iter.Seq[bridge.PutItem]) (in <-chan bridge.PutItem, stop func()) {
	out, quit := make(chan bridge.PutItem), make(chan struct{})
	go func() {
		defer close(out)
		for item := range items {
			select {
			case out <- item:
			case <-quit:
				return
			}
		}
	}()
	return out, func() { close(quit) }
}

// putting is a Put under way on one connection.
type putting struct {
	*lanes
	writer *writer
	wake   chan struct{} // a flight has ended
	widen  func()        // begins further lanes; nil when there is nothing to begin
	sent   int           // items

	mu    sync.Mutex
	retry []group
	held  *bridge.PutItem // did not fit into the last group
}

// group is what goes into one command.
type group []bridge.PutItem

func (g group) octets() (sum int64) {
	for _, item := range g {
		sum += item.Content.Size()
	}
	return sum
}

func (p *putting) tell(outcomes ...bridge.Outcome) {
	p.telling.Lock()
	defer p.telling.Unlock()
	for _, o := range outcomes {
		p.store.o.named(o.Err)
		p.outcome(o)
	}
}

func failed(item bridge.PutItem, kind, cause error) bridge.Outcome {
	return bridge.Outcome{ID: item.ID, Err: fmt.Errorf("%w: %w", kind, cause)}
}

func (p *putting) run(ctx context.Context, in <-chan bridge.PutItem) error {
	for {
		u, err := p.writer.connected(ctx, p)
		if err != nil {
			return err
		}
		if !u.multi && p.widen != nil && p.sent >= widenAfter {
			p.more.Do(p.widen)
		}
		g, err := p.next(ctx, u, &in)
		if err == nil && g == nil {
			return nil
		}
		if err == nil {
			p.sent += len(g)
			err = u.send(g)
		}
		var again reconnect
		if errors.As(err, &again) {
			p.writer.drop()
			continue
		}
		if err != nil {
			p.writer.drop()
			return p.store.classify(err)
		}
	}
}

// fullEnough is how many items in a row a full mailbox may refuse before nothing more is tried: a smaller one may still have fitted.
const fullEnough = 10

// heed notes what the server says to an item that it does not take, or, with an OK, that it takes some.
func (l *lanes) heed(r reply) {
	switch kind := r.busy(); {
	case r.kind == "OK":
		l.full.Store(0)
		return
	case kind == bridge.Full && l.full.Add(1) < fullEnough:
		return
	case kind != bridge.Full && !r.slows():
		return
	}
	l.slowed.CompareAndSwap(nil, &r)
}

// reconnect is an error after which the work goes on over a new connection: we had to close the old one, or were made to, and know what became of all items.
type reconnect struct{ error }

// next returns the next group to send: first what has to be sent again, then what comes. Nil means that the sequence has ended and all is answered.
func (p *putting) next(ctx context.Context, u *upload, in *<-chan bridge.PutItem) (group, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if g := p.again(); g != nil {
			return g, nil
		}
		if p.held != nil {
			first := *p.held
			p.held = nil
			return p.gather(u, first, in), nil
		}
		if *in == nil && u.flying() == 0 {
			return nil, u.failure()
		}
		select {
		case item, ok := <-*in:
			if !ok {
				*in = nil
				continue
			}
			return p.gather(u, item, in), nil
		case <-p.quit:
			*in = nil
		case <-p.wake:
		case <-u.dead:
			return nil, u.failure()
		case <-ctx.Done():
		}
	}
}

func (p *putting) again() group {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.retry) == 0 {
		return nil
	}
	g := p.retry[0]
	p.retry = p.retry[1:]
	return g
}

// gather fills a group, up to what goes into one command.
func (p *putting) gather(u *upload, first bridge.PutItem, in *<-chan bridge.PutItem) group {
	g := group{first}
	room := p.writer.store.o.AppendSize - first.Content.Size()
	for u.multi && len(g) < p.writer.store.o.AppendMax && *in != nil {
		item, ok, came := soon(*in, p.writer.store.o.Gather)
		if !came {
			return g
		}
		if !ok {
			*in = nil
			return g
		}
		if room -= item.Content.Size(); room < 0 {
			p.held = &item
			return g
		}
		g = append(g, item)
	}
	return g
}

// soon takes the next item, if it comes before patience ends. Most lie there already, and need no timer.
func soon(in <-chan bridge.PutItem, patience time.Duration) (item bridge.PutItem, ok, came bool) {
	select {
	case item, ok = <-in:
		return item, ok, true
	default:
	}
	select {
	case item, ok = <-in:
		return item, ok, true
	case <-time.After(patience):
		return item, false, false
	}
}

// split sends the halves of a group again: a command with several items is refused as a whole (RFC 3502).
func (p *putting) split(g group) {
	p.mu.Lock()
	defer p.mu.Unlock()
	half := len(g) / 2
	p.retry = append(p.retry, g[:half], g[half:])
}

// resend sends a group again as it is.
func (p *putting) resend(g group) {
	if len(g) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retry = append(p.retry, g)
}

func (p *putting) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
