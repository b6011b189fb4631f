package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// preparer is a database, or one connection of it.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// statements prepares each text once.
type statements struct {
	on       preparer
	mu       sync.Mutex
	prepared map[string]*sql.Stmt
}

func newStatements(on preparer) *statements {
	return &statements{on: on, prepared: map[string]*sql.Stmt{}}
}

func (s *statements) get(text string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.prepared[text]; st != nil {
		return st, nil
	}
	st, err := s.on.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	s.prepared[text] = st
	return st, nil
}

// close closes them all. Statements of a single connection are not closed with it by package sql, and SQLite folds its log into the database only when
// none is left.
func (s *statements) close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.prepared {
		err = errors.Join(err, st.Close())
	}
	clear(s.prepared)
	return err
}

// querier reads: from the writer's own connection within a change, or from the read connections.
type querier interface {
	query(text string, args ...any) (*sql.Rows, error)
}

// view is the read connections under one caller's context.
type view struct {
	ctx context.Context
	st  *statements
}

func (v view) query(text string, args ...any) (*sql.Rows, error) {
	st, err := v.st.get(text)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(v.ctx, args...)
}

// scanner is one row.
type scanner interface{ Scan(into ...any) error }

// collect reads all rows. Rows are closed before it returns, whatever happens: an open one would hold the connection.
func collect[T any](q querier, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	rows, err := q.query(text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []T
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

// one reads a single row; sql.ErrNoRows when there is none.
func one[T any](q querier, scan func(scanner) (T, error), text string, args ...any) (T, error) {
	found, err := collect(q, scan, text, args...)
	if err == nil && len(found) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}

// value scans a row of one column.
func value[T any](row scanner) (v T, err error) { return v, row.Scan(&v) }
