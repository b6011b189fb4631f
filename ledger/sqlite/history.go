package sqlite

import (
	"context"
	"fmt"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

const selectEvents = `WITH mine AS (SELECT d.* FROM captures c JOIN deliveries d ON d.capture = c.n WHERE c.id = ?)
	SELECT delivery, at, state, act, recipient, destination, attempts, next, reply, reason, class, seen FROM (
		SELECT e.* FROM mine JOIN events e ON e.delivery = mine.id UNION ALL
		SELECT id, 1 << 40, since, state, act, recipient, destination, attempts, next, reply, reason, seen, class
			FROM mine WHERE state <> 'sending' AND (state <> 'due' OR attempts > 0 OR act <> ''))
	ORDER BY delivery, n`

func scanEvent(row scanner) (e ledger.Event, err error) {
	return e, row.Scan(&e.Delivery, (*timeColumn)(&e.At), &e.State, &e.Act, &e.Recipient, &e.Destination, &e.Attempts, (*timeColumn)(&e.Next),
		&e.Reply, &e.Reason, &e.Class, &e.Seen)
}

// History reads the steps that the triggers of the table deliveries kept, and the last one, which is the delivery's row itself.
func (l *Ledger) History(ctx context.Context, id cutover.CaptureID) ([]ledger.Event, error) {
	found, err := find(ctx, l, func(q querier) ([]ledger.Event, error) { return collect(q, scanEvent, selectEvents, string(id)) })
	return found, wrap(err, "reading the history of %s", id)
}

// FindCaptures reads backwards from the newest. There is no index for what only people ask for: every capture would pay for it.
func (l *Ledger) FindCaptures(ctx context.Context, f ledger.CaptureFilter) ([]ledger.Capture, error) {
	var terms []string
	var args []any
	if f.Prefix != "" {
		terms, args = append(terms, "id >= ? AND id < ?"), append(args, f.Prefix, f.Prefix+"\x7f")
	}
	if f.MessageID != "" {
		bare := strings.Trim(f.MessageID, "<>")
		terms, args = append(terms, "message_id IN (?, ?, ?)"), append(args, f.MessageID, bare, "<"+bare+">")
	}
	if f.Address != "" {
		terms = append(terms, fmt.Sprintf(`(%s OR EXISTS (SELECT 1 FROM deliveries d WHERE d.capture = captures.n AND (%s OR %s)))`,
			likeAddress("env_from"), likeAddress("d.recipient"), likeAddress("d.original")))
		args = append(args, f.Address, f.Address, f.Address, f.Address, f.Address, f.Address)
	}
	text := selectCaptures
	if len(terms) > 0 {
		text += "WHERE " + strings.Join(terms, " AND ") + " "
	}
	text += "ORDER BY id DESC"
	if f.Limit > 0 {
		text, args = text+" LIMIT ?", append(args, f.Limit)
	}
	found, err := find(ctx, l, func(q querier) ([]ledger.Capture, error) { return collect(q, scanCapture, text, args...) })
	return found, wrap(err, "looking for captures")
}

// likeAddress compares a column with an address given twice, or with a whole domain where that begins with @.
func likeAddress(column string) string {
	return "(" + column + " = ? COLLATE NOCASE OR substr(" + column + ", instr(" + column + ", '@')) = ? COLLATE NOCASE)"
}
