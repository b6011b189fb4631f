package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

// carry brings rows into the cloud: those that lie there already are adopted, the others are put. The intent of all of these is durable before the first put. It
// returns the rows that reached a disposition; an item that did not stays Intended or is forgotten, and its error is returned.
func (w *worker) carry(ctx context.Context, p *pair, rows []ledger.Item) ([]ledger.Item, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	index, state, err := w.candidates(ctx, p, rows)
	if err != nil {
		return nil, err
	}
	matches, rows, err := w.adopt(ctx, p, index, rows)
	if err != nil {
		return nil, err
	}
	done := rowsOf(matches, state, cutover.Adopted)
	if len(rows) == 0 {
		return done, nil
	}
	if rows, err = w.intend(ctx, rows, state); err != nil {
		return done, err
	}
	c := &carriage{w: w, p: p, index: index, open: map[cutover.Ref]ledger.Item{}, done: done}
	for _, t := range rows {
		c.open[t.Legacy.Ref] = t
	}
	return c.run(ctx)
}

// rowsOf are the matched items' rows, with their copies' places. Flags of an adopted copy that differ are not ours: somebody gave them in the cloud, and they stay.
func rowsOf(matches []match, state FolderState, d cutover.Disposition) []ledger.Item {
	rows := make([]ledger.Item, len(matches))
	for i, m := range matches {
		rows[i] = m.row
		rows[i].Disposition, rows[i].CloudFlags = d, m.twin.Flags
		if d == cutover.Adopted {
			rows[i].CloudFlags = m.row.Flags
		}
		rows[i].Cloud = ledger.Place{Validity: state.Validity, Ref: m.twin.Ref}
	}
	return rows
}

// intend makes the rows durable as Intended, with the cloud folder's tail: if a copy is made, it lies at or after it.
func (w *worker) intend(ctx context.Context, rows []ledger.Item, state FolderState) ([]ledger.Item, error) {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Disposition = cutover.Intended
		rows[i].Cloud = ledger.Place{Validity: state.Validity}
		rows[i].Tail = string(state.Tail)
	}
	rows, err := w.b.cfg.Ledger.Intend(ctx, rows)
	if err != nil {
		return nil, fmt.Errorf("recording what is about to be put: %w", err)
	}
	return rows, nil
}

// carriage is one batch on its way: bodies stream from the legacy through it into the cloud. Its fields belong to the fetching side; what the putting side needs is in
// flight.
type carriage struct {
	w     *worker
	p     *pair
	index *cloudIndex
	open  map[cutover.Ref]ledger.Item // neither disposed of nor handed to the putting side
	done  []ledger.Item               // disposed of
	errs  []error
	// unplaced counts what was put by a server that does not tell where (no UIDPLUS).
	unplaced int
	// flight is the putting side: it has its own lock.
	flight flight
}

// run fetches on this goroutine and puts on another; the channel between them holds only a few bodies. What surely was not put is forgotten; what may have been stays
// Intended.
func (c *carriage) run(ctx context.Context) ([]ledger.Item, error) {
	putting, cancel := context.WithCancel(ctx)
	defer cancel()
	bodies := make(chan PutItem, 8)
	ended := make(chan error, 1)
	go func() {
		err := c.flight.put(putting, c.w.cloud, c.p.cloud, bodies)
		cancel()
		for item := range bodies {
			item.Content.Close()
		}
		ended <- err
	}()
	fetchErr := c.fetch(putting, bodies)
	close(bodies)
	putErr := <-ended
	if putErr != nil && errors.Is(fetchErr, context.Canceled) {
		fetchErr = nil // only a consequence
	}
	notPut := c.land(ctx)
	for _, t := range c.open {
		notPut = append(notPut, t.ID)
	}
	if len(c.open) > 0 && fetchErr == nil && putErr == nil && len(c.errs) == 0 {
		fetchErr = fmt.Errorf("%d items were asked for and not given: %w", len(c.open), ErrConnection)
	}
	err := errors.Join(append(c.errs, fetchErr, putErr)...)
	if len(notPut) > 0 {
		err = errors.Join(err, c.w.b.cfg.Ledger.Forget(context.WithoutCancel(ctx), notPut))
	}
	if c.unplaced > 0 && err == nil {
		err = c.w.recover(ctx, c.p)
	}
	return c.done, err
}

// fetch hands every body that is to be put to bodies, and disposes of the others.
func (c *carriage) fetch(ctx context.Context, bodies chan<- PutItem) error {
	refs := slices.Collect(maps.Keys(c.open))
	return c.w.legacy.Fetch(ctx, c.p.legacy, refs, func(f Fetched) error {
		t, wanted := c.open[f.Ref]
		if !wanted {
			return fmt.Errorf("item %s was given and not asked for", f.Ref)
		}
		if f.Err != nil {
			return c.unfetched(t, f.Err)
		}
		return c.fetched(ctx, t, f.Content, bodies)
	})
}

func (c *carriage) fetched(ctx context.Context, t ledger.Item, content Content, bodies chan<- PutItem) error {
	d, err := digest(content)
	if err != nil {
		content.Close()
		return fmt.Errorf("reading %s: %w", t.Legacy.Ref, err)
	}
	t.Digest, t.Size = d.Digest(), d.Size()
	if t.Identity.Match().IsZero() {
		t.Identity = d.Identity()
	}
	delete(c.w.unread, t.Legacy)
	delete(c.open, t.Legacy.Ref)
	item := c.flight.board(t, content)
	select {
	case bodies <- item:
		return nil
	case <-ctx.Done():
		c.flight.unboard(item.ID)
		c.open[t.Legacy.Ref] = t
		content.Close()
		return ctx.Err()
	}
}

// unfetched disposes of an item whose body cannot be had. One that cannot be read is tried for an hour before it counts as refused, so that it does not stop its folder for ever; verify
// names it from then on.
func (c *carriage) unfetched(t ledger.Item, err error) error {
	switch {
	case errors.Is(err, ErrGone):
		t.Disposition, t.Note = cutover.Gone, "no longer there when its turn came"
	case c.w.mayBeRead(t.Legacy):
		c.errs = append(c.errs, fmt.Errorf("reading %s: %w", t.Legacy.Ref, err))
		return nil
	default:
		t.Disposition, t.Note = cutover.Refused, "cannot be read from the legacy server: "+err.Error()
	}
	delete(c.w.unread, t.Legacy)
	delete(c.open, t.Legacy.Ref)
	c.done = append(c.done, t)
	return nil
}

// mayBeRead reports whether an item that cannot be read is to be tried again.
func (w *worker) mayBeRead(at ledger.Place) bool {
	now := w.b.cfg.Clock.Now()
	since, before := w.unread[at]
	if !before {
		w.unread[at] = now
		return true
	}
	return now.Sub(since) < unreadFor
}

// land turns outcomes into dispositions and returns the rows that were surely not put. What was in flight and has no outcome stays Intended.
func (c *carriage) land(ctx context.Context) (notPut []ledger.ItemID) {
	for _, f := range c.flight.landed {
		row := f.row
		switch {
		case f.outcome.Err == nil:
			row.Disposition, row.CloudFlags, row.Cloud = cutover.Copied, row.Flags, f.outcome.Place
			if row.Cloud.Ref == "" {
				c.unplaced++ // its row stays Intended until the tail tells where it lies
				continue
			}
			c.index.own++
			c.done = append(c.done, row)
		case errors.Is(f.outcome.Err, ErrRefused):
			row.Disposition, row.Note = cutover.Refused, "the cloud says: "+f.outcome.Err.Error()
			note, err := c.w.save(ctx, c.p, row)
			if err != nil {
				c.errs = append(c.errs, err)
				notPut = append(notPut, row.ID)
				continue
			}
			row.Note += "; " + note
			c.done = append(c.done, row)
		default:
			c.errs = append(c.errs, fmt.Errorf("putting %s: %w", row.Legacy.Ref, f.outcome.Err))
			if !errors.Is(f.outcome.Err, ErrUnknown) {
				notPut = append(notPut, row.ID)
			}
		}
	}
	return notPut
}
