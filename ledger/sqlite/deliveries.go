package sqlite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"posthouse/ledger"
)

const selectDeliveries = `SELECT d.id, c.id, d.recipient, d.original, d.mailbox, d.destination, d.side, d.required, d.state, d.attempts,
	d.next, d.since, d.reply, d.reason, d.class, d.seen, d.released, d.tell FROM deliveries d JOIN captures c ON c.n = d.capture `

func scanDelivery(row scanner) (d ledger.Delivery, err error) {
	return d, row.Scan(&d.ID, &d.Capture, &d.Recipient, &d.Original, &d.Mailbox, &d.Destination, &d.Side, &d.Required, &d.State, &d.Attempts,
		(*timeColumn)(&d.Next), (*timeColumn)(&d.Since), &d.Reply, &d.Reason, &d.Class, &d.Seen, (*timeColumn)(&d.Released), &d.Tell)
}

const whereDue = `WHERE d.state <> 'settled' AND d.state = ? AND d.destination = ? AND (d.attempts > 0) = ? ORDER BY d.next, d.id LIMIT ?`

// DueDeliveries reads the index of what is open in two halves, never tried and tried, each one row further than it takes: that row is the half's
// earliest among the rest.
func (l *Ledger) DueDeliveries(ctx context.Context, destination string, state ledger.DeliveryState, now, latest time.Time, limit int) ([]ledger.Delivery, time.Time, error) {
	var due []ledger.Delivery
	var next time.Time
	err := l.look(ctx, func(q querier) error {
		for _, tried := range []bool{false, true} {
			found, err := collect(q, scanDelivery, selectDeliveries+whereDue, string(state), destination, tried, max(0, limit-len(due))+1)
			if err != nil {
				return err
			}
			for _, d := range found {
				if len(due) < limit && (!d.Next.After(now) || d.Next.After(latest)) {
					due = append(due, d)
				} else if next.IsZero() || d.Next.Before(next) {
					next = d.Next
				}
			}
		}
		return nil
	})
	return due, next, wrap(err, "reading what is %s for %s", state, destination)
}

// Destinations reads the index of what is open.
func (l *Ledger) Destinations(ctx context.Context) ([]string, error) {
	names, err := find(ctx, l, func(q querier) ([]string, error) {
		return collect(q, value[string], "SELECT DISTINCT destination FROM deliveries WHERE state <> 'settled' AND state <> 'dropped' ORDER BY destination")
	})
	return names, wrap(err, "listing destinations")
}

// Update writes what an attempt changed. ledger.ErrNotFound, and nothing written, when one of them does not exist.
func (l *Ledger) Update(ctx context.Context, deliveries ...ledger.Delivery) error {
	if len(deliveries) == 0 {
		return nil
	}
	args := make([]any, 0, len(deliveries)*updateDeliveries.columns)
	for _, d := range deliveries {
		args = append(args, int64(d.ID), string(d.State), d.Attempts, micros(d.Next), micros(d.Since), d.Reply, d.Reason, d.Class, d.Seen, d.Tell)
	}
	err := l.note(ctx, func(t *tx) error {
		if t.quick != nil {
			return t.quick.outcomes(args)
		}
		t.committed(func() { l.w.pending.moved(deliveries) })
		touched, err := updateDeliveries.run(t, args)
		if err == nil && len(touched) < len(deliveries) {
			for _, d := range deliveries {
				if !touched[d.ID] {
					return changedOne(d.ID, 0, nil)
				}
			}
		}
		return err
	})
	return wrap(err, "updating deliveries")
}

// Begin asks for the old state and writes the new one in one statement.
func (l *Ledger) Begin(ctx context.Context, now time.Time, deliveries ...ledger.Delivery) ([]ledger.Delivery, error) {
	args := make([]any, 0, len(deliveries)*beginDeliveries.columns)
	for _, d := range deliveries {
		args = append(args, int64(d.ID), micros(now), string(d.Recipient), d.Destination, d.Attempts, micros(d.Next), micros(d.Since))
	}
	var begun []ledger.Delivery
	err := l.changeQuickly(ctx, func(t *tx) error {
		touched, err := beginnings(t, args)
		begun = nil
		if t.quick == nil {
			t.committed(func() { l.w.pending.moved(begun) })
		}
		for _, d := range deliveries {
			if touched[d.ID] {
				d.State, d.Since, d.Class = ledger.Sending, now, ""
				begun = append(begun, d)
			}
		}
		return err
	})
	if err != nil {
		return nil, wrap(err, "beginning deliveries")
	}
	return begun, nil
}

func beginnings(t *tx, args []any) (map[ledger.DeliveryID]bool, error) {
	if t.quick != nil {
		return t.quick.beginnings(args)
	}
	return beginDeliveries.run(t, args)
}

// Act also writes what only a person changes.
func (l *Ledger) Act(ctx context.Context, done string, deliveries ...ledger.Delivery) error {
	err := l.change(ctx, func(t *tx) error {
		t.committed(func() { l.w.pending.moved(deliveries) })
		for _, d := range deliveries {
			n, err := t.touched(`UPDATE deliveries SET state = ?, attempts = ?, next = ?, since = ?, reply = ?, reason = ?, class = ?, seen = ?,
				recipient = ?, mailbox = ?, destination = ?, side = ?, released = ?, act = ?,
				tell = coalesce(nullif(?, ''), tell) WHERE id = ?`,
				string(d.State), d.Attempts, micros(d.Next), micros(d.Since), d.Reply, d.Reason, d.Class, d.Seen,
				string(d.Recipient), string(d.Mailbox), d.Destination, string(d.Side), micros(d.Released), done, d.Tell, int64(d.ID))
			if err := changedOne(d.ID, n, err); err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "changing deliveries by hand")
}

// Tell leaves the history alone.
func (l *Ledger) Tell(ctx context.Context, id ledger.DeliveryID, was, is string) error {
	err := l.change(ctx, func(t *tx) error {
		_, err := t.touched(`UPDATE deliveries SET tell = ? WHERE id = ? AND tell = ?`, is, int64(id), was)
		return err
	})
	return wrap(err, "noting what is told of delivery %d", id)
}

// changedOne demands that there was a row.
func changedOne(id ledger.DeliveryID, rows int, err error) error {
	if err == nil && rows == 0 {
		err = ledger.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delivery %d: %w", id, err)
	}
	return nil
}

// Delivery reads one row.
func (l *Ledger) Delivery(ctx context.Context, id ledger.DeliveryID) (ledger.Delivery, error) {
	d, err := find(ctx, l, func(q querier) (ledger.Delivery, error) {
		return one(q, scanDelivery, selectDeliveries+"WHERE d.id = ?", int64(id))
	})
	return d, wrap(err, "reading delivery %d", id)
}

// Reopen puts in doubt what was under way when we were stopped; in a rolled back ledger also what is due, since it may have been sent since.
func (l *Ledger) Reopen(ctx context.Context, now time.Time) (int, error) {
	var reopened int
	err := l.change(ctx, func(t *tx) (err error) {
		reopened, err = t.touched(`UPDATE deliveries SET state = 'in doubt', next = ?, since = ?
			WHERE state <> 'settled' AND (state = 'sending' OR (state = 'due' AND ?))`, micros(now), micros(now), l.rolledBack.Load())
		return err
	})
	return reopened, wrap(err, "reopening deliveries")
}

// inOrder is the order in which captures were taken: deliveries get their numbers with them.
const inOrder = "ORDER BY d.id"

// Deliveries lists by filter: the index of what is open has the order in it.
func (l *Ledger) Deliveries(ctx context.Context, f ledger.DeliveryFilter) ([]ledger.Delivery, error) {
	from, where, args := deliveryTerms(f)
	text := selectDeliveries + where + inOrder
	if f.Limit > 0 { // which they are the index tells; their rows are read then
		text = selectDeliveries + "WHERE d.id IN (SELECT d.id FROM " + from + where + inOrder + " LIMIT ?) " + inOrder
		args = append(args, f.Limit)
	}
	found, err := find(ctx, l, func(q querier) ([]ledger.Delivery, error) { return collect(q, scanDelivery, text, args...) })
	return found, wrap(err, "listing deliveries")
}

// CountDeliveries counts by filter.
func (l *Ledger) CountDeliveries(ctx context.Context, f ledger.DeliveryFilter) (int, error) {
	from, where, args := deliveryTerms(f)
	counted, err := find(ctx, l, func(q querier) ([]int, error) {
		return collect(q, value[int], "SELECT count(*) FROM "+from+where, args...)
	})
	if err != nil {
		return 0, wrap(err, "counting deliveries")
	}
	return counted[0], nil
}

// deliveryTerms are what a filter asks, and of what: only some ask for the capture, and a long queue costs a look at each.
func deliveryTerms(f ledger.DeliveryFilter) (from, where string, args []any) {
	from = "deliveries d "
	if f.Capture != "" || f.From != "" {
		from += "JOIN captures c ON c.n = d.capture "
	}
	var terms []string
	if f.Capture != "" {
		terms, args = append(terms, "c.id = ?"), append(args, string(f.Capture))
	}
	if f.Mailbox != "" {
		terms, args = append(terms, "d.mailbox = ?"), append(args, string(f.Mailbox))
	}
	if f.Required {
		terms = append(terms, "d.required")
	}
	if !f.Before.IsZero() {
		terms, args = append(terms, "d.since < ?"), append(args, micros(f.Before))
	}
	if f.From != "" {
		terms, args = append(terms, likeAddress("c.env_from")), append(args, f.From, f.From)
	}
	if f.To != "" {
		terms, args = append(terms, "("+likeAddress("d.recipient")+" OR "+likeAddress("d.original")+")"), append(args, f.To, f.To, f.To, f.To)
	}
	if !f.Captured.IsZero() {
		terms, args = append(terms, "d.captured < ?"), append(args, micros(f.Captured))
	}
	if f.ToTell {
		terms = append(terms, "d.tell <> '' AND d.tell <> 'told'")
	}
	if f.Untold {
		terms = append(terms, "d.tell = ''")
	}
	if f.After.ID != 0 {
		terms, args = append(terms, "d.id > ?"), append(args, int64(f.After.ID))
	}
	if len(f.States) > 0 {
		open := true
		for _, s := range f.States {
			args = append(args, string(s))
			open = open && s != ledger.Settled
		}
		terms = append(terms, "d.state IN "+marks(len(f.States)))
		if open {
			// Lets the index of open deliveries serve: settled ones are nearly all.
			terms = append(terms, "d.state <> 'settled'")
		}
	}
	if len(terms) == 0 {
		return from, "", nil
	}
	return from, "WHERE " + strings.Join(terms, " AND ") + " ", args
}

// Backlog counts required deliveries by state.
func (l *Ledger) Backlog(ctx context.Context) (map[ledger.DeliveryState]int, error) {
	type count struct {
		state ledger.DeliveryState
		n     int
	}
	// Read before the rows are: a capture that comes between is then missing here, not counted as settled.
	settled := int(l.required.Load())
	counts, err := find(ctx, l, func(q querier) ([]count, error) {
		scan := func(row scanner) (c count, err error) { return c, row.Scan(&c.state, &c.n) }
		return collect(q, scan, "SELECT state, count(*) FROM deliveries WHERE state <> 'settled' AND required GROUP BY state")
	})
	if err != nil {
		return nil, wrap(err, "counting the backlog")
	}
	backlog := map[ledger.DeliveryState]int{}
	for _, c := range counts {
		backlog[c.state] = c.n
		settled -= c.n
	}
	if settled > 0 {
		backlog[ledger.Settled] = settled
	}
	return backlog, nil
}
