package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"posthouse/cutover"
	"posthouse/ledger"
)

// rowsOf are the matched items' rows, with their copies' places. Flags of a copy that we did not put with it, or that an adopted one has otherwise than its item, are not ours: somebody gave them
// in the cloud, and they stay.
func (w *worker) rowsOf(ctx context.Context, p *pair, matches []match, state FolderState, d cutover.Disposition) ([]ledger.Item, error) {
	rows := make([]ledger.Item, len(matches))
	for i, m := range matches {
		rows[i] = m.row
		rows[i].Disposition = d
		rows[i].Cloud, rows[i].CloudVersion = ledger.Place{Validity: state.Validity, Ref: m.twin.Ref}, m.twin.Version
		var err error
		if rows[i].CloudFlags, err = w.keeps(ctx, p, putWith(m.row)); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// intend makes the rows durable as Intended, with the cloud folder's tail: if a copy is made, it lies at or after it. The flags that it is made with are kept too: the item's may change before
// anybody knows of the copy.
func (w *worker) intend(ctx context.Context, p *pair, rows []ledger.Item, state FolderState) ([]ledger.Item, error) {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Disposition = cutover.Intended
		rows[i].Cloud = ledger.Place{Validity: state.Validity}
		if !p.Kind.Objects() {
			rows[i].Tail = string(state.Tail)
		}
		if !moving(rows[i]) {
			rows[i].CloudFlags = given(rows[i].Flags)
		}
	}
	rows, err := w.b.cfg.Ledger.Intend(ctx, rows)
	if err != nil {
		return nil, fmt.Errorf("recording what is about to be put: %w", err)
	}
	p.putAgain(rows)
	return rows, nil
}

// carriage is one batch on its way: bodies stream from the legacy through it onto the belt. What surely was not put is forgotten in the end; what may have been stays Intended.
type carriage struct {
	w       *worker
	p       *pair
	open    map[cutover.Ref]ledger.Item // neither disposed of nor handed to the belt
	done    []ledger.Item               // disposed of
	refused []refusal                   // as they are; a repair may help
	errs    []error
	unknown int // put or not, nobody knows
	// laid is what was put by a server that does not tell where (no UIDPLUS).
	laid []ledger.Item
	// cut: the belt ended before everything was handed to it. The belt tells why.
	cut bool

	mu      sync.Mutex
	inAir   int
	down    sync.Cond // inAir is 0
	arrived []arrival
}

// arrival is an item whose outcome was told.
type arrival struct {
	row     ledger.Item
	outcome Outcome
}

func (w *worker) newCarriage(p *pair, rows []ledger.Item) *carriage {
	c := &carriage{w: w, p: p, open: map[cutover.Ref]ledger.Item{}}
	c.down.L = &c.mu
	for _, t := range rows {
		c.open[t.Legacy.Ref] = t
	}
	return c
}

func (c *carriage) boarded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inAir++
}

func (c *carriage) unboarded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inAir--; c.inAir == 0 {
		c.down.Broadcast()
	}
}

func (c *carriage) landed(a arrival) {
	c.mu.Lock()
	c.arrived = append(c.arrived, a)
	c.mu.Unlock()
	c.unboarded()
}

// wait returns when everything that was handed to the belt has landed.
func (c *carriage) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.inAir > 0 {
		c.down.Wait()
	}
}

// fetch hands every body that is to be put to the belt, and disposes of the others.
func (c *carriage) fetch(ctx context.Context, to *belt) error {
	refs := slices.Collect(maps.Keys(c.open))
	err := c.w.legacy.Fetch(to.ctx, c.p.legacy, refs, func(f Fetched) error {
		t, wanted := c.open[f.Ref]
		if !wanted {
			return fmt.Errorf("item %s was given and not asked for", f.Ref)
		}
		if f.Err != nil {
			return c.unfetched(t, f.Err)
		}
		return c.fetched(ctx, t, f.Content, to)
	})
	switch {
	case err != nil && ctx.Err() == nil && to.ctx.Err() != nil:
		c.cut = true
		return nil
	case err == nil && len(c.open) > 0 && len(c.errs) == 0:
		return fmt.Errorf("%d items were asked for and not given: %w", len(c.open), ErrConnection)
	}
	return err
}

func (c *carriage) fetched(ctx context.Context, t ledger.Item, content Content, to *belt) error {
	d, err := digest(c.p.Kind, content)
	if err == nil {
		err = c.w.asListed(ctx, c.p, t, d.Identity(), d.Size())
	}
	if err != nil {
		content.Close()
		return fmt.Errorf("reading %s: %w", t.Legacy.Ref, err)
	}
	if t, err = c.w.saysNow(ctx, c.p, t, d); err != nil {
		content.Close()
		return fmt.Errorf("recording what %s says now: %w", t.Legacy.Ref, err)
	}
	t.Digest, t.Size = d.Digest(), d.Size()
	if t.Identity.Match().IsZero() {
		t.Identity = d.Identity()
	}
	if wantsReceipt(d.Header()) {
		t.Note = asksForReceipt
	}
	delete(c.w.unread, t.Legacy)
	delete(c.open, t.Legacy.Ref)
	if err := to.carry(t, content, c); err != nil {
		c.open[t.Legacy.Ref] = t
		content.Close()
		return err
	}
	return nil
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
	now := w.b.cfg.Clock.Steady()
	since, before := w.unread[at]
	if !before {
		w.unread[at] = now
		return true
	}
	return now.Sub(since) < unreadFor
}

// finish waits for every outcome and returns the rows that reached a disposition, and what failed. Rows that surely were not put are forgotten; what was in flight and has no outcome
// stays Intended.
func (c *carriage) finish(ctx context.Context, fetchErr error) ([]ledger.Item, error) {
	c.wait()
	notPut := c.land(ctx)
	for _, t := range c.open {
		notPut = append(notPut, t.ID)
	}
	if c.unknown > 0 {
		c.errs = append(c.errs, fmt.Errorf("putting %d items: %w", c.unknown, ErrUnknown))
	}
	err := errors.Join(append(c.errs, fetchErr)...)
	if len(notPut) > 0 {
		err = errors.Join(err, c.w.b.cfg.Ledger.Forget(context.WithoutCancel(ctx), notPut))
	}
	return c.done, err
}

// land turns outcomes into dispositions, but for what may be repaired, and returns the rows that were surely not put.
func (c *carriage) land(ctx context.Context) (notPut []ledger.ItemID) {
	for _, f := range c.arrived {
		row := f.row
		switch {
		case f.outcome.Err == nil:
			row.Disposition, row.CloudFlags, row.Cloud, row.CloudVersion = cutover.Copied, without(given(row.Flags), f.outcome.Left), f.outcome.Place, f.outcome.Version
			if row.Cloud.Ref == "" {
				c.laid = append(c.laid, row) // in the ledger it stays Intended until the tail tells where it lies
				continue
			}
			c.done = append(c.done, row)
		case errors.Is(f.outcome.Err, ErrTooLarge) && !c.p.Kind.Objects():
			name, err := c.w.save(ctx, c.p, row)
			if err != nil {
				c.errs = append(c.errs, err)
				notPut = append(notPut, row.ID)
				continue
			}
			c.done = append(c.done, refused(row, f.outcome.Err, name))
		case errors.Is(f.outcome.Err, ErrRefused):
			c.refused = append(c.refused, refusal{row: row, why: f.outcome.Err})
		case errors.Is(f.outcome.Err, ErrUnknown):
			c.unknown++
		default:
			c.errs = append(c.errs, c.putFailure(row, f.outcome.Err))
			notPut = append(notPut, row.ID)
		}
	}
	return notPut
}

// without leaves some of the flags out.
func without(flags, left cutover.Flags) cutover.Flags {
	return slices.DeleteFunc(slices.Clone(flags), left.Has)
}

// putFailure: a server that asks to wait with one item, and took others, does not ask the whole mailbox to wait, unless it throttles.
func (c *carriage) putFailure(row ledger.Item, cause error) error {
	if errors.Is(cause, ErrBusy) && planned(cause) == nil && slices.ContainsFunc(c.arrived, func(a arrival) bool { return a.outcome.Err == nil }) {
		cause = aside{cause}
	}
	return fmt.Errorf("putting %s: %w", row.Legacy.Ref, cause)
}

// placed counts the copies among rows that a put made, and whose place is known.
func placed(rows []ledger.Item) (n int) {
	for _, row := range rows {
		if row.Disposition == cutover.Copied && row.Cloud.Ref != "" {
			n++
		}
	}
	return n
}
