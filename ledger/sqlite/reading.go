package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// Reading is a ledger of which captured mail is read and nothing is changed, in a folder that no service works in. It has the folder's lock until Close: who starts a service meanwhile is told so.
// All methods may be called from any goroutine.
type Reading struct{ l *Ledger }

// Read opens the ledger in folder for reading alone. Nothing is made, swept or migrated, so that it works on a full disk, and on one that cannot be written. fs.ErrNotExist says that there is no
// ledger; a *LockedError that another process has the folder; ledger.ErrOlderSchema and ErrNewerSchema that it is not for this posthouse to read.
func Read(ctx context.Context, folder string) (*Reading, error) {
	folder, err := filepath.Abs(folder)
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, databaseFile))
	}
	if err != nil {
		return nil, fmt.Errorf("reading ledger: %w", err)
	}
	lock, err := lockThere(folder)
	if err != nil {
		return nil, err
	}
	l := &Ledger{folder: folder, lock: lock}
	if err := l.openReading(ctx); err != nil {
		l.release()
		return nil, wrap(err, "reading ledger in %s", folder)
	}
	return &Reading{l}, nil
}

// openReading looks at the database alone where it can: reading through the log of one that was not closed takes files beside it, which SQLite gives to the database's owner, whoever reads.
func (l *Ledger) openReading(ctx context.Context) error {
	mode := "ro"
	log, err := os.Stat(filepath.Join(l.folder, databaseFile+"-wal"))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case l.lock.file != nil && (err != nil || log.Size() == 0): // nobody writes while we have the lock
		mode = immutable
	}
	if err := l.openRead(mode); err != nil {
		return err
	}
	if err := l.fits(ctx); err != nil {
		return err
	}
	return l.overlay(ctx)
}

// fits refuses a schema that is not ours.
func (l *Ledger) fits(ctx context.Context) error {
	version, err := one(view{ctx, l.reads}, value[int], "PRAGMA user_version")
	if err != nil {
		return err
	}
	all, err := scripts()
	switch {
	case err != nil:
		return err
	case version == 0:
		return fmt.Errorf("%w: nothing was ever written to it", fs.ErrNotExist)
	case version < len(all):
		return fmt.Errorf("%w: its schema is version %d, this posthouse reads %d", ledger.ErrOlderSchema, version, len(all))
	case version > len(all):
		return newer(version, len(all))
	}
	return nil
}

// Close gives the folder's lock back. Calls that run are waited for; later ones return ledger.ErrClosed. A second Close does nothing.
func (r *Reading) Close() error {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	if r.l.closed {
		return nil
	}
	r.l.closed = true
	return wrap(r.l.release(), "closing ledger in %s", r.l.folder)
}

// Capture is the Ledger's.
func (r *Reading) Capture(ctx context.Context, id cutover.CaptureID) (ledger.Capture, error) {
	return r.l.Capture(ctx, id)
}

// FindCaptures is the Ledger's.
func (r *Reading) FindCaptures(ctx context.Context, f ledger.CaptureFilter) ([]ledger.Capture, error) {
	return r.l.FindCaptures(ctx, f)
}

// Deliveries is the Ledger's. What was under way when the service ended still stands as Sending: nobody put it in doubt yet.
func (r *Reading) Deliveries(ctx context.Context, f ledger.DeliveryFilter) ([]ledger.Delivery, error) {
	return r.l.Deliveries(ctx, f)
}

// History is the Ledger's.
func (r *Reading) History(ctx context.Context, id cutover.CaptureID) ([]ledger.Event, error) {
	return r.l.History(ctx, id)
}

// OpenBody is the Ledger's.
func (r *Reading) OpenBody(ctx context.Context, id cutover.CaptureID) (io.ReadSeekCloser, error) {
	return r.l.OpenBody(ctx, id)
}

// LocalDeliveries is the Ledger's.
func (r *Reading) LocalDeliveries(ctx context.Context, f ledger.LocalFilter) ([]ledger.LocalDelivery, error) {
	return r.l.LocalDeliveries(ctx, f)
}

// Said is the Ledger's.
func (r *Reading) Said(ctx context.Context, message string) ([]evidence.Observation, error) {
	return r.l.Said(ctx, message)
}
