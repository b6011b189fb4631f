package filestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"posthouse/bridge"
	"posthouse/bridge/object"
	"posthouse/cutover"
)

// validity is the only era: UIDs hold for ever.
const validity = "1"

// file is one calendar or address book as it was read.
type file struct {
	kind  cutover.FolderKind
	path  string
	tag   string // of the state that it is in
	items []item // in their order
	by    map[cutover.Ref]int
}

// item is one of a file.
type item struct {
	cutover.Item
	raw []byte
}

// largest is how long a file may be: it is held in memory.
const largest = 1 << 30

// open reads a folder's file, unless it is as it was.
func (s *Store) open(ctx context.Context, f cutover.Folder) (*file, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	path := filepath.Join(s.o.Dir, filepath.Base(f.Name))
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir():
		return nil, fmt.Errorf("%s: %w", f.Path, bridge.ErrGone)
	case err != nil:
		return nil, fmt.Errorf("%s: %w: %w", f.Path, bridge.ErrConnection, err)
	case info.Size() > largest:
		return nil, fmt.Errorf("%s has %d octets, which is too much to be read", f.Path, info.Size())
	}
	tag := tagOf(info)
	s.mu.Lock()
	known := s.files[f.Name]
	s.mu.Unlock()
	if known != nil && known.tag == tag {
		return known, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", f.Path, bridge.ErrConnection, err)
	}
	read := parse(f.Kind, path, tag, raw)
	s.remember(f.Name, read)
	return read, nil
}

func tagOf(info fs.FileInfo) string {
	return fmt.Sprintf("%d-%d", info.ModTime().UnixNano(), info.Size())
}

func (s *Store) remember(name string, f *file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = f
}

func parse(kind cutover.FolderKind, path, tag string, raw []byte) *file {
	f := &file{kind: kind, path: path, tag: tag, by: map[cutover.Ref]int{}}
	if len(bytes.TrimSpace(raw)) == 0 {
		return f
	}
	for _, part := range object.Split(kind, readable(raw)) {
		f.add(newItem(kind, part.Raw))
	}
	return f
}

// newItem is known by its UID, or else by its octets: its place is another one in the next export.
func newItem(kind cutover.FolderKind, raw []byte) item {
	d := cutover.NewObjectDigester(kind)
	_, _ = d.Write(raw) // it never fails
	sum := sha256.Sum256(raw)
	i := item{raw: raw, Item: cutover.Item{Version: hex.EncodeToString(sum[:8]), Size: d.Size(), Identity: d.Identity(), Says: d.Text()}}
	if i.Ref = cutover.Ref(i.Identity.MessageID); i.Ref == "" {
		i.Ref = "#" + cutover.Ref(i.Version)
	}
	return i
}

// add gives an item that shares its UID with another a reference of its own.
func (f *file) add(i item) {
	base := i.Ref
	for n := 2; ; n++ {
		if _, taken := f.by[i.Ref]; !taken {
			break
		}
		i.Ref = cutover.Ref(fmt.Sprintf("%s##%d", base, n))
	}
	f.by[i.Ref] = len(f.items)
	f.items = append(f.items, i)
}

func (f *file) find(ref cutover.Ref) (item, bool) {
	i, there := f.by[ref]
	if !there {
		return item{}, false
	}
	return f.items[i], true
}

// clone is a file that can be changed while others read this one.
func (f *file) clone() *file {
	c := &file{kind: f.kind, path: f.path, by: make(map[cutover.Ref]int, len(f.by)), items: append([]item(nil), f.items...)}
	for ref, i := range f.by {
		c.by[ref] = i
	}
	return c
}

// write puts the file in the place of the old one.
func (f *file) write() error {
	var all bytes.Buffer
	for _, i := range f.items {
		all.Write(i.raw)
		if !bytes.HasSuffix(i.raw, []byte("\n")) {
			all.WriteString("\r\n")
		}
	}
	if err := writeFile(f.path, all.Bytes()); err != nil {
		return err
	}
	info, err := os.Stat(f.path)
	if err == nil {
		f.tag = tagOf(info)
	}
	return err
}

// writeFile is durable when it returns.
func writeFile(path string, raw []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // which is gone when all went well
	_, err = temporary.Write(raw)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// content is a body in memory.
type content []byte

func (c content) Size() int64                  { return int64(len(c)) }
func (c content) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c)), nil }
func (c content) Close() error                 { return nil }
