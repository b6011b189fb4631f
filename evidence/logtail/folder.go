package logtail

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// A folder is a log of many files, as Windows servers keep it: each has a date in its name and as a rule keeps that name, several may be written to at the same time, and a
// file may still be written to when the next one is there. Every file is read once, the oldest first, and looked at again while it grows.

// filed is how far one file of a folder was read.
type filed struct {
	place
	Size  int64     `json:"size"`           // as the folder told when it was last read to its end; -1 before
	Time  time.Time `json:"time"`           // likewise
	Since time.Time `json:"since,omitzero"` // lines up to that time were read before the file was forgotten, or are too old to be of use
	State fileState `json:"state,omitzero"`
}

const (
	folderMemory = 4 * 24 * time.Hour // how long a file is remembered that is not written to any more
	folderQuiet  = 2 * time.Hour      // when its columns are not remembered any more: they can be read again
	folderLook   = 10 * time.Minute   // how often all files are looked at, also those that were forgotten
	folderEvery  = 10                 // times Options.Every is between two looks into a folder: what writes there keeps lines back for longer
	unfinished   = 24 * time.Hour     // how long after its last write a file may end within a line
)

func (f *Follower) isFolder() bool { return f.state.format.parse != nil && isPattern(f.o.Path) }

// stepFolder reads one buffer of one file. again tells whether there is more to read.
func (f *Follower) stepFolder(ctx context.Context) (again bool, err error) {
	if err := f.ready(ctx); err != nil {
		return false, err
	}
	if !f.begun {
		if err := f.lookIntoFolder(); err != nil {
			return false, f.fail(err)
		}
	}
	if len(f.queue) == 0 {
		return false, f.endOfFolder(ctx)
	}
	c := f.queue[0]
	if f.file == nil && !f.take(c) {
		f.queue = f.queue[1:]
		return true, nil
	}
	end, err := f.read(f.now.Sub(c.time) > unfinished)
	if err != nil {
		return f.interrupted(err)
	}
	f.judgeLogouts()
	f.shelve(c, end)
	return true, f.commitIfDue(ctx, false)
}

// lookIntoFolder lists what is to be read.
func (f *Follower) lookIntoFolder() error {
	f.close()
	names, err := matches(f.o.Path)
	if err != nil {
		return err
	}
	f.begun = true
	if f.pos.Files == nil {
		f.pos.Files, f.pos.Settled = make(map[string]filed), f.now.Add(-f.o.History)
	}
	f.lookForPresence(len(names) > 0)
	all := inOrder(f.awake(names))
	f.lookForNames(all)
	f.lookForStrangers(all)
	f.queue = f.unread(all)
	total := int64(0)
	for _, c := range f.queue {
		total += max(0, c.size-f.pos.Files[f.nameOf(c)].Offset)
	}
	f.expect(total)
	return nil
}

// awake leaves out the names of files that are not written to any more: to ask a share about thousands of them takes long. Once in a while it is done nevertheless.
func (f *Follower) awake(names []string) []string {
	if f.now.Sub(f.looked) >= folderLook {
		f.looked = f.now
		clear(f.asleep)
	}
	return slices.DeleteFunc(names, func(name string) bool { return f.asleep[name] })
}

// lookForPresence notes since when there have been no files.
func (f *Follower) lookForPresence(there bool) {
	switch {
	case there:
		f.missing = time.Time{}
	case f.missing.IsZero():
		f.missing = f.now
	}
}

// unread are the files that may hold something new: unknown ones, those that changed, and the newest of each series, as shares tell late what was written to an
// open file.
func (f *Follower) unread(all []candidate) []candidate {
	newest := make(map[string]string)
	for _, c := range all {
		newest[seriesOf(c.path)] = c.path
	}
	return slices.DeleteFunc(all, func(c candidate) bool {
		if f.settled(c) {
			f.asleep[c.path] = true
			return true
		}
		e, known := f.pos.Files[f.nameOf(c)]
		switch {
		case !known:
			return false
		case newest[seriesOf(c.path)] == c.path:
			return false
		}
		return e.Size == c.size && e.Time.Equal(c.time)
	})
}

// settled tells of a file that was read and forgotten, or that is too old to be of use.
func (f *Follower) settled(c candidate) bool {
	_, known := f.pos.Files[f.nameOf(c)]
	return !known && !c.time.After(f.pos.Settled)
}

// take opens a file where its reading ended.
func (f *Follower) take(c candidate) bool {
	file, err := openCandidate(c)
	if err != nil {
		if f.failure == "" && !errors.Is(err, fs.ErrNotExist) {
			f.failure = err.Error()
		}
		return false
	}
	f.file, f.unsniffed = file, true
	e, known := f.pos.Files[f.nameOf(c)]
	if !known || !e.continues(file) {
		e = f.unknown()
	}
	f.pos.place, f.since, f.state.file = e.place, e.Since, e.State
	f.state.file.Name = f.nameOf(c)
	if e.Offset > 0 && e.State.Header == "" {
		f.readHeader()
	}
	return true
}

// unknown is a file that was not read before.
func (f *Follower) unknown() filed { return filed{Size: -1, Since: f.pos.Settled} }

// lookForStrangers gives up coverage where none of the files are there that were read: nobody knows what was written meanwhile.
func (f *Follower) lookForStrangers(all []candidate) {
	known := func(c candidate) bool { _, ok := f.pos.Files[f.nameOf(c)]; return ok }
	if len(f.pos.Files) > 0 && len(all) > 0 && !slices.ContainsFunc(all, known) {
		f.pos.From = time.Time{}
	}
}

// readHeader reads the names of columns again.
func (f *Follower) readHeader() {
	head := make([]byte, 8<<10)
	n, _ := f.file.ReadAt(head, 0)
	e := encodingOf(head[:n])
	for line := range strings.Lines(e.decode(string(head[:n-n%2]))) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(strings.ToLower(line), "date") {
			return
		}
		var event Event
		f.state.format.parse(strings.TrimRight(line, "\r\n"), f.state, &event)
	}
}

// shelve notes how far the file was read, and at its end goes to the next.
func (f *Follower) shelve(c candidate, end bool) {
	e := filed{place: f.pos.place, Size: -1, Since: f.since, State: f.state.file}
	if end {
		e.Size, e.Time = c.size, c.time
		f.close()
		f.queue, f.pos.place = f.queue[1:], place{}
	}
	if end && f.now.Sub(c.time) > folderQuiet {
		e.State = fileState{}
	}
	f.pos.Files[f.nameOf(c)] = e
}

// endOfFolder has read everything there is.
func (f *Follower) endOfFolder(ctx context.Context) error {
	f.judgeLogouts()
	if f.failure == "" {
		f.settle()
		f.grant(true)
		f.live, f.pos.Complete = f.now, true
	}
	f.expect(0)
	return f.commitIfDue(ctx, true)
}

// settle forgets files that are not written to any more: their time tells that they were read.
func (f *Follower) settle() {
	until := f.now.Add(-folderMemory)
	maps.DeleteFunc(f.pos.Files, func(_ string, e filed) bool {
		if e.Size < 0 || e.Time.After(until) {
			return false
		}
		f.pos.Settled = later(f.pos.Settled, e.Time)
		return true
	})
}

// known tells of a line that was read before its file was forgotten, or that is too old to be of use.
func (f *Follower) known(at time.Time) bool { return !f.since.IsZero() && !at.After(f.since) }
