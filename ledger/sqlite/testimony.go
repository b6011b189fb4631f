package sqlite

import (
	"context"
	"errors"
	"time"

	"posthouse/evidence"
	"posthouse/ledger"
)

// observationsBatch is how many are read at once: no read connection is held while the caller works on them.
const observationsBatch = 500

var insertObservations = newBatch(`INSERT INTO observations (at, channel, class, source, sender, client, env_from, mailbox, message, detail,
	until, open)`, marks(12))

func observationValues(args []any, o evidence.Observation) []any {
	client := ""
	if o.Client.IsValid() {
		client = o.Client.String()
	}
	return append(args, micros(o.At), string(o.Channel), string(o.Class), o.Source, o.Sender, client, o.From, string(o.Mailbox), o.Message, o.Detail,
		micros(o.Until), o.Open)
}

// Testify stores all four in one change.
func (l *Ledger) Testify(ctx context.Context, observations []evidence.Observation, coverage []evidence.Coverage, offset *ledger.Offset, delivered ...evidence.LocalDelivery) error {
	args := make([]any, 0, len(observations)*insertObservations.columns)
	for _, o := range observations {
		args = observationValues(args, o)
	}
	err := l.change(ctx, func(t *tx) error {
		if err := t.insert(&insertObservations, args); err != nil {
			return err
		}
		for _, c := range coverage {
			if err := extend(t, c); err != nil {
				return err
			}
		}
		if err := keepLocal(t, delivered); err != nil || offset == nil {
			return err
		}
		_, err := t.exec("INSERT INTO offsets (source, position) VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET position = excluded.position",
			offset.Source, offset.Position)
		return err
	})
	return wrap(err, "storing testimony")
}

var errSpan = errors.New("the span of coverage ends before it begins")

// extend merges a span with all of its source's that it overlaps or touches.
func extend(t *tx, c evidence.Coverage) error {
	from, to := micros(c.Span.From), micros(c.Span.To)
	switch {
	case to < from:
		return errSpan
	case to == from:
		return nil
	}
	type bounds struct{ from, to *int64 }
	scan := func(row scanner) (b bounds, err error) { return b, row.Scan(&b.from, &b.to) }
	touching, err := one(t, scan, "SELECT min(start), max(stop) FROM coverage WHERE source = ? AND start <= ? AND stop >= ?", c.Source, to, from)
	if err != nil {
		return err
	}
	if touching.from != nil {
		from, to = min(from, *touching.from), max(to, *touching.to)
		if _, err := t.exec("DELETE FROM coverage WHERE source = ? AND start >= ? AND start <= ?", c.Source, from, to); err != nil {
			return err
		}
	}
	_, err = t.exec("INSERT INTO coverage (source, start, stop) VALUES (?, ?, ?)", c.Source, from, to)
	return err
}

// Withdraw cuts the span that holds the instant, and removes those after it.
func (l *Ledger) Withdraw(ctx context.Context, source string, from time.Time) error {
	err := l.change(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM coverage WHERE source = ? AND start >= ?", source, micros(from)); err != nil {
			return err
		}
		_, err := t.exec("UPDATE coverage SET stop = ?2 WHERE source = ?1 AND stop > ?2", source, micros(from))
		return err
	})
	return wrap(err, "withdrawing the coverage of %s", source)
}

// Offset returns ledger.ErrNotFound for a source that was never read.
func (l *Ledger) Offset(ctx context.Context, source string) (ledger.Offset, error) {
	position, err := find(ctx, l, func(q querier) (string, error) {
		return one(q, value[string], "SELECT position FROM offsets WHERE source = ?", source)
	})
	if err != nil {
		return ledger.Offset{}, wrap(err, "reading the offset of %s", source)
	}
	return ledger.Offset{Source: source, Position: position}, nil
}

type observationRow struct {
	id int64
	evidence.Observation
}

func scanObservation(row scanner) (o observationRow, err error) {
	return o, row.Scan(&o.id, (*timeColumn)(&o.At), &o.Channel, &o.Class, &o.Source, &o.Sender, (*addrColumn)(&o.Client), &o.From, &o.Mailbox,
		&o.Message, &o.Detail, (*timeColumn)(&o.Until), &o.Open)
}

// Observations reads in batches. Those stored while it runs are seen if their time is later than what was yielded last.
func (l *Ledger) Observations(ctx context.Context, since time.Time, yield func(evidence.Observation) bool) error {
	at, id := micros(since), int64(-1)
	for {
		batch, err := find(ctx, l, func(q querier) ([]observationRow, error) {
			return collect(q, scanObservation, `SELECT id, at, channel, class, source, sender, client, env_from, mailbox, message, detail, until, open
				FROM observations WHERE (at, id) > (?, ?) ORDER BY at, id LIMIT ?`, at, id, observationsBatch)
		})
		if err != nil {
			return wrap(err, "reading observations")
		}
		for _, o := range batch {
			if !yield(o.Observation) {
				return nil
			}
		}
		if len(batch) < observationsBatch {
			return nil
		}
		last := batch[len(batch)-1]
		at, id = micros(last.At), last.id
	}
}

// Coverage returns spans that end after since.
func (l *Ledger) Coverage(ctx context.Context, since time.Time) ([]evidence.Coverage, error) {
	found, err := find(ctx, l, func(q querier) ([]evidence.Coverage, error) {
		scan := func(row scanner) (c evidence.Coverage, err error) {
			return c, row.Scan(&c.Source, (*timeColumn)(&c.Span.From), (*timeColumn)(&c.Span.To))
		}
		return collect(q, scan, "SELECT source, start, stop FROM coverage WHERE stop > ? ORDER BY start, source", micros(since))
	})
	return found, wrap(err, "reading coverage")
}
