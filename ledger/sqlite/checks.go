package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthouse/ledger"
)

// Checked writes results, in one change for all.
func (l *Ledger) Checked(ctx context.Context, now time.Time, checks ...ledger.Check) error {
	if len(checks) == 0 {
		return nil
	}
	err := l.changeAgain(ctx, func(t *tx) error {
		for _, c := range checks {
			if err := checked(t, now, c); err != nil {
				return fmt.Errorf("capture %s: %w", c.Capture, err)
			}
		}
		return nil
	})
	return wrap(err, "recording what was found out about senders")
}

// checkedRow is what a check needs of its capture.
type checkedRow struct {
	n, at   int64
	prefix  []byte
	started bool // an attempt may have been made, or something else was done with a delivery
}

const selectChecked = `SELECT n, at, prefix, EXISTS (SELECT 1 FROM deliveries WHERE capture = n AND NOT (state = 'due' AND attempts = 0)) FROM captures WHERE id = ?`

// checked needs one statement for most.
func checked(t *tx, now time.Time, c ledger.Check) error {
	n, err := t.touched("UPDATE captures SET results = ?, unwanted = ? WHERE id = ?", c.Results, c.Unwanted, string(c.Capture))
	switch {
	case err != nil:
		return err
	case n == 0:
		return ledger.ErrNotFound
	case len(c.Fields) == 0 && !c.Unwanted:
		return nil
	}
	row, err := one(t, func(s scanner) (r checkedRow, err error) { return r, s.Scan(&r.n, &r.at, &r.prefix, &r.started) }, selectChecked, string(c.Capture))
	if err != nil {
		return err
	}
	if c.Unwanted {
		if _, err := t.exec("UPDATE observations SET class = 'unwanted' WHERE at = ? AND message = ?", row.at, string(c.Capture)); err != nil {
			return err
		}
	}
	if len(c.Fields) == 0 || row.started {
		return nil
	}
	return prepend(t, now, row, c.Fields)
}

// prepend changes next too, and always: whoever has read a delivery with the prefix as it was cannot begin it any more.
func prepend(t *tx, now time.Time, row checkedRow, fields []byte) error {
	if _, err := t.exec("UPDATE captures SET prefix = ? WHERE n = ?", slices.Concat(fields, row.prefix), row.n); err != nil {
		return err
	}
	_, err := t.exec("UPDATE deliveries SET next = min(?, next - 1) WHERE capture = ?", micros(now), row.n)
	return err
}

func cutValue(cut []ledger.Range) string {
	var b strings.Builder
	for i, r := range cut {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d-%d", r.From, r.To)
	}
	return b.String()
}

// cutColumn reads what cutValue wrote.
type cutColumn []ledger.Range

func (c *cutColumn) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("cut is a %T", value)
	}
	*c = nil
	for word := range strings.FieldsSeq(text) {
		var r ledger.Range
		if _, err := fmt.Sscanf(word, "%d-%d", &r.From, &r.To); err != nil {
			return fmt.Errorf("cut %q: %w", text, err)
		}
		*c = append(*c, r)
	}
	return nil
}
