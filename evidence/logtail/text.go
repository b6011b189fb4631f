package logtail

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// encoding is how a file's text is written. Its first octets tell.
type encoding int

const (
	octets  encoding = iota // UTF-8, and Windows-1252 in lines that are none
	utf16le                 // as Windows writes it
	utf16be
)

// byteOrderMark may stand before a file's first line.
const byteOrderMark = "\ufeff"

// encodingOf looks at a file's first octets: at a mark, else at where the zeros of the first characters stand.
func encodingOf(head []byte) encoding {
	if len(head) < 4 {
		return octets
	}
	switch {
	case head[0] == 0xff && head[1] == 0xfe, head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return utf16le
	case head[0] == 0xfe && head[1] == 0xff, head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return utf16be
	}
	return octets
}

// newline finds the end of the line that begins at from, and where the next one begins; -1 if there is none.
func (e encoding) newline(text string, from int) (end, next int) {
	for at := from; ; at++ {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			return -1, -1
		}
		switch at += i; e {
		case octets:
			return at, at + 1
		case utf16le:
			if (at-from)%2 == 0 && at+1 < len(text) && text[at+1] == 0 {
				return at, at + 2
			}
		case utf16be:
			if (at-from)%2 == 1 && text[at-1] == 0 {
				return at - 1, at + 1
			}
		}
	}
}

// decode makes UTF-8 of a line.
func (e encoding) decode(line string) string {
	if e != octets {
		return strings.TrimPrefix(decodeUTF16(line, e == utf16be), byteOrderMark)
	}
	if utf8.ValidString(line) {
		return strings.TrimPrefix(line, byteOrderMark)
	}
	if text, err := charmap.Windows1252.NewDecoder().String(line); err == nil {
		return text
	}
	return line
}

func decodeUTF16(line string, big bool) string {
	units := make([]uint16, len(line)/2)
	for i := range units {
		low, high := line[2*i], line[2*i+1]
		if big {
			low, high = high, low
		}
		units[i] = uint16(low) | uint16(high)<<8
	}
	return string(utf16.Decode(units))
}

// withoutPadding leaves out the zeros at a file's end: room that a server keeps, and has not written to yet.
func (e encoding) withoutPadding(text []byte) []byte {
	width := 1
	if e != octets {
		width = 2
	}
	for n := len(text) - len(text)%width; n >= width && text[n-1] == 0 && text[n-width] == 0; n -= width {
		text = text[:n-width]
	}
	return text
}

// lineEnd finds the end of the first line and the beginning of the next; -1 if it is not whole yet. In files in which quotes keep line breaks, a line ends where
// its quotes are closed, or where another line begins: then one of them is missing.
func (f *Follower) lineEnd(text string, last bool) (end, next int) {
	end, next = f.encoding.newline(text, 0)
	if !f.state.format.quoted {
		return end, next
	}
	for end >= 0 && strings.Count(text[:end], `"`)%2 == 1 && next < lineLimit {
		if len(text)-next < recordStart && !last {
			return -1, -1
		}
		if beginsRecord(f.encoding.decode(text[next:min(len(text), next+recordStart)])) {
			return end, next
		}
		further, after := f.encoding.newline(text, next)
		if further < 0 {
			return further, after
		}
		end, next = further, after
	}
	return end, next
}

const recordStart = 2 * len("2006-01-02") // octets, in the widest encoding

// beginsRecord tells the beginning of a line: a date or a directive.
func beginsRecord(text string) bool {
	if strings.HasPrefix(text, "#") {
		return true
	}
	if len(text) < len("2006-01-02") || text[4] != '-' || text[7] != '-' {
		return false
	}
	_, _, _, ok := isoDate(text[:len("2006-01-02")])
	return ok
}
