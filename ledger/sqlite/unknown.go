package sqlite

import (
	"context"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// maxUnknown bounds the unknown recipients that are kept: anybody on the Internet can name as many as they like.
const maxUnknown = 10000

// NoteUnknown counts an address, folded to lower case. When there are more than 10,000 addresses, those asked for least and longest ago are forgotten.
func (l *Ledger) NoteUnknown(ctx context.Context, a cutover.Address, at time.Time) error {
	err := l.change(ctx, func(t *tx) error {
		count, err := one(t, value[int], `INSERT INTO unknown_recipients (address, count, first, last) VALUES (?1, 1, ?2, ?2)
			ON CONFLICT (address) DO UPDATE SET count = count + 1, first = min(first, ?2), last = max(last, ?2) RETURNING count`,
			string(a.Fold()), micros(at))
		if err != nil || count > 1 {
			return err
		}
		return l.boundUnknown(t)
	})
	return wrap(err, "noting unknown recipient %s", a)
}

// boundUnknown forgets a hundredth at once, so that the search for it is rare. It may take the address just noted.
func (l *Ledger) boundUnknown(t *tx) error {
	forgotten := 0
	if l.unknown >= maxUnknown {
		var err error
		forgotten, err = t.touched(`DELETE FROM unknown_recipients WHERE address IN (
			SELECT address FROM unknown_recipients ORDER BY count, last LIMIT ?)`, maxUnknown/100)
		if err != nil {
			return err
		}
	}
	t.committed(func() { l.unknown += 1 - forgotten })
	return nil
}

// UnknownRecipients lists them, the most asked for first.
func (l *Ledger) UnknownRecipients(ctx context.Context) ([]ledger.UnknownRecipient, error) {
	found, err := find(ctx, l, func(q querier) ([]ledger.UnknownRecipient, error) {
		scan := func(row scanner) (u ledger.UnknownRecipient, err error) {
			return u, row.Scan(&u.Address, &u.Count, (*timeColumn)(&u.First), (*timeColumn)(&u.Last))
		}
		return collect(q, scan, "SELECT address, count, first, last FROM unknown_recipients ORDER BY count DESC, address")
	})
	return found, wrap(err, "listing unknown recipients")
}
