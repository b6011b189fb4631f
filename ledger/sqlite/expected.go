package sqlite

import (
	"context"
	"slices"

	"posthouse/cutover"
	"posthouse/ledger"
)

const selectExpected = `SELECT d.id, c.id, c.key, c.loose, c.trace, c.digest, d.state, d.seen,
	EXISTS (SELECT 1 FROM deliveries t WHERE t.capture = c.n AND t.mailbox = d.mailbox AND t.side = 'legacy' AND NOT t.required)
	FROM captures c JOIN deliveries d ON d.capture = c.n
	WHERE d.mailbox = ? AND d.required AND d.side = 'cloud' AND d.state <> 'dropped' AND `

func scanExpected(row scanner) (e ledger.Expected, err error) {
	return e, row.Scan(&e.Delivery, &e.Capture, (*keyColumn)(&e.Identity.Key), (*keyColumn)(&e.Identity.Loose), &e.Identity.Trace,
		(*digestColumn)(&e.Digest), &e.State, &e.Seen, &e.Teed)
}

// Expected looks up by key, by id, and then which items joined, in order of delivery. Captures and items are asked apart, since one day they may lie in
// two stores.
func (l *Ledger) Expected(ctx context.Context, m cutover.MailboxID, keys []cutover.Key, captures []cutover.CaptureID) ([]ledger.Expected, error) {
	found, err := find(ctx, l, func(q querier) ([]ledger.Expected, error) {
		found, err := l.expected(q, m, keys, captures)
		if err != nil {
			return nil, err
		}
		return found, addJoined(q, m, found)
	})
	return found, wrap(err, "looking up what %s expects", m)
}

func (l *Ledger) expected(q querier, m cutover.MailboxID, keys []cutover.Key, captures []cutover.CaptureID) ([]ledger.Expected, error) {
	// Before the listener is switched on, which is when most is copied, nothing is delivered: one question instead of one for each key.
	if any, err := one(q, value[bool], "SELECT EXISTS (SELECT 1 FROM deliveries)"); err != nil || !any {
		return nil, err
	}
	found, err := l.matching(q, m, keys)
	if err != nil {
		return nil, err
	}
	named, err := collectIn(q, scanExpected, selectExpected+"c.id IN ", "", []any{string(m)}, captureValuesIn(captures))
	if err != nil {
		return nil, err
	}
	found = append(found, named...)
	slices.SortFunc(found, func(a, b ledger.Expected) int { return int(a.Delivery - b.Delivery) })
	return slices.CompactFunc(found, func(a, b ledger.Expected) bool { return a.Delivery == b.Delivery }), nil
}

// matching are those whose captures have one of the keys.
func (l *Ledger) matching(q querier, m cutover.MailboxID, keys []cutover.Key) ([]ledger.Expected, error) {
	wanted, searched := make(map[cutover.Key]bool, len(keys)), make([][]byte, 0, len(keys))
	for i := range keys {
		if !keys[i].IsZero() {
			wanted[keys[i]], searched = true, append(searched, keys[i][:])
		}
	}
	captures, err := l.having(q, searched...)
	if err != nil {
		return nil, err
	}
	found, err := collectIn(q, scanExpected, selectExpected+"c.n IN ", "", []any{string(m)}, captures)
	return slices.DeleteFunc(found, func(e ledger.Expected) bool { return !wanted[matchOf(e.Identity)] }), err
}

func captureValuesIn(ids []cutover.CaptureID) []any {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = string(id)
	}
	return values
}

// The plus keeps the planner from walking all items of the mailbox.
const selectJoined = `SELECT id, capture FROM items WHERE capture <> '' AND +mailbox = (SELECT n FROM mailboxes WHERE id = ?) AND capture IN `

func addJoined(q querier, m cutover.MailboxID, found []ledger.Expected) error {
	type join struct {
		item    ledger.ItemID
		capture cutover.CaptureID
	}
	scan := func(row scanner) (j join, err error) { return j, row.Scan(&j.item, &j.capture) }
	ids := make([]cutover.CaptureID, 0, len(found))
	for _, e := range found {
		if !slices.Contains(ids, e.Capture) {
			ids = append(ids, e.Capture)
		}
	}
	joins, err := collectIn(q, scan, selectJoined, " ORDER BY id", []any{string(m)}, captureValuesIn(ids))
	if err != nil {
		return err
	}
	joined := make(map[cutover.CaptureID][]ledger.ItemID, len(joins))
	for _, j := range joins {
		joined[j.capture] = append(joined[j.capture], j.item)
	}
	for i := range found {
		found[i].Joined = slices.Clone(joined[found[i].Capture])
	}
	return nil
}
