package repair

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// Repair is a kind of change, or several: they are bits.
type Repair uint32

// The repairs, in the order in which they are tried and made: what loses least comes first.
const (
	Lines Repair = 1 << iota
	Zeros
	Strays
	Octets
	Width

	// Of objects.
	Form
	Charset
	Method
	Card21
	Required
	NoUID
	Empty
	Zones
	Length
	CardVersion
	Photo
	Silent

	all = Lines | Zeros | Strays | Octets | Width
)

var names = []struct {
	repair Repair
	name   string
}{
	{Lines, "bare line ends"},
	{Zeros, "NUL octets"},
	{Strays, "header lines that are no fields"},
	{Octets, "8-bit header"},
	{Width, "long header lines"},
	{Form, "line ends and folding"},
	{Charset, "text that is not UTF-8"},
	{Method, "METHOD of a message"},
	{Card21, "vCard 2.1"},
	{Required, "required properties that are missing"},
	{NoUID, "missing UID"},
	{Empty, "properties without a value"},
	{Zones, "Windows names of time zones"},
	{Length, "events of no length"},
	{CardVersion, "version of the vCard"},
	{Photo, "large picture or attachment within"},
	{Silent, "invitations would be sent (SCHEDULE-AGENT)"},
}

// String lists the repairs for people, by what was wrong.
func (r Repair) String() string {
	var parts []string
	for _, n := range names {
		if r&n.repair != 0 {
			parts = append(parts, n.name)
		}
	}
	return strings.Join(parts, ", ")
}

// Named reads what String wrote; names that mean nothing are left out.
func Named(text string) Repair {
	var r Repair
	for _, n := range names {
		if slices.Contains(strings.Split(text, ", "), n.name) {
			r |= n.repair
		}
	}
	return r
}

// ErrHeader: the header is too long to be repaired.
var ErrHeader = errors.New("header of more than 1 MiB")

const maxHeader = 1 << 20

// Needed reads a message to its end and says which repairs change it.
func Needed(message io.Reader) (Repair, error) {
	r := NewReader(message, all)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return 0, err
	}
	return r.made(), nil
}

// Ladder is what to try, from the least on: the first of the repairs, the first two, and so on.
func Ladder(needed Repair) []Repair {
	var steps []Repair
	var sum Repair
	for _, n := range names {
		if needed&n.repair != 0 {
			sum |= n.repair
			steps = append(steps, sum)
		}
	}
	return steps
}

// Next is what to try of an object after it was refused with some repairs made: one more, or none. Of the last two one is for what is too large, and the other for what would send invitations.
func Next(needed, made Repair, tooLarge, schedules bool) (more Repair, ok bool) {
	open := needed &^ made &^ (Photo | Silent)
	switch {
	case schedules:
		open = needed &^ made & Silent
	case tooLarge:
		open = needed &^ made & Photo
	}
	for _, n := range names {
		if open&n.repair != 0 {
			return made | n.repair, true
		}
	}
	return made, false
}

// Reader yields a repaired message.
type Reader struct {
	repairs Repair
	changed Repair
	lines   *lines // nil when line ends are left alone
	in      *bufio.Reader
	header  []byte // what is left of it
	begun   bool
	err     error
}

// NewReader repairs a message as it is read. Of the needed repairs those before a given one must be among them too, as in a Ladder: each relies on them.
func NewReader(message io.Reader, repairs Repair) *Reader {
	r := &Reader{repairs: repairs}
	if repairs&Lines != 0 {
		r.lines = newLines(message)
		message = r.lines
	}
	r.in = bufio.NewReader(message)
	return r
}

// Read yields the next octets. Its error may be ErrHeader, before any octet.
func (r *Reader) Read(p []byte) (int, error) {
	if !r.begun {
		r.begun = true
		r.err = r.readHeader()
	}
	if len(r.header) > 0 {
		n := copy(p, r.header)
		r.header = r.header[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.in.Read(p)
	if r.repairs&Zeros != 0 && blankZeros(p[:n]) {
		r.changed |= Zeros
	}
	return n, err
}

func (r *Reader) made() Repair {
	if r.lines != nil && r.lines.changed {
		return r.changed | Lines
	}
	return r.changed
}

// readHeader reads up to the empty line, or to the end, and repairs that.
func (r *Reader) readHeader() error {
	var header []byte
	start := 0 // of the current line
	for {
		piece, err := r.in.ReadSlice('\n')
		header = append(header, piece...)
		if len(header) > maxHeader {
			return ErrHeader
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			r.header = r.repaired(header)
			return err
		case len(bytes.TrimRight(header[start:], "\r\n")) == 0:
			r.header = r.repaired(header)
			return nil
		}
		start = len(header)
	}
}

// repaired makes the repairs that only the header may need.
func (r *Reader) repaired(header []byte) []byte {
	for _, stage := range []struct {
		repair Repair
		do     func([]byte) []byte
	}{{Zeros, withoutZeros}, {Strays, onlyFields}, {Octets, encoded}, {Width, folded}} {
		if r.repairs&stage.repair == 0 {
			continue
		}
		now := stage.do(header)
		if !bytes.Equal(now, header) {
			r.changed |= stage.repair
		}
		header = now
	}
	return header
}

func blankZeros(p []byte) (changed bool) {
	for {
		i := bytes.IndexByte(p, 0)
		if i < 0 {
			return changed
		}
		p[i], changed = ' ', true
		p = p[i+1:]
	}
}
