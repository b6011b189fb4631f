package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

func scanClaim(row scanner) (c ledger.Claim, err error) {
	return c, row.Scan(&c.Mailbox, &c.Owner, &c.Token, (*timeColumn)(&c.Until))
}

// Claim takes a free mailbox with the next token, or renews the owner's own claim, which keeps its token. While another owner holds the mailbox it
// returns that owner's claim.
func (l *Ledger) Claim(ctx context.Context, m cutover.MailboxID, owner string, now time.Time, lease time.Duration) (ledger.Claim, bool, error) {
	var c ledger.Claim
	var ok bool
	err := l.change(ctx, func(t *tx) (err error) {
		c, err = one(t, scanClaim, "SELECT mailbox, owner, token, until FROM claims WHERE mailbox = ?", string(m))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		held := c.Until.After(now)
		if held && c.Owner != owner {
			return nil
		}
		if !held {
			c.Token++
		}
		c.Mailbox, c.Owner, c.Until, ok = m, owner, fromMicros(micros(now.Add(lease))), true
		_, err = t.exec("INSERT OR REPLACE INTO claims (mailbox, owner, token, until) VALUES (?, ?, ?, ?)", string(m), owner, c.Token, micros(c.Until))
		return err
	})
	if err != nil {
		return ledger.Claim{}, false, wrap(err, "claiming %s for %s", m, owner)
	}
	return c, ok, nil
}

// Release ends a claim. ledger.ErrClaimLost when it is not the mailbox's newest: somebody else's is left alone.
func (l *Ledger) Release(ctx context.Context, c ledger.Claim) error {
	err := l.change(ctx, func(t *tx) error {
		n, err := t.touched("UPDATE claims SET until = 0 WHERE mailbox = ? AND owner = ? AND token = ?", string(c.Mailbox), c.Owner, c.Token)
		if err == nil && n == 0 {
			err = ledger.ErrClaimLost
		}
		return err
	})
	return wrap(err, "releasing %s", c.Mailbox)
}
