package logtail

import (
	"maps"
	"strings"
)

// nameOf is the name of a file in the folder, whether it is compressed or not.
func (f *Follower) nameOf(c candidate) string {
	root := f.o.Path[:strings.LastIndexByte(f.o.Path[:strings.IndexAny(f.o.Path, "*?[")], '/')+1]
	return strings.TrimPrefix(unpackedName(c.path), root)
}

// seriesOf is what the names of files have in common that follow each other.
func seriesOf(path string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, path)
}

// lookForNames finds out what files were called before that are new, or are not what they were: some servers rename files when they begin new ones, and people make
// copies.
func (f *Follower) lookForNames(all []candidate) {
	if !f.pos.Complete { // at the first start everything is new
		return
	}
	before := maps.Clone(f.pos.Files)
	for _, c := range all {
		e, known := before[f.nameOf(c)]
		if known && e.Size == c.size && e.Time.Equal(c.time) || f.settled(c) {
			continue
		}
		if e, ok := renamed(c.path, e, before); ok {
			f.pos.Files[f.nameOf(c)] = e
		}
	}
}

// renamed finds a file by what stands where its reading ended. Not ok is one that still is what it was, or that was not read before.
func renamed(path string, was filed, before map[string]filed) (found filed, ok bool) {
	file, err := openLog(path)
	if err != nil {
		return filed{}, false
	}
	defer file.Close()
	if was.TailSize > 0 && was.continues(file) {
		return filed{}, false
	}
	for _, e := range before {
		if e.TailSize > 0 && e.Offset > found.Offset && e.continues(file) {
			found, ok = e, true
		}
	}
	found.Size = -1 // look at it in any case
	return found, ok
}
