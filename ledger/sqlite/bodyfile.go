package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"posthouse/cutover"
	"posthouse/ledger"
)

// checkReserve refuses when less than the reserve is free for us.
func (l *Ledger) checkReserve() error {
	if l.reserve <= 0 {
		return nil
	}
	free, err := freeSpace(l.folder)
	if err != nil {
		return err
	}
	if free < l.reserve {
		return fmt.Errorf("%w: %d octets free, %d are kept in reserve", ledger.ErrNoSpace, free, l.reserve)
	}
	return nil
}

// freeSpace is how many octets are free for us on a folder's file system.
func freeSpace(folder string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, fmt.Errorf("asking for free space: %w", err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

type bodyRow struct {
	size   int64
	file   string
	octets []byte // nil when not in the database
}

func scanBody(row scanner) (b bodyRow, err error) {
	var stored bool
	err = row.Scan(&b.size, &b.file, &stored, &b.octets)
	if stored && b.octets == nil {
		b.octets = []byte{}
	}
	return b, err
}

func (l *Ledger) openBody(q querier, id cutover.CaptureID) (io.ReadSeekCloser, error) {
	row, err := one(q, scanBody, `SELECT c.size, c.file, b.capture IS NOT NULL, b.octets FROM captures c LEFT JOIN bodies b ON b.capture = c.n
		WHERE c.id = ?`, string(id))
	switch {
	case err != nil:
		return nil, err
	case row.octets != nil:
		return blobReader{bytes.NewReader(row.octets)}, nil
	case row.file == "":
		return nil, fmt.Errorf("%w: it was pruned", ledger.ErrNotFound)
	}
	return openFile(filepath.Join(l.folder, bodiesFolder, row.file), row.size)
}

// openFile refuses a file of another size than its row says: half a message must never be sent as a whole one.
func openFile(path string, size int64) (io.ReadSeekCloser, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ledger.ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() != size {
		err = fmt.Errorf("%s has %d octets, %d were received", path, info.Size(), size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

type blobReader struct{ *bytes.Reader }

func (blobReader) Close() error { return nil }

// sweepBodies removes body files that no row names: their messages were never acknowledged. In a rolled back ledger the rows may be what is missing,
// so there the files are set aside in the folder orphans.
func (l *Ledger) sweepBodies(ctx context.Context) error {
	folder := filepath.Join(l.folder, bodiesFolder)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		known, err := one(view{ctx, l.reads}, value[bool], "SELECT count(*) FROM captures WHERE file = ? AND file <> ''", e.Name())
		if err != nil {
			return err
		}
		if known {
			continue
		}
		if err := l.dropOrphan(filepath.Join(folder, e.Name())); err != nil {
			return fmt.Errorf("removing orphaned body: %w", err)
		}
	}
	return nil
}

// dropOrphan removes an empty one in any case: nothing was ever written to it.
func (l *Ledger) dropOrphan(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !l.rolledBack.Load() || info.Size() == 0 {
		return os.Remove(path)
	}
	aside := filepath.Join(l.folder, orphanFolder)
	if err := makeFolder(aside); err != nil {
		return err
	}
	if err := os.Rename(path, filepath.Join(aside, filepath.Base(path))); err != nil {
		return err
	}
	return syncFolder(aside)
}
