package listener

import "bytes"

// unstuffer undoes dot-stuffing (RFC 5321 §4.5.2) piece by piece and finds the end of the body: CRLF.CRLF, or .CRLF at its very start,
// and nothing else. All other octets pass as they are, bare CR and LF too.
type unstuffer struct {
	at place
}

// place is where in a line the octets consumed so far have led.
type place byte

const (
	lineStart place = iota
	inLine
	afterCR
)

// next consumes some of window and returns what of it belongs to the body (a part of window) and how much it consumed. Done means that the
// final dot and its CRLF were consumed. Nothing consumed means that more octets are needed to go on; four are always enough.
func (u *unstuffer) next(window []byte) (body []byte, consumed int, done bool) {
	if len(window) == 0 {
		return nil, 0, false
	}
	switch {
	case u.at == lineStart && window[0] == '.':
		return u.dot(window)
	case u.at == afterCR && window[0] == '\n':
		return u.take(window, 1)
	}
	return u.scan(window)
}

// dot handles a dot at the start of a line.
func (u *unstuffer) dot(window []byte) (body []byte, consumed int, done bool) {
	if len(window) == 1 || window[1] == '\r' && len(window) == 2 {
		return nil, 0, false
	}
	if window[1] == '\r' && window[2] == '\n' {
		return nil, 3, true
	}
	body, n, _ := u.scan(window[1:])
	return body, n + 1, false
}

// scan takes everything up to and including the next CRLF that is followed by a dot, or the whole window. Its first octet is no dot to be removed.
func (u *unstuffer) scan(window []byte) (body []byte, consumed int, done bool) {
	if i := bytes.Index(window, []byte("\r\n.")); i >= 0 {
		return u.take(window, i+2)
	}
	return u.take(window, len(window))
}

// take passes the first n octets, n > 0, and notes how they end.
func (u *unstuffer) take(window []byte, n int) (body []byte, consumed int, done bool) {
	body = window[:n]
	switch {
	case bytes.HasSuffix(body, []byte("\r\n")), n == 1 && body[0] == '\n' && u.at == afterCR:
		u.at = lineStart
	case body[n-1] == '\r':
		u.at = afterCR
	default:
		u.at = inLine
	}
	return body, n, false
}
