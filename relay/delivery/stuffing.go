package delivery

import "bytes"

// lineState is where in the body's lines a chunk begins.
type lineState byte

const (
	lineStart lineState = iota // at the beginning, or behind a CRLF
	midLine
	afterCR
)

// scan follows the lines through chunk. It returns where they end and how many
// of them begin with a dot; u names what DATA cannot carry.
func (at lineState) scan(chunk []byte) (end lineState, dots int, u *Unfit) {
	for len(chunk) > 0 {
		switch {
		case at == afterCR:
			if chunk[0] != '\n' {
				return at, dots, &Unfit{BareNewline, "CR without LF"}
			}
			chunk, at = chunk[1:], lineStart
			continue
		case at == lineStart && chunk[0] == '.':
			dots++
		}
		i := bytes.IndexByte(chunk, '\r')
		line := chunk
		if i >= 0 {
			line = chunk[:i]
		}
		if bytes.IndexByte(line, '\n') >= 0 {
			return at, dots, &Unfit{BareNewline, "LF without CR"}
		}
		if i < 0 {
			return midLine, dots, nil
		}
		chunk, at = chunk[i+1:], afterCR
	}
	return at, dots, nil
}

// stuff makes the chunk in buffer[frontRoom:frontRoom+n] ready for DATA: in
// each line that begins with a dot the dot is doubled (RFC 5321 §4.5.2). The
// result lies in the same buffer. The chunk must have passed scan with the
// same state and dots.
func stuff(buffer *[bufferSize]byte, n int, at lineState, dots int) []byte {
	if dots == 0 {
		return buffer[frontRoom : frontRoom+n]
	}
	from := buffer[frontRoom : frontRoom+n]
	out := buffer[frontRoom-dots : frontRoom-dots]
	if at == lineStart && from[0] == '.' {
		out = append(out, '.')
	}
	for {
		// Only CRLF ends a line here, so an LF is always behind one.
		i := bytes.Index(from, []byte("\n."))
		if i < 0 {
			break
		}
		out = append(out, from[:i+1]...)
		out = append(out, '.')
		from = from[i+1:]
	}
	out = append(out, from...)
	return out[:n+dots]
}
