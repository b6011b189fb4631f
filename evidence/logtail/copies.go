package logtail

import (
	"bytes"
	"io"
	"os"
	"slices"
)

// next is the file to read after the one that is open. A copy that is being made of the file after it (copytruncate) is passed over: that one still holds all of it, and once it does not, the copy is
// found by what was read.
func (f *Follower) next(all []candidate) (candidate, bool) {
	all = f.following(all)
	next, ok := successor(all, f.pos.Inode, f.written())
	if !ok {
		return next, false
	}
	return withoutCopies(next, all), true
}

// packedMeanwhile tells whether the file that is open lies in its folder no more, but compressed. Only from there it can be told which of the compressed ones come after it.
func (f *Follower) packedMeanwhile(all []candidate) bool {
	if isPacked(f.file.Name()) || slices.ContainsFunc(all, func(c candidate) bool { return c.inode == f.pos.Inode }) {
		return false
	}
	c, found := continuation(all, f.pos.place)
	return found && isPacked(c.path) && f.pos.TailSize > 0
}

// withoutCopies passes over copies of files that come later.
func withoutCopies(c candidate, all []candidate) candidate {
	for {
		after, more := successor(all, c.inode, c.time)
		if !more {
			return c
		}
		copied, is := copyOf(after, c)
		if !is {
			return c
		}
		c, c.was = after, copied
	}
}

// copyProof is how many octets at both ends of a copy are compared.
const copyProof = 4 << 10

// copyOf tells whether a file holds nothing but what another begins with, and what that is.
func copyOf(of, c candidate) (was place, is bool) {
	if c.size == 0 || c.size > of.size || isPacked(c.path) || isPacked(of.path) {
		return was, false
	}
	a, err := os.Open(c.path)
	if err != nil {
		return was, false
	}
	defer a.Close()
	b, err := os.Open(of.path)
	if err != nil {
		return was, false
	}
	defer b.Close()
	n := min(c.size, copyProof)
	if !sameOctets(a, b, 0, n) || !sameOctets(a, b, c.size-n, n) {
		return was, false
	}
	was.see(a, c.size)
	return was, was.TailSize > 0
}

func sameOctets(a, b io.ReaderAt, at, n int64) bool {
	x, y := make([]byte, n), make([]byte, n)
	i, _ := a.ReadAt(x, at)
	j, _ := b.ReadAt(y, at)
	return int64(i) == n && int64(j) == n && bytes.Equal(x, y)
}

// overtaken finds what was written into the file that is open, and put aside by a copy before it was cut, while nothing was seen of it: the place is at the beginning of a file that was empty, and cannot tell
// it from the same file cut anew. It is the oldest file that was written to since the log was last read to its end.
func (f *Follower) overtaken(all []candidate) (candidate, bool) {
	live := later(f.live, f.pos.Live)
	here := slices.IndexFunc(all, func(c candidate) bool { return c.inode == f.pos.Inode })
	if isPacked(f.file.Name()) || f.pos.Offset > 0 || f.pos.TailSize > 0 || live.IsZero() || here < 0 {
		return candidate{}, false
	}
	for _, c := range all[:here] {
		if c.size == 0 || !c.time.After(live) {
			continue
		}
		if _, copied := copyOf(all[here], c); !copied {
			return c, true
		}
	}
	return candidate{}, false
}
