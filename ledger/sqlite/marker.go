package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const generationFile = "generation"

// marker counts the ledger's generations in the database and, after each commit that counts on, in a file beside it. The file is never ahead of the
// database, unless somebody put back an older database: then mail that it calls due may have been sent, and items it does not know may have been put.
// It counts on at open, at close and once in a while between. A copy of the whole folder put back as a whole is not noticed.
type marker struct {
	path  string
	every time.Duration
	last  time.Time
	due   int64 // the generation that the running group carries, 0 if none
}

type markerRow struct {
	generation int64
	rolledBack bool
	traceKey   []byte
	journal    int64
}

func scanMarker(row scanner) (m markerRow, err error) {
	return m, row.Scan(&m.generation, &m.rolledBack, &m.traceKey, &m.journal)
}

// openMarker reads or makes the marker and the trace key, and finds out whether the database was put back. A full disk does not keep a ledger from
// opening: what is due must be able to leave.
func (l *Ledger) openMarker(context.Context) error {
	l.mark = marker{path: filepath.Join(l.folder, generationFile), every: markEvery}
	l.w.onGroup = l.mark.onGroup
	l.w.afterGroup = func() { l.mark.afterGroup(); l.writeKeys() }
	t := &tx{st: l.w.st, ids: l.w.ids}
	row, err := readMarker(t)
	if err != nil {
		return err
	}
	beside, err := l.mark.beside()
	if err != nil {
		return err
	}
	// Generation 1 without a file is a crash in the first moment of a new ledger.
	missing := beside < 0 && row.generation > 1
	back := row.rolledBack || missing || beside > row.generation
	l.traceKey = row.traceKey
	l.w.pending.epoch = uint64(row.journal)
	l.rolledBack.Store(back)
	_, err = t.exec("UPDATE marker SET generation = ?, rolled_back = ?", max(beside, row.generation), back)
	if err == nil {
		err = l.mark.advance(l.w)
	}
	if isFull(err) {
		return nil
	}
	return err
}

// readMarker makes the row, and with it the ledger's secret, at the first call.
func readMarker(t *tx) (markerRow, error) {
	const text = "SELECT generation, rolled_back, trace_key, journal FROM marker"
	row, err := one(t, scanMarker, text)
	if !errors.Is(err, sql.ErrNoRows) {
		return row, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return row, err
	}
	if _, err := t.exec("INSERT INTO marker (one, generation, rolled_back, trace_key) VALUES (1, 0, 0, ?)", key); err != nil {
		return row, err
	}
	return one(t, scanMarker, text)
}

// beside is the generation in the file, -1 where there is none or it cannot be understood.
func (m *marker) beside() (int64, error) {
	text, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return -1, nil
	}
	return n, nil
}

// onGroup counts on within a group's transaction when it is time to.
func (m *marker) onGroup(t *tx) error {
	m.due = 0
	if time.Since(m.last) < m.every {
		return nil
	}
	n, err := one(t, value[int64], "UPDATE marker SET generation = generation + 1 RETURNING generation")
	if err != nil {
		return err
	}
	m.due = n
	return nil
}

// afterGroup writes the file once the group is durable. A file that cannot be written now stays behind, which is harmless, and is tried again.
func (m *marker) afterGroup() {
	if m.due != 0 && m.write(m.due) == nil {
		m.last, m.due = time.Now(), 0
	}
}

func (m *marker) write(generation int64) error {
	return replaceFile(m.path, []byte(strconv.FormatInt(generation, 10)+"\n"))
}

// advance counts on by itself; only while the writer's goroutine does not run.
func (m *marker) advance(w *writer) error {
	t := &tx{st: w.st, ids: w.ids}
	n, err := one(t, value[int64], "UPDATE marker SET generation = generation + 1 RETURNING generation")
	if err != nil {
		return err
	}
	if err := m.write(n); err != nil {
		return err
	}
	m.last = time.Now()
	return nil
}

// RolledBack reports that this ledger is an older copy put back: what it calls due may have been sent and what it does not know may have been put.
// Until Reconciled is called, restarts included, nothing must be sent or put before the destination was asked.
func (l *Ledger) RolledBack() bool { return l.rolledBack.Load() }

// Reconciled records that the destinations were asked about everything that a rolled back ledger could not know.
func (l *Ledger) Reconciled(ctx context.Context) error {
	err := l.change(ctx, func(t *tx) error {
		t.committed(func() { l.rolledBack.Store(false) })
		_, err := t.exec("UPDATE marker SET rolled_back = 0")
		return err
	})
	return wrap(err, "recording that the ledger is reconciled")
}

// TraceKey is made with the ledger and lies in it, so that a copy put back still knows its own traces.
func (l *Ledger) TraceKey(ctx context.Context) ([]byte, error) {
	key, err := find(ctx, l, func(querier) ([]byte, error) { return append([]byte(nil), l.traceKey...), nil })
	return key, wrap(err, "reading the trace key")
}
