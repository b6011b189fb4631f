package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"posthouse/cutover"
	"posthouse/ledger"
)

const selectPairs = `SELECT f.id, m.id, f.kind, f.role, f.legacy, f.cloud FROM folders f JOIN mailboxes m ON m.n = f.mailbox `

func scanPair(row scanner) (p ledger.FolderPair, err error) {
	return p, row.Scan(&p.ID, &p.Mailbox, &p.Kind, &p.Role, (*pathColumn)(&p.Legacy), (*pathColumn)(&p.Cloud))
}

// Pair finds or creates. Only what creates is a change.
func (l *Ledger) Pair(ctx context.Context, p ledger.FolderPair) (ledger.FolderPair, error) {
	known, err := find(ctx, l, func(q querier) (ledger.FolderPair, error) { return findPair(q, p) })
	if errors.Is(err, sql.ErrNoRows) {
		err = l.change(ctx, func(t *tx) (err error) {
			known, err = l.makePair(t, p)
			return err
		})
	}
	if err != nil {
		return ledger.FolderPair{}, wrap(err, "pairing %s %s", p.Mailbox, p.Legacy)
	}
	return known, nil
}

func findPair(q querier, p ledger.FolderPair) (ledger.FolderPair, error) {
	return one(q, scanPair, selectPairs+"WHERE m.id = ? AND f.kind = ? AND f.legacy = ?", string(p.Mailbox), string(p.Kind), pathValue(p.Legacy))
}

// makePair looks again: another caller may have been first.
func (l *Ledger) makePair(t *tx, p ledger.FolderPair) (ledger.FolderPair, error) {
	known, err := findPair(t, p)
	if !errors.Is(err, sql.ErrNoRows) {
		return known, err
	}
	if _, err := t.exec("INSERT OR IGNORE INTO mailboxes (id) VALUES (?)", string(p.Mailbox)); err != nil {
		return p, err
	}
	_, err = t.exec(`INSERT INTO folders (mailbox, kind, role, legacy, cloud) VALUES ((SELECT n FROM mailboxes WHERE id = ?), ?, ?, ?, ?)`,
		string(p.Mailbox), string(p.Kind), string(p.Role), pathValue(p.Legacy), pathValue(p.Cloud))
	if err != nil {
		return p, err
	}
	t.committed(func() { l.bridged.Store(p.Mailbox, true) })
	return findPair(t, p)
}

// loadBridged reads which mailboxes have folders.
func (l *Ledger) loadBridged(ctx context.Context) error {
	found, err := collect(view{ctx, l.reads}, value[cutover.MailboxID], "SELECT id FROM mailboxes WHERE n IN (SELECT mailbox FROM folders)")
	for _, m := range found {
		l.bridged.Store(m, true)
	}
	return err
}

// Pairs lists a mailbox's pairs in the order in which they were made.
func (l *Ledger) Pairs(ctx context.Context, m cutover.MailboxID) ([]ledger.FolderPair, error) {
	found, err := find(ctx, l, func(q querier) ([]ledger.FolderPair, error) {
		return collect(q, scanPair, selectPairs+"WHERE m.id = ? ORDER BY f.id", string(m))
	})
	return found, wrap(err, "listing the folders of %s", m)
}

// mailboxOf is the number of a folder's mailbox, as items carry it.
func mailboxOf(q querier, f ledger.FolderID) (int64, error) {
	n, err := one(q, value[int64], "SELECT mailbox FROM folders WHERE id = ?", int64(f))
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("folder %d: %w", f, ledger.ErrNotFound)
	}
	return n, err
}

// Cursor returns how far the folder was followed.
func (l *Ledger) Cursor(ctx context.Context, f ledger.FolderID) (ledger.Cursor, error) {
	c, err := find(ctx, l, func(q querier) (ledger.Cursor, error) {
		return one(q, value[ledger.Cursor], "SELECT cursor FROM folders WHERE id = ?", int64(f))
	})
	return c, wrap(err, "reading the cursor of folder %d", f)
}

// Reset makes the cursor empty.
func (l *Ledger) Reset(ctx context.Context, f ledger.FolderID) error {
	err := l.change(ctx, func(t *tx) error { return setCursor(t, f, "") })
	return wrap(err, "resetting the cursor of folder %d", f)
}

func setCursor(t *tx, f ledger.FolderID, c ledger.Cursor) error {
	n, err := t.touched("UPDATE folders SET cursor = ? WHERE id = ?", string(c), int64(f))
	if err == nil && n == 0 {
		err = fmt.Errorf("folder %d: %w", f, ledger.ErrNotFound)
	}
	return err
}
