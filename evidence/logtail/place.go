package logtail

import (
	"fmt"
	"time"
)

// opened opens the file in which the position lies; where it is lost, the first file that was written to since. again: the files are being given other names.
func (f *Follower) opened(all []candidate) (open, again bool) {
	if f.file != nil {
		return true, false
	}
	if len(all) == 0 {
		return false, false
	}
	c, found := all[0], false
	if f.pos.Inode != 0 {
		c, found = continuation(all, f.pos.place)
	}
	if !found {
		c = sighted(withoutCopies(f.beginning(all), all))
		if !f.stable(all) {
			return false, true
		}
	}
	file, err := openCandidate(c)
	if err != nil {
		if !f.stable(all) {
			return false, true
		}
		f.failure = err.Error()
		return false, false
	}
	f.file, f.unsniffed = file, true
	if found {
		f.pos.Inode = c.inode
		return true, false
	}
	f.lose(c)
	return true, false
}

// stable reports whether the log's files are what they were when they were listed. While each is given the next name, one may have had neither its old name nor its new one when it was looked at: from such
// a list nobody can tell which file comes after another. A name and an inode may both be given to another file; the last one alone is written to.
func (f *Follower) stable(all []candidate) bool {
	now, err := candidates(f.o.Path)
	if err != nil || len(now) != len(all) {
		return false
	}
	for i, was := range all {
		is := now[i]
		if is.path != was.path || is.inode != was.inode || i < len(all)-1 && (is.size != was.size || !is.time.Equal(was.time)) {
			return false
		}
	}
	return true
}

// sighted notes what a file holds that is to be read next. Whoever asks afterwards whether all files are what they were knows that it was this one's: should it be cut before it is read, its copy is found by that.
func sighted(c candidate) candidate {
	if c.was.TailSize > 0 || isPacked(c.path) {
		return c
	}
	file, err := openCandidate(c)
	if err != nil {
		return c
	}
	defer file.Close()
	c.was.see(file, c.size)
	return c
}

// openCandidate opens the file that was looked at, and no other that took its name since.
func openCandidate(c candidate) (logFile, error) {
	file, err := openLog(c.path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && inodeOf(info) != c.inode {
		err = fmt.Errorf("%s was renamed while it was opened", c.path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// beginning is the file to begin with when there is no place to go on from: at the first start the oldest of those that are of use.
func (f *Follower) beginning(all []candidate) candidate {
	if f.pos.Inode == 0 {
		if c, ok := since(all, f.now.Add(-f.o.History)); ok {
			return c
		}
		return all[len(all)-1]
	}
	if c, ok := since(all, later(f.pos.From, f.pos.LastLine)); ok {
		return c
	}
	return all[len(all)-1]
}

// lose begins a file anew: between what was read before and its first line we were blind.
func (f *Follower) lose(c candidate) {
	if f.pos.Inode != 0 {
		f.log.WithField("file", c.path).Warn("the place in the log is lost; it is read from the beginning of this file")
		f.pos.Lost = later(f.pos.LastLine, f.pos.From)
		f.lostPower() // if there were zeros at the end, nobody will know what they stood for
	} else {
		f.state.stamps.ref = c.time.In(f.state.stamps.zone)
	}
	f.pos.begin(c)
	f.pos.From, f.pos.Live = time.Time{}, time.Time{}
	f.state.file = fileState{}
}

// move goes to the file's successor.
func (f *Follower) move(next candidate) {
	f.close()
	f.pos.begin(next)
	f.state.file = fileState{}
}

// following are the files that may come after the one that is read. A compressed one comes only after another: what was read may have been compressed since.
func (f *Follower) following(all []candidate) []candidate {
	if isPacked(f.file.Name()) {
		return all
	}
	return unpackedOnes(all)
}

func (f *Follower) written() time.Time {
	info, err := f.file.Stat()
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// intact tells whether the file still holds what was read.
func (f *Follower) intact() bool { return f.pos.continues(f.file) }

// ahead is how many octets there are to be read, from the place on.
func (f *Follower) ahead(all []candidate) (octets int64) {
	here := false
	for _, c := range all {
		switch {
		case c.inode == f.pos.Inode:
			here = true
			octets += max(0, c.size-f.pos.Offset)
		case here:
			octets += c.size
		}
	}
	return octets
}
