package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	driver "modernc.org/sqlite"

	"posthouse/ledger"
)

// Options of a ledger. The zero value is good for tests.
type Options struct {
	// Reserve is the free space in octets below which no new body is taken: ErrNoSpace. What is needed to settle older mail still goes through.
	Reserve int64
	// Patience is how long the outcome of an attempt waits for the commit of something that cannot wait, so that both are made durable by one sync of the disk. A crash leaves what waits in doubt.
	Patience time.Duration
	// Lock is the folder's lock if the caller holds it already; the ledger takes it over: Close closes it, and so does Open when it fails.
	Lock *FolderLock
}

// readers is how many reads run at once. More would only share the processors and multiply the page caches.
const readers = 4

// markEvery is how often the generation is counted on while there are changes.
const markEvery = time.Minute

// Ledger is the embedded ledger of one state folder. All methods may be called from any goroutine.
type Ledger struct {
	folder   string
	reserve  int64
	patience time.Duration
	lock     *FolderLock
	write    *sql.DB
	w        *writer
	read     *sql.DB
	reads    *statements
	overlaid bool // the one read connection has what a journal holds: no other has

	mu     sync.RWMutex // held for reading by every call, so that Close waits for them
	closed bool

	mark       marker
	traceKey   []byte
	rolledBack atomic.Bool
	required   atomic.Int64 // required deliveries in the store
	unknown    int          // rows of unknown_recipients; the writer's
	repeats    repeats
	keys       keys
	spares     *spares
	bridged    sync.Map // the mailboxes that have folders, by cutover.MailboxID: all others have no items
}

var _ ledger.Ledger = (*Ledger)(nil)

// Open opens the ledger in folder, making both where there is none, and migrates an older schema after a copy. A *LockedError says that another
// process has the folder; ledger.ErrNewerSchema that a newer posthouse wrote it.
func Open(ctx context.Context, folder string, opts Options) (*Ledger, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	lock := opts.Lock
	if lock == nil {
		if lock, err = Lock(folder); err != nil {
			return nil, err
		}
	}
	l := &Ledger{folder: folder, reserve: opts.Reserve, patience: opts.Patience, lock: lock, keys: keys{kept: keysKept}, spares: newSpares(filepath.Join(folder, bodiesFolder))}
	if err := l.open(ctx); err != nil {
		l.release()
		return nil, wrap(err, "opening ledger in %s", folder)
	}
	go l.w.loop()
	return l, nil
}

// open does everything up to the writer's start. What it made is released by the caller when it fails.
func (l *Ledger) open(ctx context.Context) error {
	steps := []func(context.Context) error{
		l.makeFiles, l.openWriter, l.replay, l.migrate, l.openMarker, l.openReaders, l.sweepBodies, l.count, l.loadRepeats, l.loadKeys, l.loadBridged,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	// SQLite made its side files by now: their names must last as well.
	return syncFolder(l.folder)
}

func (l *Ledger) makeFiles(context.Context) error {
	if err := makeFolder(filepath.Join(l.folder, bodiesFolder)); err != nil {
		return err
	}
	if err := makePrivate(filepath.Join(l.folder, databaseFile)); err != nil {
		return err
	}
	return syncFolder(l.folder)
}

func (l *Ledger) openWriter(ctx context.Context) (err error) {
	// fdatasync keeps as much as fsync and spares the journal's commit of a timestamp; where there is none SQLite uses fsync.
	_, _ = driver.Fdatasync(true)
	// temp_store: the pages that savepoints keep would else be written to files in /tmp: mail outside the state folder, and a third of the system calls.
	l.write, err = sql.Open("sqlite", l.dsn("rw", "page_size(4096)", "auto_vacuum(INCREMENTAL)", "journal_mode(WAL)", "synchronous(FULL)",
		"foreign_keys(ON)", "cache_size(-2048)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "temp_store(MEMORY)"))
	if err != nil {
		return err
	}
	l.write.SetMaxOpenConns(1)
	conn, err := l.write.Conn(ctx)
	if err != nil {
		return err
	}
	l.w = newWriter(conn, l.folder)
	l.w.patience = l.patience
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system of %s does not allow write-ahead logging (journal mode %s)", l.folder, mode)
	}
	return nil
}

func (l *Ledger) openReaders(context.Context) error { return l.openRead("ro") }

// openRead opens the read connections in a mode.
func (l *Ledger) openRead(mode string) (err error) {
	l.read, err = sql.Open("sqlite", l.dsn(mode, "query_only(ON)", "cache_size(-2048)", "temp_store(MEMORY)"))
	if err != nil {
		return err
	}
	l.read.SetMaxOpenConns(readers)
	l.read.SetMaxIdleConns(readers)
	l.reads = newStatements(l.read)
	return nil
}

// immutable is a mode for a database that nobody writes: no other file than its own is looked at or made.
const immutable = "immutable"

// dsn names the database to the driver. busy_timeout matters only beside a person with the sqlite3 tool: nobody else writes.
func (l *Ledger) dsn(mode string, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	if mode == immutable {
		q.Set("mode", "ro")
		q.Set("immutable", "1")
	}
	u := url.URL{Scheme: "file", Path: filepath.Join(l.folder, databaseFile), OmitHost: true, RawQuery: q.Encode()}
	return u.String()
}

// count fills the counters that the writer keeps from here on.
func (l *Ledger) count(ctx context.Context) error {
	q := view{ctx, l.reads}
	n, err := one(q, value[int64], "SELECT count(*) FROM deliveries WHERE required")
	if err != nil {
		return err
	}
	l.required.Store(n)
	l.unknown, err = one(q, value[int], "SELECT count(*) FROM unknown_recipients")
	return err
}

// Close finishes what was submitted, closes the store and gives the folder's lock back. Calls that run are waited for; later ones return
// ledger.ErrClosed. A second Close does nothing.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	close(l.w.changes)
	<-l.w.done
	l.spares.close()
	counted := l.mark.advance(l.w)
	if isFull(counted) {
		counted = nil
	}
	return wrap(errors.Join(counted, l.release()), "closing ledger in %s", l.folder)
}

// release closes what is open. The writer is last: closing the last connection folds the log into the database.
func (l *Ledger) release() error {
	var errs []error
	if l.read != nil {
		errs = append(errs, l.reads.close(), l.read.Close())
	}
	if l.w != nil {
		errs = append(errs, l.w.pending.close(), l.w.st.close(), l.w.conn.Close())
	}
	if l.write != nil {
		errs = append(errs, l.write.Close())
	}
	return errors.Join(append(errs, l.lock.Close())...)
}
