package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/ledger"
)

// maxBlob is the size up to which a body lies in the database, in the same commit as its row. It is also the one buffer through which a larger body
// streams into its file.
const maxBlob = 64 << 10

var buffers = sync.Pool{New: func() any { return new([maxBlob]byte) }}

// errEnded: Write or Commit after Commit or Abort.
var errEnded = errors.New("the body was committed or aborted before")

// body is a message that is being received.
type body struct {
	l      *Ledger
	buffer *[maxBlob]byte // nil before the first Write and after the end
	filled int
	size   int64
	file   *os.File // nil while all of it fits into the buffer
	lasts  bool     // the file's name is on stable storage
	failed error    // of a Write: a body with a hole is never committed
	ended  bool
}

// NewBody opens a place for a message.
func (l *Ledger) NewBody(ctx context.Context) (ledger.Body, error) {
	err := l.whileOpen(l.checkReserve)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, wrap(err, "opening a place for a body")
	}
	return &body{l: l}, nil
}

// Write takes the next octets. It keeps the first 64 KiB in memory; what is longer goes to a file.
func (b *body) Write(p []byte) (int, error) {
	if b.ended {
		return 0, errEnded
	}
	if b.failed != nil {
		return 0, b.failed
	}
	if b.buffer == nil {
		b.buffer = buffers.Get().(*[maxBlob]byte)
	}
	n, err := b.take(p)
	b.size += int64(n)
	if err != nil {
		b.failed = wrap(err, "writing a body")
	}
	return n, b.failed
}

func (b *body) take(p []byte) (taken int, err error) {
	for len(p) > 0 {
		if b.filled == maxBlob {
			if err := b.flush(); err != nil {
				return taken, err
			}
		}
		n := copy(b.buffer[b.filled:], p)
		b.filled += n
		taken += n
		p = p[n:]
	}
	return taken, nil
}

// flush moves the buffer to the file, which it makes at the first call.
func (b *body) flush() error {
	if err := b.l.checkReserve(); err != nil {
		return err
	}
	if b.file == nil {
		f, lasts, err := b.l.spares.take()
		if err != nil {
			return err
		}
		b.file, b.lasts = f, lasts
	}
	if _, err := b.file.Write(b.buffer[:b.filled]); err != nil {
		return err
	}
	b.filled = 0
	return nil
}

// Commit stores everything. A body that is a file is on stable storage, with its name, before the change that makes it known is submitted.
func (b *body) Commit(ctx context.Context, c ledger.Capture, deliveries []ledger.Delivery, o evidence.Observation) ([]ledger.Delivery, error) {
	if b.ended {
		return nil, errEnded
	}
	stored, err := b.commit(ctx, c, deliveries, o)
	b.end(err)
	if err != nil {
		return nil, wrap(err, "committing capture %s", c.ID)
	}
	return stored, nil
}

func (b *body) commit(ctx context.Context, c ledger.Capture, deliveries []ledger.Delivery, o evidence.Observation) ([]ledger.Delivery, error) {
	switch {
	case b.failed != nil:
		return nil, b.failed
	case c.Size != b.size:
		return nil, fmt.Errorf("its size is said to be %d octets, but %d were written", c.Size, b.size)
	}
	if err := b.finishFile(); err != nil {
		return nil, err
	}
	k, err := newKeeping(c, b.blob(), b.name(), deliveries, o)
	if err != nil {
		return nil, err
	}
	if err := b.l.changeQuickly(ctx, func(t *tx) error { return k.store(t, b.l) }); err != nil {
		return nil, err
	}
	return k.deliveries, nil
}

// finishFile makes the file durable: first what is in it, then its name.
func (b *body) finishFile() error {
	if b.file == nil {
		return nil
	}
	if err := b.flush(); err != nil {
		return err
	}
	if err := b.file.Sync(); err != nil || b.lasts {
		return err
	}
	return syncFolder(filepath.Dir(b.file.Name()))
}

// blob is the whole body while it is small, nil when it lies in a file.
func (b *body) blob() []byte {
	switch {
	case b.file != nil:
		return nil
	case b.buffer == nil:
		return []byte{}
	}
	return b.buffer[:b.filled]
}

func (b *body) name() string {
	if b.file == nil {
		return ""
	}
	return filepath.Base(b.file.Name())
}

// Abort gives the place back. It does nothing after Commit.
func (b *body) Abort() {
	if !b.ended {
		b.end(errEnded)
	}
}

// end releases what the body held. The file goes when it is certain that no row names it, nor will; else it stays, and the next start removes it if
// there is none.
func (b *body) end(err error) {
	b.ended = true
	if b.buffer != nil {
		buffers.Put(b.buffer)
		b.buffer = nil
	}
	if b.file == nil {
		return
	}
	b.file.Close()
	if err != nil && !mayBeStored(err) {
		os.Remove(b.file.Name())
	}
}

// OpenBody opens the octets as received. ledger.ErrNotFound when there is no such capture, or its body was pruned.
func (l *Ledger) OpenBody(ctx context.Context, id cutover.CaptureID) (io.ReadSeekCloser, error) {
	r, err := find(ctx, l, func(q querier) (io.ReadSeekCloser, error) { return l.openBody(q, id) })
	if err != nil {
		return nil, wrap(err, "opening the body of capture %s", id)
	}
	return r, nil
}
