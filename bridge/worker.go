package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// worker holds one mailbox: it copies, then follows, until its context ends. All of it runs on one goroutine but the hints.
type worker struct {
	b      *Bridge
	m      cutover.Mailbox
	rules  Rules
	legacy Store
	cloud  Store
	pairs  []*pair
	// unpaired is why folders have no counterpart.
	unpaired []error
	// subscribed are the cloud folders, by path, that were subscribed to because they are on the legacy side; nil until it is read.
	subscribed map[string]bool
	hints      chan struct{}
	retry      chan struct{} // somebody mended something
	again      bell          // rings when a pass succeeds after one that failed
	status     progress
	busy       busy
	deposits   *deposits
	sent       gate // of those who put into the cloud's Sent folder
	tries      tries
	// seats, if not nil, are those of a CatchUp: who waits for a server leaves his.
	seats chan struct{}
	// unread is since when an item could not be read, so that one bad item cannot stop its folder for ever.
	unread map[ledger.Place]time.Time
	// estimates: the legacy server lists other sizes than its messages have.
	estimates bool
}

// unreadFor is how long an item that cannot be read is tried.
const unreadFor = time.Hour

func newWorker(b *Bridge, m cutover.Mailbox) *worker {
	rules := Rules{Mailbox: m.ID}
	if b.cfg.Rules != nil {
		rules = b.cfg.Rules(m.ID)
	}
	return &worker{b: b, m: m, rules: rules, hints: make(chan struct{}, 1), retry: make(chan struct{}, 1), deposits: newDeposits(), sent: make(gate, 1), unread: map[ledger.Place]time.Time{}, status: progress{state: Waiting}}
}

func (w *worker) run(ctx context.Context) {
	defer w.close()
	watched, unwatch := context.WithCancel(ctx)
	watching := w.watch(watched)
	defer watching.Wait()
	defer unwatch()
	for failed := false; ctx.Err() == nil; {
		err := w.pass(ctx)
		if errors.Is(err, ErrNoServer) {
			w.status.unfollowed(err)
			return
		}
		if err != nil && ctx.Err() == nil {
			failed = true
			w.rest(ctx, err)
			continue
		}
		if failed {
			failed = false
			w.again.ring()
		}
		w.await(ctx)
	}
}

// pass looks at every folder until nothing is pending in any. A folder that fails does not stop the others; a side that cannot be reached does.
func (w *worker) pass(ctx context.Context) (err error) {
	select {
	case <-w.retry: // what was mended before this pass is seen by it
	default:
	}
	w.status.begin()
	defer func() { w.status.end(err) }()
	defer func() { w.tries.count(err, w.status.done()) }()
	defer w.part()
	if err := w.connect(); err != nil {
		return err
	}
	return w.rounds(ctx)
}

// inTurn calls do while it is our turn, which is given back after each round: a mailbox that has only news does not wait for another one's first copy to end.
func (w *worker) inTurn(ctx context.Context, do func(context.Context) error) error {
	release, err := w.b.turns.take(ctx, w.m)
	if err != nil {
		return err
	}
	defer release()
	return do(ctx)
}

// rounds takes some batches of each folder in turn, so that news in one is never behind the old ranges of another. The folders are paired in the first turn: whoever waits for it has no
// connection yet that others could use.
func (w *worker) rounds(ctx context.Context) error {
	failed := map[*pair]error{}
	look := w.pairFolders
	for pending := true; pending; {
		err := w.inTurn(ctx, func(ctx context.Context) (err error) {
			if pending, err = w.turn(ctx, look, failed); err == nil && !pending && len(failed)+len(w.unpaired) == 0 {
				pending, err = w.followDeletions(ctx)
			}
			return err
		})
		look = w.glanceAgain
		if err != nil {
			return err
		}
	}
	if len(failed)+len(w.unpaired) == 0 {
		w.status.caughtUp(w.b.cfg.Clock.Now())
	}
	w.unpair(failed)
	return errors.Join(append(values(failed), w.unpaired...)...)
}

// turn is one round; a second one where a hint cut the first one short, as a mailbox that was hardly begun must not wait for all others.
func (w *worker) turn(ctx context.Context, look func(context.Context) error, failed map[*pair]error) (pending bool, err error) {
	for range 2 {
		w.heed()
		if err := look(ctx); err != nil {
			return false, err
		}
		if pending, err = w.round(ctx, failed); err != nil || !pending || !w.hinted() {
			return pending, err
		}
		look = w.glanceAgain
	}
	return pending, nil
}

func (w *worker) glanceAgain(ctx context.Context) error {
	_, err := w.glance(ctx)
	return err
}

// round takes some batches of each folder that has not failed. Its error is a side that cannot be reached.
func (w *worker) round(ctx context.Context, failed map[*pair]error) (pending bool, err error) {
	for _, p := range w.pairs {
		if failed[p] != nil {
			continue
		}
		more, err := w.step(ctx, p)
		if err != nil {
			err = fmt.Errorf("%s %s: %w", w.m.ID, p.Legacy, err)
			if wholeMailbox(ctx, err) {
				return false, err
			}
			failed[p] = err
		}
		pending = pending || more
	}
	return pending, nil
}

// step works on the next batches of one folder and reports whether there may be more.
func (w *worker) step(ctx context.Context, p *pair) (more bool, err error) {
	if p.Role == cutover.Sent {
		if err := w.sent.begin(ctx); err != nil {
			return false, err
		}
		defer w.sent.end()
	}
	if err := w.recover(ctx, p); err != nil || p.quiet {
		return false, err
	}
	if p.bin != nil {
		if err := w.recover(ctx, p.bin); err != nil {
			return false, err
		}
	}
	cursor, err := w.b.cfg.Ledger.Cursor(ctx, p.ID)
	if err != nil {
		return false, err
	}
	p.deletions.looked = false
	s := stretch{w: w, p: p}
	return s.run(ctx, cursor)
}

func (w *worker) connect() (err error) {
	if w.legacy == nil {
		if w.legacy, err = w.b.cfg.Open(w.m, cutover.Legacy); err != nil {
			return fmt.Errorf("%s: opening the legacy mailbox: %w", w.m.ID, err)
		}
	}
	if w.cloud == nil {
		if w.cloud, err = w.b.cfg.Open(w.m, cutover.Cloud); err != nil {
			return fmt.Errorf("%s: opening the cloud mailbox: %w", w.m.ID, err)
		}
	}
	return nil
}

// part gives the connections back after a pass.
func (w *worker) part() {
	if w.parts() {
		w.close()
	}
}

// parts: there are not enough connections for every mailbox to keep its own.
func (w *worker) parts() bool { return w.b.size() > w.b.turns.most }

func (w *worker) close() {
	for _, s := range []Store{w.legacy, w.cloud} {
		if s != nil {
			s.Close() // what cannot be closed is gone already
		}
	}
	w.legacy, w.cloud = nil, nil
}

// await returns at the next hint, at the next poll, or when the context ends.
func (w *worker) await(ctx context.Context) {
	timer := w.b.cfg.Clock.After(w.b.cfg.Poll)
	select {
	case <-w.hints:
	case <-timer:
	case <-ctx.Done():
	}
}

// heed takes a hint: a round looks at every folder.
func (w *worker) heed() {
	w.status.begin()
	select {
	case <-w.hints:
	default:
	}
}

// hinted reports whether a hint waits to be followed: news, which go before old ranges.
func (w *worker) hinted() bool { return len(w.hints) > 0 }

func (w *worker) hint() {
	select {
	case w.hints <- struct{}{}:
	default:
	}
}

func values(m map[*pair]error) []error {
	var errs []error
	for _, err := range m {
		errs = append(errs, err)
	}
	return errs
}
