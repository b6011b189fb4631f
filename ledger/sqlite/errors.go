package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"syscall"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"posthouse/ledger"
)

// commitError marks a failure of the commit itself: what the disk holds is known only to a later read.
type commitError struct {
	err     error
	journal bool // it was the journal's
}

func (e *commitError) Error() string { return "committing: " + e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }

func inTheAct(err error, journal bool) error {
	if err == nil {
		return nil
	}
	return &commitError{err, journal}
}

// mayBeStored reports whether a start after a crash may find what an error says is not stored. On a full disk SQLite's log lacks the mark of the commit for certain; the journal's record may have been
// written before the room ended for its sync.
func mayBeStored(err error) bool {
	var c *commitError
	return errors.As(err, &c) && (c.journal || !isFull(err))
}

// wrap adds what was being done and turns the driver's errors into the ledger's. A nil error stays nil.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), translate(err))
}

// translate joins the ledger's error to the driver's, so that callers see the one and logs both.
func translate(err error) error {
	switch {
	case isFull(err) && !errors.Is(err, ledger.ErrNoSpace):
		return fmt.Errorf("%w: %w", ledger.ErrNoSpace, err)
	case isDamage(err) && !errors.Is(err, ledger.ErrDamaged):
		return fmt.Errorf("%w: %w", ledger.ErrDamaged, err)
	case errors.Is(err, sql.ErrNoRows):
		return ledger.ErrNotFound
	case isDuplicate(err):
		return fmt.Errorf("%w: %w", ledger.ErrExists, err)
	}
	return err
}

// isFull knows the ways in which a full disk or quota shows: as SQLite's own code, as its shared-memory file that cannot grow, or from a body file.
func isFull(err error) bool {
	switch code(err) {
	case codes.SQLITE_FULL, codes.SQLITE_IOERR_SHMSIZE:
		return true
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isDamage(err error) bool {
	const primary = 0xff // an extended code has the primary one in its low octet
	c := code(err) & primary
	return c == codes.SQLITE_CORRUPT || c == codes.SQLITE_NOTADB
}

func isDuplicate(err error) bool {
	c := code(err)
	return c == codes.SQLITE_CONSTRAINT_UNIQUE || c == codes.SQLITE_CONSTRAINT_PRIMARYKEY
}

// code is SQLite's extended result code, 0 for other errors.
func code(err error) int {
	var e *driver.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// ended prefers the context's own error: an interrupted statement says so in the driver's words.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
