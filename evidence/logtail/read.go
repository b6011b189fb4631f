package logtail

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// errCut: the file was cut while it was read, and may hold other lines by now.
var errCut = errors.New("the file was cut")

// read takes in one buffer, up to the last whole line. In a file that has a successor the last line is whole whether it ends or not.
func (f *Follower) read(last bool) (end bool, err error) {
	if f.pos.Offset == 0 || f.unsniffed {
		head := f.buffer[:4]
		n, _ := f.file.ReadAt(head, 0)
		f.encoding, f.unsniffed = encodingOf(head[:n]), false
	}
	n, err := f.file.ReadAt(f.buffer, f.pos.Offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading log %s: %w", f.o.Source, err)
	}
	if !isPacked(f.file.Name()) && !f.intact() {
		return false, errCut
	}
	defer f.lookForDamage()
	end = n < len(f.buffer)
	text := f.buffer[:n]
	if end {
		text = f.encoding.withoutPadding(text)
		zeros := len(text) < n
		defer func() { f.lookForZeros(zeros, last) }()
	}
	if len(text) == 0 {
		return end, nil
	}
	f.pos.see(f.file, f.pos.Offset+int64(len(text)))
	used := f.consume(string(text), end && last)
	f.pos.Offset += int64(used)
	f.batch.octets += used
	f.advance(used)
	return end, nil
}

// lookForDamage notes that what a compressed file held cannot be read any more: for that time we were blind.
func (f *Follower) lookForDamage() {
	if u, ok := f.file.(*unpacked); ok && u.damage != nil {
		f.log.WithError(u.damage).Warn("a part of the log cannot be read")
		f.cover(f.pos.LastLine)
		f.pos.From, u.damage = time.Time{}, nil
	}
}

// consume reads lines and returns how many octets they were. What is not yet a whole line is left, unless it fills the buffer.
func (f *Follower) consume(text string, last bool) (used int) {
	for {
		end, next := f.lineEnd(text[used:], last)
		if end < 0 {
			break
		}
		f.line(text[used : used+end])
		used += next
	}
	rest := text[used:]
	switch {
	case rest == "":
	case last:
		f.line(rest)
		return len(text)
	case f.pos.Skipping:
		return len(text)
	case len(rest) == len(f.buffer) && f.encoding == octets && rest[0] == 0:
		f.lostPower()
		return len(rest) - len(strings.TrimLeft(rest, "\x00"))
	case len(rest) == len(f.buffer):
		f.line(rest)
		f.pos.Skipping = true
		return len(text)
	}
	return used
}

func (f *Follower) line(line string) {
	f.batch.lines++
	f.pulse.add(f.now)
	f.heard = f.now
	if f.pos.Skipping {
		f.pos.Skipping = false
		return
	}
	line = strings.TrimSuffix(f.encoding.decode(line), "\r")
	if strings.IndexByte(line, 0) < 0 {
		f.understand(line)
		return
	}
	f.lostPower()
	for part := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == 0 }) {
		f.lostPower() // what the part before tells of is older
		f.understand(part)
	}
}

// lookForZeros looks at a file's end. In a folder others may be written to meanwhile.
func (f *Follower) lookForZeros(zeros, last bool) {
	switch {
	case f.isFolder():
	case !zeros:
		f.pos.Whole, f.pos.Zeros = f.now, time.Time{}
	case last:
		f.lostPower()
	case f.pos.Zeros.IsZero():
		f.pos.Zeros = later(f.pos.Whole, f.pos.LastLine)
	}
}

// lostPower notes zeros, which are left behind where a machine lost power: many of them at times, within a line, and with the next line after it was started again. What it was about to write is lost. Zeros
// at a file's end may also be room that is kept: what they seemed to cover since they came is taken back when a line follows them.
func (f *Follower) lostPower() {
	f.pos.From = time.Time{}
	if !f.pos.Zeros.IsZero() {
		f.batch.withdraw(f.pos.Zeros)
		f.pos.Zeros = time.Time{}
	}
}

// understand takes in what a line says.
func (f *Follower) understand(line string) {
	if line == "" {
		return
	}
	event, result := Event{}, Unparsed
	if len(line) <= lineLimit {
		event, result = Parse(line, f.state)
	}
	f.pos.count(event.Dialect, result)
	if result == Unparsed {
		f.example = strings.Clone(line[:min(len(line), 200)])
	}
	known := f.known(event.At)
	if !known {
		f.pos.tells(event)
		f.pos.Proven = f.pos.Proven || f.proves(event, result)
	}
	if !event.At.IsZero() {
		f.stamp(event.At, result)
	}
	if known {
		return
	}
	for _, o := range event.Use {
		f.batch.add(o)
	}
	f.takeDelivered(event.Delivered)
}
