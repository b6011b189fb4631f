package sqlite

import (
	"context"

	"posthouse/ledger"
)

// change submits work to the writer and returns when it is durable, or certain not to be.
func (l *Ledger) change(ctx context.Context, run func(*tx) error) error {
	return l.submit(ctx, &change{run: run})
}

// changeAgain is change for work that may be run a second time, after all that it wrote was taken back: what it leaves elsewhere the second run replaces. It costs less.
func (l *Ledger) changeAgain(ctx context.Context, run func(*tx) error) error {
	return l.submit(ctx, &change{run: run, again: true})
}

// changeQuickly is changeAgain for work that may need nothing of the database: it is tried without first.
func (l *Ledger) changeQuickly(ctx context.Context, run func(*tx) error) error {
	return l.submit(ctx, &change{run: run, again: true, quick: true})
}

// note is changeQuickly for what has happened already: it may be durable a little later.
func (l *Ledger) note(ctx context.Context, run func(*tx) error) error {
	return l.submit(ctx, &change{run: run, again: true, quick: true, waits: true})
}

func (l *Ledger) submit(ctx context.Context, c *change) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ledger.ErrClosed
	}
	return l.w.submit(ctx, c)
}

// look runs a read on the read connections. It sees every change that was answered before it began.
func (l *Ledger) look(ctx context.Context, run func(querier) error) error {
	return l.whileOpen(func() error {
		err := l.takeIn(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = run(l.view(ctx))
		}
		return ended(ctx, err)
	})
}

// view is what reads with ctx work with.
func (l *Ledger) view(ctx context.Context) view {
	if l.overlaid {
		ctx = context.WithoutCancel(ctx)
	}
	return view{ctx, l.reads}
}

// takeIn has the database take in what is pending.
func (l *Ledger) takeIn(ctx context.Context) error {
	if l.w == nil || l.w.pending.count.Load() == 0 {
		return nil
	}
	nothing := func() error {
		return l.w.submit(ctx, &change{run: func(*tx) error { return nil }, again: true})
	}
	err := nothing()
	if isFull(err) { // there is room that is kept for this
		err = nothing()
	}
	return err
}

func (l *Ledger) whileOpen(run func() error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ledger.ErrClosed
	}
	return run()
}

// find is look for one result.
func find[T any](ctx context.Context, l *Ledger, run func(querier) (T, error)) (found T, err error) {
	err = l.look(ctx, func(q querier) error {
		found, err = run(q)
		return err
	})
	return found, err
}

func (l *Ledger) isClosed() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.closed
}
