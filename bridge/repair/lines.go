package repair

import (
	"bufio"
	"bytes"
	"io"
)

// lines yields a message with every line ended by CRLF, and no CR or LF elsewhere.
type lines struct {
	in       *bufio.Reader
	begun    bool
	noLF     bool // lone CRs are what ends lines
	inHeader bool
	width    int // octets of the current line so far
	owed     int // CRLFs to be yielded
	half     bool
	changed  bool
}

// glance is how far lines looks for a LF before it takes CRs for line ends.
const glance = 64 << 10

func newLines(message io.Reader) *lines {
	return &lines{in: bufio.NewReaderSize(message, glance), inHeader: true}
}

func (l *lines) Read(p []byte) (n int, err error) {
	if !l.begun {
		head, _ := l.in.Peek(glance) // its error comes again
		l.begun, l.noLF = true, bytes.IndexByte(head, '\n') < 0
	}
	for n < len(p) {
		c, err := l.next()
		if err != nil {
			if n > 0 {
				return n, nil // the error comes again
			}
			return 0, err
		}
		p[n] = c
		n++
	}
	return n, nil
}

// next is the next octet of the repaired message.
func (l *lines) next() (byte, error) {
	for {
		if l.half {
			l.half = false
			return '\n', nil
		}
		if l.owed > 0 {
			l.owed--
			l.half = true
			return '\r', nil
		}
		c, err := l.in.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			l.changed = true
			l.end(1)
		case '\r':
			if l.returns() {
				l.width++
				return ' ', nil
			}
		default:
			l.width++
			return c, nil
		}
	}
}

// returns reads the CRs that follow one, and reports whether a blank stands for them.
func (l *lines) returns() (blank bool) {
	for count := 1; ; count++ {
		c, err := l.in.ReadByte()
		switch {
		case err == nil && c == '\r':
			continue
		case err == nil && c == '\n':
			l.changed = l.changed || count > 1
			l.end(1)
			return false
		case err == nil:
			l.in.UnreadByte() // cannot fail after ReadByte
		}
		l.changed = true
		if l.inHeader && !l.noLF {
			return l.width > 0
		}
		l.end(count)
		return false
	}
}

// end owes line ends.
func (l *lines) end(count int) {
	if l.width == 0 || count > 1 {
		l.inHeader = false
	}
	l.owed, l.width = l.owed+count, 0
}
