package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// openIn opens the ledger of a folder for one test; closing it again at the end does no harm.
func openIn(t *testing.T, folder string, opts Options) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), folder, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustClose(t *testing.T, l *Ledger) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// keepBody commits a capture with one delivery.
func keepBody(ctx context.Context, l *Ledger, id string, octets []byte, state ledger.DeliveryState) error {
	b, err := l.NewBody(ctx)
	if err != nil {
		return err
	}
	defer b.Abort()
	if _, err := b.Write(octets); err != nil {
		return err
	}
	c := ledger.Capture{ID: cutover.CaptureID(id), At: noon, Size: int64(len(octets))}
	d := ledger.Delivery{Mailbox: "anna@example.com", Side: cutover.Cloud, Required: true, State: state, Since: noon}
	_, err = b.Commit(ctx, c, []ledger.Delivery{d}, evidence.Observation{At: noon, Source: "listener"})
	return err
}

func bodyOf(ctx context.Context, l *Ledger, id string) ([]byte, error) {
	r, err := l.OpenBody(ctx, cutover.CaptureID(id))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// foreign runs a statement on a closed ledger's database, as a person with the sqlite3 tool would.
func foreign(t *testing.T, folder, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(folder, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// ask reads one value on the read connections.
func ask[T any](t *testing.T, l *Ledger, query string, args ...any) T {
	t.Helper()
	v, err := find(t.Context(), l, func(q querier) (T, error) { return one(q, value[T], query, args...) })
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", query, err))
	}
	return v
}

// withoutJournal has each change go to the database at once.
func (l *Ledger) withoutJournal(t *testing.T) {
	t.Helper()
	must(t, l.change(t.Context(), func(*tx) error {
		l.w.pending.again = time.Now().Add(time.Hour)
		return nil
	}))
}
