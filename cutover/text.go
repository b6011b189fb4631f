package cutover

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"mime"
	"strings"
)

// TextDigester computes what a message says, whatever a server made of its form: the octets of its leaves, transfer encodings undone, white space left out. Two copies of
// one message have the same text digest though a server chose other encodings, boundaries and line breaks; header fields, preambles and epilogues do not count. It is an io.Writer for the
// whole message, in memory bounded by maxPart. What is no sound MIME is taken as it stands. Not safe for concurrent use.
type TextDigester struct {
	all        hash.Hash
	leaf       leaf
	header     []byte   // of the part that begins
	boundaries []string // of the multiparts that are open
	state      partState
	line       []byte // unfinished
	begun      bool   // line is the rest of one that was too long
}

// partState is where in a part the next line stands.
type partState int

const (
	inHeader partState = iota
	inPreamble
	inLeaf
	inEpilogue
)

// maxPart bounds what is kept of a line and of a part's header.
const maxPart = 64 << 10

// NewTextDigester returns a digester for one message.
func NewTextDigester() *TextDigester {
	return &TextDigester{all: sha256.New()}
}

// Write takes the next octets; it never fails.
func (d *TextDigester) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			d.line = append(d.line, rest...)
			if len(d.line) > maxPart {
				d.take(d.line)
				d.line, d.begun = d.line[:0], true
			}
			break
		}
		line := rest[:i+1]
		if len(d.line) > 0 {
			d.line = append(d.line, line...)
			line = d.line
		}
		d.take(line)
		d.line, d.begun = d.line[:0], false
		rest = rest[i+1:]
	}
	return len(p), nil
}

// Digest is the text's digest; call it once, after the last Write.
func (d *TextDigester) Digest() Digest {
	d.take(d.line)
	d.endLeaf()
	return Digest(d.all.Sum(nil))
}

// take looks at a line, or at a piece of a very long one.
func (d *TextDigester) take(line []byte) {
	if !d.begun && d.delimiter(line) {
		return
	}
	switch d.state {
	case inHeader:
		d.takeHeader(line)
	case inPreamble, inLeaf:
		d.leaf.take(line)
	}
}

// delimiter reports whether a line begins or ends a part (RFC 2046 §5.1.1), of the innermost multipart or of one around it.
func (d *TextDigester) delimiter(line []byte) bool {
	if len(d.boundaries) == 0 || !bytes.HasPrefix(line, []byte("--")) {
		return false
	}
	text := string(bytes.TrimRight(line[2:], " \t\r\n"))
	for i := len(d.boundaries) - 1; i >= 0; i-- {
		boundary := d.boundaries[i]
		last := text == boundary+"--"
		if text != boundary && !last {
			continue
		}
		if d.state == inPreamble && i == len(d.boundaries)-1 {
			d.leaf = leaf{} // for programs that know no MIME
		}
		d.endLeaf()
		d.header, d.state, d.boundaries = d.header[:0], inHeader, d.boundaries[:i+1]
		if last {
			d.state, d.boundaries = inEpilogue, d.boundaries[:i]
		}
		return true
	}
	return false
}

func (d *TextDigester) takeHeader(line []byte) {
	if len(bytes.TrimRight(line, "\r\n")) > 0 {
		d.header = append(d.header, line[:min(len(line), max(0, maxPart-len(d.header)))]...)
		return
	}
	fields := fieldsOf(d.header, "content-type", "content-transfer-encoding")
	kind, params, err := mime.ParseMediaType(fields["content-type"])
	d.state = inLeaf
	d.leaf = leaf{hash: sha256.New()}
	switch {
	case err == nil && strings.HasPrefix(kind, "multipart/") && params["boundary"] != "":
		d.state, d.boundaries = inPreamble, append(d.boundaries, params["boundary"])
	case !strings.HasPrefix(kind, "multipart/"):
		d.leaf.encoding = strings.ToLower(fields["content-transfer-encoding"])
	}
}

// endLeaf adds a leaf to the whole; an empty one is none.
func (d *TextDigester) endLeaf() {
	if d.leaf.hash == nil {
		return
	}
	d.leaf.flush()
	if d.leaf.some {
		d.all.Write(d.leaf.hash.Sum(nil))
	}
	d.leaf = leaf{}
}

// leaf is a part without parts of its own.
type leaf struct {
	hash     hash.Hash
	encoding string
	some     bool
	pending  []byte // base64 that does not yet make whole octets; quoted-printable that does not yet make one
}

func (l *leaf) take(line []byte) {
	switch l.encoding {
	case "base64":
		l.takeBase64(line)
	case "quoted-printable":
		l.takeQuoted(line)
	default:
		l.add(line)
	}
}

// add hashes all octets but white space.
func (l *leaf) add(p []byte) {
	for len(p) > 0 {
		n := bytes.IndexAny(p, " \t\r\n\f\v")
		if n < 0 {
			n = len(p)
		}
		if n > 0 {
			l.some = true
			l.hash.Write(p[:n])
		}
		p = p[min(len(p), n+1):]
	}
}

// takeBase64 decodes as much as makes whole octets. What is no base64 is taken as it stands, from there on.
func (l *leaf) takeBase64(line []byte) {
	for _, c := range line {
		if !isSpace(c) {
			l.pending = append(l.pending, c)
		}
	}
	n := len(l.pending) / 4 * 4
	plain := make([]byte, base64.StdEncoding.DecodedLen(n))
	decoded, err := base64.StdEncoding.Decode(plain, l.pending[:n])
	if err != nil {
		l.encoding = ""
		l.flush()
		return
	}
	l.add(plain[:decoded])
	l.pending = append(l.pending[:0], l.pending[n:]...)
}

// takeQuoted decodes quoted-printable (RFC 2045 §6.7); an equals sign that is none of its own stays.
func (l *leaf) takeQuoted(line []byte) {
	if len(l.pending) > 0 {
		line = append(l.pending, line...)
		l.pending = nil
	}
	for {
		i := bytes.IndexByte(line, '=')
		if i < 0 {
			l.add(line)
			return
		}
		l.add(line[:i])
		line = line[i:]
		switch rest := bytes.TrimLeft(line[1:], " \t\r"); {
		case len(line) < 3 && len(rest) == 0:
			l.pending = bytes.Clone(line) // a piece of a long line ends here
			return
		case len(rest) > 0 && rest[0] == '\n':
			return // a soft line break
		case len(line) >= 3 && isHex(line[1]) && isHex(line[2]):
			l.add([]byte{unhex(line[1])<<4 | unhex(line[2])})
			line = line[3:]
		default:
			l.add(line[:1])
			line = line[1:]
		}
	}
}

// flush takes what is left over as it stands.
func (l *leaf) flush() {
	l.add(l.pending)
	l.pending = nil
}

func isSpace(c byte) bool { return bytes.IndexByte([]byte(" \t\r\n\f\v"), c) >= 0 }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
