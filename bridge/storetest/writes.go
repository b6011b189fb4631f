package storetest

import (
	"context"
	"errors"
	"sync"

	"posthouse/bridge"
	"posthouse/ledger"
)

// Writes is a ledger that leaves each write to Through, which may keep it from happening, or fail after it.
type Writes struct {
	bridge.Ledger
	Through func(write func() error) error
}

// Intend implements bridge.Ledger.
func (w *Writes) Intend(ctx context.Context, items []ledger.Item) (rows []ledger.Item, err error) {
	err = w.Through(func() error { rows, err = w.Ledger.Intend(ctx, items); return err })
	return rows, err
}

// Settle implements bridge.Ledger.
func (w *Writes) Settle(ctx context.Context, f ledger.FolderID, items []ledger.Item, cursor *ledger.Cursor) (rows []ledger.Item, err error) {
	err = w.Through(func() error { rows, err = w.Ledger.Settle(ctx, f, items, cursor); return err })
	return rows, err
}

// Forget implements bridge.Ledger.
func (w *Writes) Forget(ctx context.Context, ids []ledger.ItemID) error {
	return w.Through(func() error { return w.Ledger.Forget(ctx, ids) })
}

// Reset implements bridge.Ledger.
func (w *Writes) Reset(ctx context.Context, f ledger.FolderID) error {
	return w.Through(func() error { return w.Ledger.Reset(ctx, f) })
}

// SetFact implements bridge.Ledger.
func (w *Writes) SetFact(ctx context.Context, name, value string) error {
	return w.Through(func() error { return w.Ledger.SetFact(ctx, name, value) })
}

// Killed is a process that dies right after one of its writes into the ledger. What else it would do must ask Dead.
type Killed struct {
	mu   sync.Mutex
	left int // writes until then
	dead bool
}

// ErrKilled is what the dead get.
var ErrKilled = errors.New("killed")

// KillAfter is a process that dies after so many writes.
func KillAfter(writes int) *Killed { return &Killed{left: writes} }

// Ledger is the ledger as that process has it.
func (k *Killed) Ledger(of bridge.Ledger) bridge.Ledger { return &Writes{of, k.write} }

func (k *Killed) write(do func() error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return ErrKilled
	}
	err := do()
	if k.left--; k.left == 0 {
		k.dead = true
		return ErrKilled
	}
	return err
}

// Dead reports whether it has died.
func (k *Killed) Dead() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dead
}
