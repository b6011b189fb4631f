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
// given up at once; else the mailboxes are worked on here, Parallel at a time, and left when they are done. It returns the context's error, or that of a mailbox that is not known.
func (b *Bridge) CatchUp(ctx context.Context, ids []cutover.MailboxID, done func(cutover.MailboxID, error)) error {
	workers, err := b.workersOf(ids)
	if err != nil {
		return err
	}
	b.mu.Lock()
	started := b.ctx != nil
	b.mu.Unlock()
	do, atOnce := (*worker).once, cap(b.slots)
	if started {
		do, atOnce = (*worker).caughtUp, len(workers)
	}
	return sideBySide(ctx, workers, atOnce, func(w *worker) (tell func()) {
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

// sideBySide calls do for the workers, so many at once, and what it returns one at a time.
func sideBySide(ctx context.Context, workers []*worker, atOnce int, do func(*worker) (tell func())) error {
	turns := make(chan *worker)
	var telling sync.Mutex
	var all sync.WaitGroup
	for range min(atOnce, len(workers)) {
		all.Go(func() {
			for w := range turns {
				tell := do(w)
				telling.Lock()
				tell()
				telling.Unlock()
			}
		})
	}
	for _, w := range workers {
		select {
		case turns <- w:
		case <-ctx.Done():
		}
	}
	close(turns)
	all.Wait()
	return ctx.Err()
}

// once passes over the mailbox until nothing is pending. What fails is tried again, as in following, unless trying again cannot help.
func (w *worker) once(ctx context.Context) error {
	defer w.close()
	for failures := 1; ; failures++ {
		before := w.status.done()
		err := w.pass(ctx)
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if w.status.done() > before {
			failures = 1
		}
		if failures >= onceTries || errors.Is(err, ErrNoServer) || errors.Is(err, ErrLogin) {
			w.status.givenUp(err)
			return err
		}
		w.rest(ctx, err, failures)
	}
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
	return w.status.wait(ctx, since+1)
}
