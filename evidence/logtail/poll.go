package logtail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"posthouse/evidence"
)

// Poll reads to the end of the log, following it into newer files, and makes durable what it found. An error is the ledger's, or the context's:
// nothing is lost, the next Poll goes on. A log that cannot be read is no error: see Status.
func (f *Follower) Poll(ctx context.Context) error {
	if err := f.restore(ctx); err != nil {
		return err
	}
	f.now, f.failure = f.clock.Now(), ""
	defer f.report()
	for {
		again, err := f.step(ctx)
		if err != nil || !again {
			return err
		}
	}
}

// step reads one buffer. again tells whether there is more to read.
func (f *Follower) step(ctx context.Context) (again bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if f.unwritten {
		if err := f.commit(ctx); err != nil {
			return false, err
		}
	}
	all, err := candidates(f.o.Path)
	if err != nil {
		return false, f.fail(err)
	}
	f.lookForPath(all)
	if !f.opened(all) {
		return false, nil
	}
	next, ok := successor(all, f.pos.Inode, f.written())
	last := ok && next.size > 0
	if !f.intact() {
		f.close() // truncated: perhaps a copy was made before
		return true, nil
	}
	end, err := f.read(last)
	if err != nil {
		return false, f.fail(err)
	}
	f.grant(end && !last)
	if err := f.commitIfDue(ctx, end && !last); err != nil {
		return false, err
	}
	if !end {
		return true, nil
	}
	if last {
		f.move(next)
		return true, nil
	}
	f.live = f.now
	return false, nil
}

// fail notes why the file cannot be read. Its content stays: what is written meanwhile is covered when it can be read again.
func (f *Follower) fail(err error) error {
	f.failure = err.Error()
	f.close()
	return nil
}

// lookForPath notes since when the file has been missing. A file that is away for longer than rotation takes was perhaps not written to.
func (f *Follower) lookForPath(all []candidate) {
	there := len(all) > 0 && (strings.ContainsAny(f.o.Path, "*?[") || all[len(all)-1].path == f.o.Path)
	switch {
	case there:
		f.missing = time.Time{}
	case f.missing.IsZero():
		f.missing = f.now
	case f.now.Sub(f.missing) > rotating:
		f.pos.From = time.Time{}
	}
}

// opened opens the file in which the position lies; where it is lost, the first file that was written to since.
func (f *Follower) opened(all []candidate) bool {
	if f.file != nil {
		return true
	}
	if len(all) == 0 {
		return false
	}
	c, found := all[0], false
	if f.pos.Inode != 0 {
		c, found = continuation(all, f.pos)
	}
	if !found {
		c = f.beginning(all)
	}
	file, err := openCandidate(c)
	if err != nil {
		f.failure = err.Error()
		return false
	}
	f.file = file
	if found {
		f.pos.Inode = c.inode
		return true
	}
	f.lose(c)
	return true
}

// openCandidate opens the file that was looked at, and no other that took its name since.
func openCandidate(c candidate) (*os.File, error) {
	file, err := os.Open(c.path)
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

// beginning is the file to begin with when there is no place to go on from.
func (f *Follower) beginning(all []candidate) candidate {
	if f.pos.Inode == 0 {
		return all[0]
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
	} else {
		f.state.stamps.ref = c.time.In(f.state.stamps.zone)
	}
	f.pos.Inode, f.pos.Offset, f.pos.Tail, f.pos.TailSize, f.pos.Skipping = c.inode, 0, 0, 0, false
	f.pos.From = time.Time{}
}

// move goes to the file's successor.
func (f *Follower) move(next candidate) {
	f.close()
	f.pos.Inode, f.pos.Offset, f.pos.Tail, f.pos.TailSize, f.pos.Skipping = next.inode, 0, 0, 0, false
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

// read takes in one buffer, up to the last whole line. In a file that has a successor the last line is whole whether it ends or not.
func (f *Follower) read(last bool) (end bool, err error) {
	n, err := f.file.ReadAt(f.buffer, f.pos.Offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading log %s: %w", f.o.Source, err)
	}
	end = n < len(f.buffer)
	if used := f.consume(string(f.buffer[:n]), end && last); used > 0 {
		f.pos.Offset += int64(used)
		f.pos.setTail(f.buffer[:used])
	}
	return end, nil
}

// consume reads lines and returns how many octets they were. What is not yet a whole line is left, unless it fills the buffer.
func (f *Follower) consume(text string, last bool) (used int) {
	for {
		end := strings.IndexByte(text[used:], '\n')
		if end < 0 {
			break
		}
		f.line(text[used : used+end])
		used += end + 1
	}
	rest := text[used:]
	switch {
	case rest == "":
	case last:
		f.line(rest)
		return len(text)
	case f.pos.Skipping:
		return len(text)
	case len(rest) == len(f.buffer):
		f.line(rest)
		f.pos.Skipping = true
		return len(text)
	}
	return used
}

func (f *Follower) line(line string) {
	f.batch.lines++
	if f.pos.Skipping {
		f.pos.Skipping = false
		return
	}
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return
	}
	event, result := Event{}, Unparsed
	if len(line) <= lineLimit {
		event, result = Parse(line, f.state)
	}
	f.pos.Rate.add(result)
	if result == Unparsed {
		f.example = strings.Clone(line[:min(len(line), 200)])
	}
	if !event.At.IsZero() {
		f.stamp(event.At)
	}
	for _, o := range event.Use {
		f.batch.add(o)
	}
}

// stamp notes a line's time: what it says about coverage and about the log's clock.
func (f *Follower) stamp(at time.Time) {
	if f.o.MaxSilence > 0 && at.Sub(f.pos.LastLine) > f.o.MaxSilence {
		f.cover(f.pos.LastLine.Add(f.o.MaxSilence))
		f.pos.From = time.Time{}
	}
	f.pos.LastLine = later(f.pos.LastLine, at)
	if at.After(f.now.Add(skewLimit)) || !f.live.IsZero() && at.Before(f.live.Add(-skewLimit)) {
		f.skewed++
	} else {
		f.skewed = 0
	}
	if f.pos.From.IsZero() && f.missing.IsZero() && f.healthy() {
		f.pos.From = at
	}
}

func (f *Follower) healthy() bool {
	return f.skewed < skewLines && !f.pos.Rate.alarm() && len(f.state.unheard()) == 0
}

// grant turns what was read into coverage: at the log's end up to now, before it up to the last line.
func (f *Follower) grant(end bool) {
	switch {
	case !f.healthy():
		f.pos.From = time.Time{}
	case !f.missing.IsZero():
	case !end:
		f.cover(f.pos.LastLine)
	case f.batch.lines == 0 && f.now.Sub(f.committed) < f.o.Beat:
	case f.silent(f.now):
		f.cover(f.pos.LastLine.Add(f.o.MaxSilence))
		f.pos.From = time.Time{}
	case f.pos.From.IsZero():
		f.pos.From = f.now
	default:
		f.cover(f.now)
	}
}

// cover adds the span from where coverage ended up to a time.
func (f *Follower) cover(to time.Time) {
	if to.After(f.now) {
		to = f.now
	}
	if f.pos.From.IsZero() || !to.After(f.pos.From) {
		return
	}
	f.batch.cover(f.o.Source, evidence.Span{From: f.pos.From, To: to})
	f.pos.From = to
}

// commitIfDue writes what was found. At the log's end without use that may wait for the next beat.
func (f *Follower) commitIfDue(ctx context.Context, end bool) error {
	if end && len(f.batch.observations) == 0 && f.now.Sub(f.committed) < f.o.Beat {
		return nil
	}
	if f.batch.lines == 0 && len(f.batch.coverage) == 0 {
		return nil
	}
	return f.commit(ctx)
}

func (f *Follower) commit(ctx context.Context) error {
	f.pos.State = f.state.snapshot()
	offset, err := f.pos.offset(f.o.Source)
	if err != nil {
		return err
	}
	if err := f.t.Testify(ctx, f.batch.observations, f.batch.coverage, offset); err != nil {
		f.unwritten = true
		return fmt.Errorf("recording log %s: %w", f.o.Source, err)
	}
	f.batch, f.committed, f.unwritten = batch{}, f.now, false
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
