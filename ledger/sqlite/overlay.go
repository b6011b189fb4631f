package sqlite

import (
	"context"
	"fmt"
	"strings"
)

// overlaidTables are the tables that a journal holds rows for.
var overlaidTables = []string{"captures", "bodies", "deliveries", "observations"}

// overlay lets a reader see what a killed service left in its journal, without writing: tables of its own, in memory, take the rows, and views of both stand before the database's tables. The one
// connection that has them is kept: what it reads is not interrupted, since database/sql drops a connection that was.
func (l *Ledger) overlay(ctx context.Context) error {
	found, err := l.left(view{ctx, l.reads})
	if err != nil || len(found.records) == 0 {
		return err
	}
	l.read.SetMaxOpenConns(1)
	l.overlaid = true
	if err := l.layOver(ctx, found); err != nil {
		return fmt.Errorf("reading %d records of the journal: %w", len(found.records), err)
	}
	return nil
}

func (l *Ledger) layOver(ctx context.Context, found journaled) error {
	do := func(text string, values ...any) error {
		_, err := l.read.ExecContext(ctx, text, values...)
		return err
	}
	if err := do("PRAGMA query_only = OFF"); err != nil {
		return err
	}
	for _, table := range overlaidTables {
		text, err := one(view{ctx, l.reads}, value[string], "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?", table)
		if err != nil {
			return err
		}
		_, columns, _ := strings.Cut(text, "(")
		if err := do("CREATE TEMP TABLE " + table + " (" + columns); err != nil {
			return err
		}
	}
	err := found.run(func(text string, values []any) error {
		if strings.HasPrefix(text, "UPDATE deliveries") { // perhaps of a row that the database has
			if err := do(copyDelivery, values[0]); err != nil {
				return err
			}
		}
		return do(text, values...)
	})
	if err != nil {
		return err
	}
	for _, table := range overlaidTables {
		if err := do("ALTER TABLE temp." + table + " RENAME TO left_" + table); err != nil {
			return err
		}
		text := "CREATE TEMP VIEW " + table + " AS SELECT * FROM temp.left_" + table + " UNION ALL SELECT * FROM main." + table
		if table == "deliveries" {
			text += " WHERE id NOT IN (SELECT id FROM temp.left_deliveries)"
		}
		if err := do(text); err != nil {
			return err
		}
	}
	return do("PRAGMA query_only = ON")
}

const copyDelivery = "INSERT INTO temp.deliveries SELECT * FROM main.deliveries WHERE id = ?1 AND id NOT IN (SELECT id FROM temp.deliveries)"
