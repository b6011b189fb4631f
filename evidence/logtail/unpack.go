package logtail

import (
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// logFile is a file of a log, open for reading.
type logFile interface {
	io.ReaderAt
	io.Closer
	Name() string
	Stat() (os.FileInfo, error)
}

// packings are the forms of compressed files that we read, by the ends of their names.
var packings = map[string]func(io.Reader) (io.Reader, error){
	".gz":  func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	".bz2": func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil },
}

func isPacked(path string) bool { return packings[filepath.Ext(path)] != nil }

// unpackedName is the name that a compressed file had before.
func unpackedName(path string) string {
	if isPacked(path) {
		return strings.TrimSuffix(path, filepath.Ext(path))
	}
	return path
}

// openLog opens a file; of a compressed one offsets are those of its content.
func openLog(path string) (logFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if !isPacked(path) {
		return file, nil
	}
	return &unpacked{File: file}, nil
}

// unpacked is the content of a compressed file, read from the front. Going back costs reading it anew, but for what was read last.
type unpacked struct {
	*os.File
	content io.Reader
	at      int64  // of the next octet of the content
	window  []byte // the octets before it
	counted int64  // of the compressed octets, in the progress
	damage  error  // why it could be read no further than that
}

// windowSize is how much of what was read can be read again.
const windowSize = lineLimit + tailSize

// ReadAt implements io.ReaderAt. A file that is damaged, or not yet complete, ends where it can be read no further.
func (u *unpacked) ReadAt(p []byte, offset int64) (int, error) {
	again := 0
	if begin := u.at - int64(len(u.window)); u.content != nil && offset >= begin && offset <= u.at {
		again = copy(p, u.window[offset-begin:])
	} else if err := u.seek(offset); err != nil {
		return 0, err
	}
	if again == len(p) {
		return again, nil
	}
	n, err := u.fill(p[again:])
	return again + n, err
}

// fill reads on.
func (u *unpacked) fill(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = u.content.Read(p[n:])
		n += more
	}
	u.remember(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		u.damage = fmt.Errorf("unpacking %s: %w", u.Name(), err)
		err = io.EOF
	}
	if n == len(p) {
		err = nil
	}
	return n, err
}

// seek comes to an offset of the content.
func (u *unpacked) seek(offset int64) error {
	if u.content == nil || offset < u.at {
		if err := u.rewind(); err != nil {
			return err
		}
	}
	for u.at < offset {
		if _, err := u.fill(make([]byte, min(offset-u.at, windowSize))); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacked) rewind() (err error) {
	if _, err := u.Seek(0, io.SeekStart); err != nil {
		return err
	}
	u.at, u.window = 0, nil
	if u.content, err = packings[filepath.Ext(u.Name())](u.File); err != nil {
		u.content, u.damage = nil, fmt.Errorf("unpacking %s: %w", u.Name(), err)
		return io.EOF
	}
	return nil
}

func (u *unpacked) remember(octets []byte) {
	u.at += int64(len(octets))
	u.window = append(u.window, octets[max(0, len(octets)-windowSize):]...)
	u.window = append(u.window[:0], u.window[max(0, len(u.window)-windowSize):]...)
}
