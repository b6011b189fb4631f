package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"posthouse/cutover"
)

// onceTries is how often in a row a mailbox may fail, without getting any further, before CatchUp gives it up.
const onceTries = 4

// CatchUp brings the mailboxes up to date: everything that lies on the legacy side when it is called has a disposition when done is told nil. done is called once for each mailbox, one at a
// time, with what kept it from being done, in the order in which they end. On a bridge that was started the workers are woken and waited for, and a mailbox that has a problem is
// given up at once; else the mailboxes are worked on here, Most of them in turns, and left when they are done. What a server asked to wait is waited for, while others go on. It returns the
// context's error, or that of a mailbox that is not known.
func (b *Bridge) CatchUp(ctx context.Context, ids []cutover.MailboxID, done func(cutover.MailboxID, error)) error {
	workers, err := b.workersOf(ids)
	if err != nil {
		return err
	}
	b.mu.Lock()
	started := b.ctx != nil
	b.mu.Unlock()
	do, seats := (*worker).once, make(chan struct{}, b.turns.most)
	if started {
		do, seats = (*worker).caughtUp, make(chan struct{}, len(workers))
	} else {
		for _, w := range workers {
			w.seats = seats
		}
	}
	return sideBySide(ctx, workers, seats, func(w *worker) (tell func()) {
		err := do(w, ctx)
		return func() { done(w.m.ID, err) }
	})
}

func (b *Bridge) workersOf(ids []cutover.MailboxID) ([]*worker, error) {
	workers := make([]*worker, len(ids))
	for i, id := range ids {
		w, err := b.worker(id)
		if err != nil {
			return nil, err
		}
		workers[i] = w
	}
	return workers, nil
}

// sideBySide calls do for each worker that got a seat, in their order, and what it returns one at a time.
func sideBySide(ctx context.Context, workers []*worker, seats chan struct{}, do func(*worker) (tell func())) error {
	var telling sync.Mutex
	var all sync.WaitGroup
	for _, w := range workers {
		select {
		case seats <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-seats }()
			tell := do(w)
			telling.Lock()
			defer telling.Unlock()
			tell()
		})
	}
	all.Wait()
	return ctx.Err()
}

// once passes over the mailbox until nothing is pending. What fails is tried again, as in following, unless trying again cannot help.
func (w *worker) once(ctx context.Context) error {
	defer w.close()
	for {
		err := w.pass(ctx)
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if w.hopeless(err) {
			w.status.givenUp(err)
			return err
		}
		w.rest(ctx, err)
	}
}

// hopeless reports whether trying again, soon, is of no use. Planned waits are no failures.
func (w *worker) hopeless(err error) bool {
	return w.tries.failed >= onceTries || errors.Is(err, ErrNoServer) || errors.Is(err, ErrLogin) || full(err)
}

// caughtUp wakes a worker that runs, and waits for the end of a pass that looked after that.
func (w *worker) caughtUp(ctx context.Context) error {
	if p := w.status.snapshot(w.m.ID); p.State == Unfollowed {
		return fmt.Errorf("%s: %w", p.Error, ErrNoServer)
	}
	since := w.status.looks()
	select {
	case w.retry <- struct{}{}: // it may be resting after a failure
	default:
	}
	w.hint()
	ended, err := w.status.wait(ctx, since+1)
	for planned(err) != nil {
		ended, err = w.status.wait(ctx, ended+1)
	}
	return err
}
