package imapstore

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"posthouse/bridge"
)

// Budget is memory that bodies may lie in. It never makes anybody wait: a body for which there is no room goes to a file.
type Budget struct{ left atomic.Int64 }

// NewBudget returns a budget of that many octets.
func NewBudget(octets int64) *Budget {
	b := &Budget{}
	b.left.Store(octets)
	return b
}

func (b *Budget) take(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

func (b *Budget) give(n int64) { b.left.Add(n) }

// inMemory is a body for which the budget had room.
type inMemory struct {
	octets []byte // nil once closed
	size   int64
	once   sync.Once
	budget *Budget
}

func (m *inMemory) Size() int64                  { return m.size }
func (m *inMemory) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.octets)), nil }
func (m *inMemory) Close() error {
	m.once.Do(func() {
		m.octets = nil
		m.budget.give(m.size)
	})
	return nil
}

// inFile is a body in a file that has no name any more: a crash leaves nothing behind.
type inFile struct {
	file *os.File
	size int64
}

func (f *inFile) Size() int64 { return f.size }
func (f *inFile) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(f.file, 0, f.size)), nil
}
func (f *inFile) Close() error { return f.file.Close() }

// localError is trouble of our own machine: it is nobody's item's fault, and the other side's neither.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// keep takes a body of known size off the wire. Fewer octets than announced are errShort.
func (o *Options) keep(size int64, r io.Reader) (bridge.Content, error) {
	if size > o.LargeBody {
		return nil, fmt.Errorf("%d octets: %w", size, errTaken)
	}
	if size <= o.SmallBody && o.Budget.take(size) {
		m := &inMemory{octets: make([]byte, size), size: size, budget: o.Budget}
		if _, err := io.ReadFull(r, m.octets); err != nil {
			m.Close()
			return nil, errShort
		}
		return m, nil
	}
	return keepInFile(o.TempDir, size, r)
}

func keepInFile(dir string, size int64, r io.Reader) (bridge.Content, error) {
	file, err := os.CreateTemp(dir, "posthouse-body-*")
	if err != nil {
		return nil, localError{err}
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, localError{err}
	}
	kept, err := io.Copy(onlyWriter{file}, r)
	switch {
	case err != nil:
		err = fmt.Errorf("keeping a body in %s: %w", dir, err)
	case kept != size:
		err = errShort
	default:
		return &inFile{file: file, size: size}, nil
	}
	file.Close()
	return nil, err
}

// onlyWriter marks what fails in writing as ours, and hides ReadFrom, which would take the errors of reading for it.
type onlyWriter struct{ w io.Writer }

func (o onlyWriter) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		err = localError{err}
	}
	return n, err
}
