package ledger

import "errors"

var (
	// ErrNoSpace: the disk is full or its reserve is reached. Nothing was stored; the sender is told 452 and tries again.
	ErrNoSpace = errors.New("no space left for the ledger")
	// ErrClosed: the ledger was closed.
	ErrClosed = errors.New("ledger is closed")
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("not in the ledger")
	// ErrExists: there is such a row already: a capture of this id, an item of this reference, or one that owns this place in the cloud.
	ErrExists = errors.New("already in the ledger")
	// ErrClaimLost: the claim was released, or taken by another owner after its lease ended.
	ErrClaimLost = errors.New("the claim on the mailbox was lost")
	// ErrNewerSchema: a newer posthouse wrote this ledger; this binary must not touch it.
	ErrNewerSchema = errors.New("the ledger was written by a newer posthouse")
	// ErrOlderSchema: an older posthouse wrote this ledger; it must be opened to be migrated before it can be read.
	ErrOlderSchema = errors.New("the ledger was written by an older posthouse")
	// ErrDamaged: the database is none, or not whole.
	ErrDamaged = errors.New("the ledger is damaged")
)
