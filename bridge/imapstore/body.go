package imapstore

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"posthouse/bridge"
)

// Budget is memory that bodies may lie in. It never makes anybody wait: a body for which there is no room goes to a file. Large buffers are used again and again.
type Budget struct {
	left atomic.Int64
	// spare are buffers that nobody uses, the last given one last. They count as used.
	mu    sync.Mutex
	spare [][]byte
}

const (
	minSpare  = 64 << 10 // smaller buffers are the allocator's business
	maxSpares = 16
)

// NewBudget returns a budget of that many octets.
func NewBudget(octets int64) *Budget {
	b := &Budget{}
	b.left.Store(octets)
	return b
}

// spareSize rounds up to one of a few sizes, by an eighth at the most, so that a buffer fits another body later.
func spareSize(n int) int {
	step := 1 << max(bits.Len(uint(n))-4, 0)
	return (n + step - 1) / step * step
}

// take returns a buffer of n octets, nil when there is no room.
func (b *Budget) take(n int64) []byte {
	if n < minSpare {
		if !b.reserve(n) {
			return nil
		}
		return make([]byte, n)
	}
	size := spareSize(int(n))
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.fitting(size); i >= 0 {
		buffer := b.spare[i]
		b.spare = slices.Delete(b.spare, i, i+1)
		return buffer[:n]
	}
	for !b.reserve(int64(size)) {
		if !b.shed() {
			return nil
		}
	}
	return make([]byte, n, size)
}

// fitting is the smallest spare buffer of that size or up to half as much again; -1 when there is none. The caller holds mu.
func (b *Budget) fitting(size int) int {
	best := -1
	for i, s := range b.spare {
		if cap(s) >= size && cap(s) <= size+size/2 && (best < 0 || cap(s) < cap(b.spare[best])) {
			best = i
		}
	}
	return best
}

func (b *Budget) reserve(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

// shed gives up the spare buffer that has lain longest; false when there is none. The caller holds mu.
func (b *Budget) shed() bool {
	if len(b.spare) == 0 {
		return false
	}
	b.left.Add(int64(cap(b.spare[0])))
	b.spare = slices.Delete(b.spare, 0, 1)
	return true
}

// give takes back what take returned.
func (b *Budget) give(buffer []byte) {
	if len(buffer) < minSpare {
		b.left.Add(int64(len(buffer)))
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spare = append(b.spare, buffer)
	if len(b.spare) > maxSpares {
		b.shed()
	}
}

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
		m.budget.give(m.octets)
		m.octets = nil
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
	if size <= o.SmallBody {
		if buffer := o.Budget.take(size); buffer != nil {
			return keepInMemory(o.Budget, buffer, r)
		}
	}
	return keepInFile(o.TempDir, size, r)
}

func keepInMemory(budget *Budget, buffer []byte, r io.Reader) (bridge.Content, error) {
	m := &inMemory{octets: buffer, size: int64(len(buffer)), budget: budget}
	if _, err := io.ReadFull(r, m.octets); err != nil {
		m.Close()
		return nil, errShort
	}
	return m, nil
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
