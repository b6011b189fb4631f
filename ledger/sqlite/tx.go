package sqlite

import (
	"context"
	"database/sql"
)

// tx is what a change works with: the writer's connection, within the group's transaction. It is valid only while the change runs.
type tx struct {
	st    *statements
	ids   map[string]int64
	rows  *gathered // nil where each change writes its own
	quick *entry    // not nil: the change is to do without the database
	after []func()
}

func (t *tx) query(text string, args ...any) (*sql.Rows, error) {
	st, err := t.prepared(text)
	if err != nil {
		return nil, err
	}
	// The caller's context does not reach the statements: an interrupt would tear the group's transaction, not the one change.
	return st.QueryContext(context.Background(), args...)
}

func (t *tx) exec(text string, args ...any) (sql.Result, error) {
	st, err := t.prepared(text)
	if err != nil {
		return nil, err
	}
	return st.ExecContext(context.Background(), args...)
}

// prepared returns a statement that sees all rows inserted before.
func (t *tx) prepared(text string) (*sql.Stmt, error) {
	if t.quick != nil {
		return nil, errSlow
	}
	if t.rows != nil {
		if err := t.rows.write(&tx{st: t.st}); err != nil {
			return nil, err
		}
	}
	return t.st.get(text)
}

// insert adds rows, at the latest when something else is asked or written. It may be another change that hears of an error: then all are run again, each for itself.
func (t *tx) insert(into *batch, args []any) error {
	switch {
	case t.quick != nil:
		return t.quick.insert(into, args)
	case t.rows != nil && t.rows.add(into, args):
		return nil
	}
	return into.insert(t, args)
}

// touched executes and reports how many rows it changed.
func (t *tx) touched(text string, args ...any) (int, error) {
	result, err := t.exec(text, args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// nextID hands out row ids of a table without asking the database each time: rows know their ids before they are written, so that many go in one
// statement. Gaps left by failed changes do no harm.
func (t *tx) nextID(table, column string) (int64, error) {
	last, known := t.ids[table]
	if !known {
		var err error
		if last, err = one(t, value[int64], "SELECT coalesce(max("+column+"), 0) FROM "+table); err != nil {
			return 0, err
		}
	}
	t.ids[table] = last + 1
	return last + 1, nil
}

// committed has f called in the writer goroutine once the change is durable, before its caller is answered.
func (t *tx) committed(f func()) { t.after = append(t.after, f) }
