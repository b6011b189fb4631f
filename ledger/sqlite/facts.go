package sqlite

import (
	"context"

	"posthouse/ledger"
)

// Fact returns ledger.ErrNotFound for a name that was never set.
func (l *Ledger) Fact(ctx context.Context, name string) (string, error) {
	v, err := find(ctx, l, func(q querier) (string, error) {
		return one(q, value[string], "SELECT value FROM facts WHERE name = ?", name)
	})
	return v, wrap(err, "reading fact %q", name)
}

// SetFact sets or replaces.
func (l *Ledger) SetFact(ctx context.Context, name, value string) error {
	err := l.change(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
		return err
	})
	return wrap(err, "setting fact %q", name)
}

// Verified replaces the mailbox's last result.
func (l *Ledger) Verified(ctx context.Context, v ledger.Verification) error {
	err := l.change(ctx, func(t *tx) error {
		_, err := t.exec("INSERT OR REPLACE INTO "+verificationsOf(v.Objects)+" (mailbox, at, equal, missing, extra) VALUES (?, ?, ?, ?, ?)",
			string(v.Mailbox), micros(v.At), v.Equal, v.Missing, v.Extra)
		return err
	})
	return wrap(err, "recording the verification of %s", v.Mailbox)
}

func verificationsOf(objects bool) string {
	if objects {
		return "object_verifications"
	}
	return "verifications"
}

// Verifications lists the last results of each mailbox, by mailbox.
func (l *Ledger) Verifications(ctx context.Context) ([]ledger.Verification, error) {
	found, err := find(ctx, l, func(q querier) ([]ledger.Verification, error) {
		scan := func(row scanner) (v ledger.Verification, err error) {
			return v, row.Scan(&v.Mailbox, (*timeColumn)(&v.At), &v.Equal, &v.Missing, &v.Extra, &v.Objects)
		}
		return collect(q, scan, `SELECT mailbox, at, equal, missing, extra, 0 AS objects FROM verifications
			UNION ALL SELECT mailbox, at, equal, missing, extra, 1 FROM object_verifications ORDER BY mailbox, objects`)
	})
	return found, wrap(err, "listing verifications")
}
