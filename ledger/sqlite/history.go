package sqlite

import (
	"context"
	"fmt"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
)

const selectEvents = `SELECT e.delivery, e.at, e.state, e.act, e.recipient, e.destination, e.attempts, e.next, e.reply, e.reason, e.class, e.seen
	FROM captures c JOIN deliveries d ON d.capture = c.n JOIN events e ON e.delivery = d.id WHERE c.id = ? ORDER BY e.delivery, e.n`

func scanEvent(row scanner) (e ledger.Event, err error) {
	return e, row.Scan(&e.Delivery, (*timeColumn)(&e.At), &e.State, &e.Act, &e.Recipient, &e.Destination, &e.Attempts, (*timeColumn)(&e.Next),
		&e.Reply, &e.Reason, &e.Class, &e.Seen)
}

// History reads what the triggers of the table deliveries wrote.
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
