package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"posthouse/ledger"
)

//go:embed migrations/*.sql
var migrations embed.FS

// scripts are the migrations in order: the n-th leads to schema version n+1. They are never changed once released.
func scripts() ([]string, error) {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		text, err := migrations.ReadFile("migrations/" + e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, string(text))
	}
	return all, nil
}

func (l *Ledger) migrate(ctx context.Context) error {
	all, err := scripts()
	if err != nil {
		return err
	}
	return migrate(ctx, l.w.conn, l.folder, all)
}

// migrate brings the database to the newest schema. Before an existing one is touched a whole copy of it is made beside it: to go back, stop
// posthouse, put the copy in the place of ledger.db, remove ledger.db-wal and ledger.db-shm, and start the older binary.
func migrate(ctx context.Context, conn *sql.Conn, folder string, scripts []string) error {
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(scripts) {
		return newer(version, len(scripts))
	}
	if version > 0 && version < len(scripts) {
		if err := copyBefore(ctx, conn, folder, version+1); err != nil {
			return fmt.Errorf("copying the ledger before its migration: %w", err)
		}
	}
	for ; version < len(scripts); version++ {
		if err := step(ctx, conn, scripts[version], version+1); err != nil {
			return fmt.Errorf("migrating to schema version %d: %w", version+1, err)
		}
	}
	return nil
}

func newer(version, known int) error {
	return fmt.Errorf("%w: its schema is version %d, this posthouse knows up to %d", ledger.ErrNewerSchema, version, known)
}

// copyBefore makes ledger-before-vN.db, whole and durable or not at all.
func copyBefore(ctx context.Context, conn *sql.Conn, folder string, next int) error {
	path := filepath.Join(folder, fmt.Sprintf("ledger-before-v%d.db", next))
	temporary := path + ".new"
	if err := os.RemoveAll(temporary); err != nil {
		return err
	}
	if err := makePrivate(temporary); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "VACUUM INTO ?", temporary); err != nil {
		return err
	}
	if err := syncFile(temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncFolder(folder)
}

// step runs one script and notes its version, both or neither.
func step(ctx context.Context, conn *sql.Conn, script string, version int) error {
	parts := []string{"BEGIN IMMEDIATE", strings.TrimSpace(script), fmt.Sprintf("PRAGMA user_version = %d", version), "COMMIT"}
	for _, part := range parts {
		if _, err := conn.ExecContext(ctx, part); err != nil {
			_, _ = conn.ExecContext(context.Background(), "ROLLBACK")
			return err
		}
	}
	return nil
}
