package logtail

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// candidate is a file that may hold a part of the log.
type candidate struct {
	path  string
	inode uint64
	size  int64
	time  time.Time
	was   place // what it began with when a copy of that was passed over: should it be cut before it is read, the copy is found by this
}

// candidates lists the files of a log, oldest first. Of a pattern these are all files that match; of a plain path the file itself, last, and its
// predecessors by the names that logrotate, newsyslog and their like give: path.1, path-20261123, path.2.gz.
func candidates(pattern string) ([]candidate, error) {
	if isPattern(pattern) {
		names, err := matches(pattern)
		return inOrder(names), err
	}
	names, err := filepath.Glob(escapeGlob(pattern) + `[.\-][0-9]*`)
	if err != nil {
		return nil, fmt.Errorf("looking for the predecessors of %s: %w", pattern, err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !isDated(unpackedName(name)[len(pattern)+1:]) })
	all := inOrder(names)
	if c, ok := stat(pattern); ok {
		all = append(all, c)
	}
	return all, nil
}

// matches are the names that a pattern fits.
func matches(pattern string) ([]string, error) {
	names, err := filepath.Glob(pattern)
	if folder := filepath.Dir(pattern); err == nil && (len(names) == 0 || isPattern(folder)) {
		err = reachable(folder)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", pattern, err)
	}
	return names, nil
}

// reachable tells why a folder cannot be looked into: a share whose server is away, a right that was lost. Of a pattern's folders each is asked: what lies in one that cannot be read is missing in a list of
// all, without a word. One that is not there is only empty.
func reachable(folder string) error {
	if !isPattern(folder) {
		return readable(folder)
	}
	if err := reachable(filepath.Dir(folder)); err != nil {
		return err
	}
	folders, err := filepath.Glob(folder)
	for _, f := range folders {
		if info, statErr := os.Stat(f); statErr == nil && !info.IsDir() {
			continue // a file beside them
		}
		if err := readable(f); err != nil {
			return err
		}
	}
	return err
}

// readable tries to list a folder.
func readable(folder string) error {
	opened, err := os.Open(folder)
	if err == nil {
		defer opened.Close()
		_, err = opened.Readdirnames(1)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func isPattern(path string) bool { return strings.ContainsAny(path, "*?[") }

// isDated accepts the numbers and dates that rotation puts behind a name.
func isDated(suffix string) bool {
	return strings.Trim(suffix, "0123456789.-_:T") == ""
}

func inOrder(names []string) []candidate {
	var all []candidate
	for _, name := range names {
		if isPacked(name) && slices.Contains(names, unpackedName(name)) {
			continue // it is being compressed
		}
		if c, ok := stat(name); ok && !isCompressed(name) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(a.time.Compare(b.time), cmp.Compare(rotations(b.path), rotations(a.path)), cmp.Compare(a.path, b.path))
	})
	return all
}

// rotations is how often a file was given the next number, by its name (path.2.gz); 0 where that tells a date or nothing. Files that were written to in the same moment are told apart by it.
func rotations(path string) int {
	number := strings.TrimPrefix(filepath.Ext(unpackedName(path)), ".")
	n, err := strconv.Atoi(number)
	if err != nil || len(number) > 4 {
		return 0
	}
	return n
}

// isCompressed tells of compressed files that we cannot read.
func isCompressed(name string) bool {
	switch filepath.Ext(name) {
	case ".xz", ".zst", ".lz4", ".Z", ".zip":
		return true
	}
	return false
}

func stat(path string) (candidate, bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return candidate{}, false
	}
	return candidate{path: path, inode: inodeOf(info), size: info.Size(), time: info.ModTime()}, true
}

func inodeOf(info os.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

func escapeGlob(path string) string { return strings.ReplaceAll(path, `\`, `\\`) }

// continuation finds the file in which the position lies, under whatever name: the same inode, or a copy that was made before the original
// was truncated. The octets before the position decide.
func continuation(all []candidate, p place) (candidate, bool) {
	fits := func(c candidate) bool { return (isPacked(c.path) || c.size >= p.Seen) && continues(c.path, p) }
	for _, c := range all {
		if c.inode == p.Inode && fits(c) {
			return c, true
		}
	}
	for _, c := range slices.Concat(unpackedOnes(all), packedOnes(all)) {
		if c.inode != p.Inode && p.TailSize > 0 && fits(c) {
			return c, true
		}
	}
	return candidate{}, false
}

func packedOnes(all []candidate) []candidate {
	return slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !isPacked(c.path) })
}

func unpackedOnes(all []candidate) []candidate {
	return slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return isPacked(c.path) })
}

func continues(path string, p place) bool {
	file, err := openLog(path)
	if err != nil {
		return false
	}
	defer file.Close()
	return p.continues(file)
}

// successor is the file to read after the one with the inode, which was last written at the given time: the next that holds anything. Where
// that one is no longer among them, it is the oldest that was written later.
func successor(all []candidate, inode uint64, written time.Time) (candidate, bool) {
	all = slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return c.size == 0 && c.inode != inode })
	i := slices.IndexFunc(all, func(c candidate) bool { return c.inode == inode })
	if i < 0 {
		return since(all, written)
	}
	if i+1 == len(all) {
		return candidate{}, false
	}
	return all[i+1], true
}

// since is the oldest file that was written to at or after a time.
func since(all []candidate, at time.Time) (candidate, bool) {
	i := slices.IndexFunc(all, func(c candidate) bool { return !c.time.Before(at) })
	if i < 0 {
		return candidate{}, false
	}
	return all[i], true
}
