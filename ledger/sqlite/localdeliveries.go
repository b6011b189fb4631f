package sqlite

import (
	"context"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// insertLocal keeps the first of what is told several times. A message that Sieve marks to be discarded may be stored in spite of it: then it was.
const insertLocal = `INSERT INTO local_deliveries (at, source, mailbox, message, client, folder, lost, state, since, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open', ?1, '')
	ON CONFLICT (message, mailbox, source) DO UPDATE SET folder = excluded.folder, lost = '' WHERE lost <> '' AND excluded.lost = ''`

func keepLocal(t *tx, all []evidence.LocalDelivery) error {
	for _, d := range all {
		client := ""
		if d.Client.IsValid() {
			client = d.Client.String()
		}
		if _, err := t.exec(insertLocal, micros(d.At), d.Source, d.Mailbox, d.Message, client, d.Folder, d.Lost); err != nil {
			return err
		}
	}
	return nil
}

const selectLocal = "SELECT id, at, source, mailbox, message, client, folder, lost, state, since, note FROM local_deliveries WHERE "

func scanLocal(row scanner) (d ledger.LocalDelivery, err error) {
	return d, row.Scan(&d.ID, (*timeColumn)(&d.At), &d.Source, &d.Mailbox, &d.Message, (*addrColumn)(&d.Client), &d.Folder, &d.Lost, &d.State, (*timeColumn)(&d.Since), &d.Note)
}

// localTerms are a filter's conditions and their values.
func localTerms(f ledger.LocalFilter) (string, []any) {
	terms, args := []string{}, []any{}
	in := func(column string, values []any) {
		if len(values) > 0 {
			terms, args = append(terms, column+" IN "+marks(len(values))), append(args, values...)
		}
	}
	states, ids := make([]any, len(f.States)), make([]any, len(f.IDs))
	for i, s := range f.States {
		states[i] = string(s)
	}
	for i, id := range f.IDs {
		ids[i] = id
	}
	in("state", states)
	in("id", ids)
	if f.Message != "" {
		in("message", spellings(f.Message))
	}
	if !f.Before.IsZero() {
		terms, args = append(terms, "at < ?"), append(args, micros(f.Before))
	}
	if len(terms) == 0 {
		return "1", nil
	}
	return strings.Join(terms, " AND "), args
}

// spellings are the ways in which people write a Message-ID.
func spellings(message string) []any {
	bare := strings.Trim(message, "<>")
	return []any{"<" + bare + ">", bare}
}

// LocalDeliveries lists by time.
func (l *Ledger) LocalDeliveries(ctx context.Context, f ledger.LocalFilter) ([]ledger.LocalDelivery, error) {
	where, args := localTerms(f)
	text := selectLocal + where + " ORDER BY at, id"
	if f.Newest {
		text = selectLocal + where + " ORDER BY at DESC, id DESC"
	}
	if f.Limit > 0 {
		text, args = text+" LIMIT ?", append(args, f.Limit)
	}
	found, err := find(ctx, l, func(q querier) ([]ledger.LocalDelivery, error) { return collect(q, scanLocal, text, args...) })
	return found, wrap(err, "listing local deliveries")
}

// Reconcile leaves alone what changed meanwhile.
func (l *Ledger) Reconcile(ctx context.Context, now time.Time, state ledger.LocalState, note string, of ...ledger.LocalDelivery) error {
	err := l.change(ctx, func(t *tx) error {
		for _, d := range of {
			if _, err := t.exec("UPDATE local_deliveries SET state = ?, since = ?, note = ? WHERE id = ? AND state = ? AND lost = ?", string(state), micros(now), note, d.ID, string(d.State), d.Lost); err != nil {
				return err
			}
		}
		return nil
	})
	return wrap(err, "reconciling %d local deliveries", len(of))
}

// CountLocal reads the index alone.
func (l *Ledger) CountLocal(ctx context.Context, states ...ledger.LocalState) (map[ledger.LocalState]int, error) {
	where, args := localTerms(ledger.LocalFilter{States: states})
	type tally struct {
		state ledger.LocalState
		n     int
	}
	scan := func(row scanner) (c tally, err error) { return c, row.Scan(&c.state, &c.n) }
	rows, err := find(ctx, l, func(q querier) ([]tally, error) {
		return collect(q, scan, "SELECT state, count(*) FROM local_deliveries WHERE "+where+" GROUP BY state", args...)
	})
	counts := make(map[ledger.LocalState]int, len(rows))
	for _, c := range rows {
		counts[c.state] = c.n
	}
	return counts, wrap(err, "counting local deliveries")
}

const (
	selectObserved = "SELECT message FROM observations WHERE source = ?1 AND mailbox = ?2 AND at >= ?3 AND channel = 'arriving' AND substr(message, 1, 1) = '<' AND message IN "
	// selectCapturedFor reads the captures of a span of time: bodies that were pruned belong to older ones.
	selectCapturedFor = `SELECT message_id FROM captures c WHERE stored = 1 AND at >= ?1 AND EXISTS (SELECT 1 FROM deliveries d WHERE d.capture = c.n AND d.mailbox = ?2) AND message_id IN `
)

// Arrived asks for both in one view.
func (l *Ledger) Arrived(ctx context.Context, source string, m cutover.MailboxID, since time.Time, messages []string) (map[string]bool, error) {
	values := make([]any, len(messages))
	for i, message := range messages {
		values[i] = message
	}
	arrived := make(map[string]bool, len(messages))
	err := l.look(ctx, func(q querier) error {
		observed, err := collectIn(q, value[string], selectObserved, "", []any{source, string(m), micros(since)}, values)
		if err != nil {
			return err
		}
		captured, err := collectIn(q, value[string], selectCapturedFor, "", []any{micros(since), string(m)}, values)
		for _, message := range append(observed, captured...) {
			arrived[message] = true
		}
		return err
	})
	return arrived, wrap(err, "looking for %d messages of %s", len(messages), m)
}

// PruneLocal keeps what is open or missing.
func (l *Ledger) PruneLocal(ctx context.Context, before time.Time) (n int, err error) {
	err = l.change(ctx, func(t *tx) error {
		n, err = t.touched("DELETE FROM local_deliveries WHERE state IN ('seen', 'accepted', 'foreign') AND at < ? AND since < ?", micros(before), micros(before))
		return err
	})
	return n, wrap(err, "pruning local deliveries")
}

const selectSaid = `SELECT id, at, channel, class, source, sender, client, env_from, mailbox, message, detail, until, open
	FROM observations WHERE substr(message, 1, 1) = '<' AND message = ? ORDER BY at, id LIMIT 100`

// Said finds what names itself by a Message-ID with brackets, as all do but malformed ones.
func (l *Ledger) Said(ctx context.Context, message string) ([]evidence.Observation, error) {
	rows, err := find(ctx, l, func(q querier) ([]observationRow, error) {
		return collect(q, scanObservation, selectSaid, spellings(message)[0])
	})
	said := make([]evidence.Observation, len(rows))
	for i, row := range rows {
		said[i] = row.Observation
	}
	return said, wrap(err, "reading what was said of %s", message)
}
