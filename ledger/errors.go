package ledger

import "errors"

var (
	// ErrNoSpace: the disk is full or its reserve is reached. Nothing was stored; the sender is told 452 and tries again.
	ErrNoSpace = errors.New("no space left for the ledger")
	// ErrClosed: the ledger was closed.
	ErrClosed = errors.New("ledger is closed")
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("not in the ledger")
	// ErrNewerSchema: a newer posthouse wrote this ledger; this binary must not touch it.
	ErrNewerSchema = errors.New("the ledger was written by a newer posthouse")
)
