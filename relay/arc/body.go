package arc

import (
	"crypto/sha256"
	"hash"
)

// body hashes a body in one of the forms of RFC 6376 §3.4.3 and §3.4.4 while it passes by.
type body struct {
	hash    hash.Hash
	relaxed bool
	limit   int64 // octets that are hashed (l=); negative: all

	out   []byte
	cr    bool // the last octet was a CR
	space bool // white space that is not written yet
	lines int  // line ends that are not written yet: those at the end of the body count as one
	some  bool // something was written
}

func newBody(relaxed bool, limit int64) *body {
	return &body{hash: sha256.New(), relaxed: relaxed, limit: limit}
}

func (b *body) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case c == '\n' && b.cr:
			b.cr, b.space = false, false
			b.lines++
			continue
		case b.cr:
			b.put('\r') // of its own
		}
		if b.cr = c == '\r'; b.cr {
			continue
		}
		if b.relaxed && isSpace(c) {
			b.space = true
			continue
		}
		b.put(c)
	}
	b.flush()
	return len(p), nil
}

func (b *body) put(c byte) {
	for ; b.lines > 0; b.lines-- {
		b.out = append(b.out, "\r\n"...)
	}
	if b.space {
		b.out = append(b.out, ' ')
		b.space = false
	}
	b.out = append(b.out, c)
	b.some = true
	if len(b.out) > 32<<10 {
		b.flush()
	}
}

func (b *body) flush() {
	out := b.out
	if b.limit >= 0 {
		out = out[:min(int64(len(out)), b.limit)]
		b.limit -= int64(len(out))
	}
	b.hash.Write(out)
	b.out = b.out[:0]
}

// sum ends the body: whatever its end, it is one CRLF; in the relaxed form an empty body stays empty.
func (b *body) sum() []byte {
	if b.cr {
		b.put('\r')
	}
	if b.some || !b.relaxed {
		b.out = append(b.out, "\r\n"...)
	}
	b.flush()
	return b.hash.Sum(nil)
}
