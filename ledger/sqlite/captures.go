package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// Repeated returns the earliest capture of the same transaction that is not older than since.
func (l *Ledger) Repeated(ctx context.Context, repeat cutover.Digest, since time.Time) (cutover.CaptureID, bool, error) {
	if repeat.IsZero() || micros(since) > l.repeats.floor && !l.repeats.may(repeat) && !l.isClosed() {
		return "", false, nil
	}
	found, err := find(ctx, l, func(q querier) ([]repeated, error) {
		captures, err := l.having(q, repeat[:])
		if err != nil {
			return nil, err
		}
		return collectIn(q, scanRepeated, selectRepeated, "", []any{repeat[:], micros(since)}, captures)
	})
	if err != nil || len(found) == 0 {
		return "", false, wrap(err, "looking for a repeated transaction")
	}
	return slices.MinFunc(found, func(a, b repeated) int { return cmp.Compare(a.n, b.n) }).id, true, nil
}

type repeated struct {
	n  int64
	id cutover.CaptureID
}

const selectRepeated = "SELECT n, id FROM captures WHERE repeat = ? AND at >= ? AND n IN "

func scanRepeated(row scanner) (r repeated, err error) { return r, row.Scan(&r.n, &r.id) }

const captureColumns = `id, at, route, listener, client_addr, client_name, client_tls, client_user,
	env_from, env_body, env_utf8, env_return, env_id, recipients, prefix, size, sum, repeat, digest, key, loose, trace,
	hops, bare, eight_bit, message_id, results, unwanted, cut, env_require_tls`

const (
	selectCaptures = "SELECT " + captureColumns + " FROM captures "
	selectCaptured = "SELECT " + captureColumns + ", (SELECT octets FROM bodies WHERE capture = n AND size <= ?) FROM captures "
)

// Capture returns the permanent row.
func (l *Ledger) Capture(ctx context.Context, id cutover.CaptureID) (ledger.Capture, error) {
	c, err := find(ctx, l, func(q querier) (ledger.Capture, error) {
		return one(q, scanCapture, selectCaptures+"WHERE id = ?", string(id))
	})
	return c, wrap(err, "reading capture %s", id)
}

// Captured reads many rows at once.
func (l *Ledger) Captured(ctx context.Context, ids []cutover.CaptureID) (map[cutover.CaptureID]ledger.Captured, error) {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = string(id)
	}
	rows, err := find(ctx, l, func(q querier) ([]ledger.Captured, error) {
		return collectIn(q, scanCaptured, selectCaptured+"WHERE id IN ", "", []any{ledger.MaxOctets}, values)
	})
	found := make(map[cutover.CaptureID]ledger.Captured, len(rows))
	for _, c := range rows {
		found[c.ID] = c
	}
	return found, wrap(err, "reading %d captures", len(ids))
}

func scanCapture(row scanner) (c ledger.Capture, err error) {
	var recipients string
	err = row.Scan(&c.ID, (*timeColumn)(&c.At), &c.Route, &c.Listener, &c.Client.Addr, &c.Client.Name, &c.Client.TLS, &c.Client.User,
		&c.Envelope.From, &c.Envelope.Body, &c.Envelope.UTF8, &c.Envelope.Return, &c.Envelope.EnvelopeID, &recipients,
		&c.Prefix, &c.Size, (*digestColumn)(&c.Sum), (*digestColumn)(&c.Repeat), (*digestColumn)(&c.Digest),
		(*keyColumn)(&c.Identity.Key), (*keyColumn)(&c.Identity.Loose), &c.Identity.Trace, &c.Hops, &c.Bare, &c.EightBit, &c.MessageID,
		&c.Results, &c.Unwanted, (*cutColumn)(&c.Cut), &c.Envelope.RequireTLS)
	if err != nil {
		return c, err
	}
	c.Envelope.Recipients, err = scanRecipients(recipients)
	return c, err
}

func scanCaptured(row scanner) (c ledger.Captured, err error) {
	c.Capture, err = scanCapture(followed{row, &c.Octets})
	return c, err
}

// followed is a row with one column more than its reader knows of.
type followed struct {
	row  scanner
	last any
}

func (f followed) Scan(columns ...any) error { return f.row.Scan(append(columns, f.last)...) }

func scanRecipients(text string) ([]ledger.Recipient, error) {
	var rows []recipientRow
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("recipients: %w", err)
	}
	var recipients []ledger.Recipient
	for _, r := range rows {
		recipients = append(recipients, ledger.Recipient(r))
	}
	return recipients, nil
}
