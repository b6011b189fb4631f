package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// maxGroup bounds the changes of one commit, so that the first of a group does not wait for ever while others keep coming.
const maxGroup = 256

// change is one caller's work and the way back to the caller.
type change struct {
	run   func(*tx) error
	again bool        // run may be called a second time after a rollback
	quick bool        // run may need nothing of the database
	waits bool        // nobody is kept waiting by it: it is committed with the next that cannot wait, or after patience
	taken atomic.Bool // by the writer, or by its caller who gave up: whoever is first
	done  chan error
	after []func()
}

// writer owns the one connection that writes. Its goroutine takes all changes that wait, runs them in one transaction, commits once and answers
// everybody. When nothing waits it commits at once with what it has: grouping delays only changes that can wait.
type writer struct {
	conn     *sql.Conn
	st       *statements
	ids      map[string]int64
	rows     gathered // of the running group, not written yet
	pending  *pending
	changes  chan *change
	done     chan struct{}
	patience time.Duration // of changes that can wait
	// onGroup runs at the head of each group, within its transaction; afterGroup once it is durable and everybody was answered.
	onGroup    func(*tx) error
	afterGroup func()
}

func newWriter(conn *sql.Conn, folder string) *writer {
	return &writer{
		conn: conn, st: newStatements(conn), ids: map[string]int64{},
		changes: make(chan *change, maxGroup), done: make(chan struct{}), pending: newPending(folder),
		onGroup: func(*tx) error { return nil }, afterGroup: func() {},
	}
}

// loop runs until changes is closed and everything submitted is done.
func (w *writer) loop() {
	defer close(w.done)
	for {
		select {
		case first, open := <-w.changes:
			if !open {
				w.takeIn()
				return
			}
			w.group(first)
		case <-w.pending.due:
			w.pending.due = time.After(pendingFor) // should it fail
			w.takeIn()
		}
		if w.pending.many() {
			w.takeIn()
		}
		w.pending.make()
	}
}

// takeIn has the database take in what is pending. Should that fail it stays where it is, and is tried again.
func (w *writer) takeIn() {
	if w.pending.count.Load() == 0 {
		return
	}
	g := group{w: w}
	if g.begin() == nil {
		g.commit()
	}
}

// submit hands a change over and waits for its commit. When ctx ends before the writer took the change, the change will never run and ctx's error
// returns; once it was taken submit waits for the outcome, which is a matter of milliseconds, and reports that.
func (w *writer) submit(ctx context.Context, c *change) error {
	c.done = make(chan error, 1)
	select {
	case w.changes <- c:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		if c.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return <-c.done
	}
}

// waiting is the next change that waits, nil if none does. Before it says so it lets those run who can: on a busy machine a change that is almost there comes with this commit and not with one
// of its own; on an idle one nobody is kept waiting.
func (w *writer) waiting() *change {
	for range 2 {
		select {
		case c := <-w.changes:
			return c
		default:
			runtime.Gosched()
		}
	}
	return nil
}

// group runs one transaction: the first change and all that wait, also those that arrive while it runs.
func (w *writer) group(first *change) {
	g := group{w: w}
	for c := first; c != nil; c = w.next(&g) {
		if !c.taken.CompareAndSwap(false, true) {
			continue
		}
		g.urgent = g.urgent || !c.waits
		g.add(c)
		if g.dead != nil || len(g.members) == maxGroup {
			break
		}
	}
	g.commit()
}

// next is the change that comes into the group next, nil when it is to be committed.
func (w *writer) next(g *group) *change {
	if c := w.waiting(); c != nil || g.urgent || w.patience == 0 {
		return c
	}
	if g.patience == nil {
		g.patience = time.After(w.patience)
	}
	select {
	case c := <-w.changes:
		return c
	case <-g.patience:
		return nil
	}
}

// exec runs a statement that has no arguments.
func (w *writer) exec(text string) error {
	st, err := w.st.get(text)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(context.Background())
	return err
}

// protect turns a panic into the change's error: one caller's mistake must not stop everybody's mail.
func protect(t *tx, run func(*tx) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.Join(err, fmt.Errorf("panic in a change: %v\n%s", r, debug.Stack()))
		}
	}()
	return run(t)
}
