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

// note is changeAgain for what has happened already: it may be durable a little later.
func (l *Ledger) note(ctx context.Context, run func(*tx) error) error {
	return l.submit(ctx, &change{run: run, again: true, waits: true})
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
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ledger.ErrClosed
	}
	return ended(ctx, run(view{ctx, l.reads}))
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
