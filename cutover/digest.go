package cutover

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// BodyDigester computes a message's Digest and identity header from its octets as they pass by; it is an io.Writer for the whole message. Memory is
// bounded by maxHeader. Not safe for concurrent use.
type BodyDigester struct {
	hash   hash.Hash
	rest   hash.Hash // of what Octets tells apart and hash does not: the header, and where the body's ends of line are not CRLF; nil where nobody asks
	at     int64     // octets of the body that were taken
	header []byte
	begun  bool // the current header line has octets, CRs not counted
	inBody bool // past the empty line
	lastCR bool
	headCR bool // likewise, in the header
	bare   bool
	size   int64
}

// maxHeader bounds what is kept of a header for its identity; the fields of identity beyond it do not count.
const maxHeader = 256 << 10

// NewBodyDigester returns a digester for one message.
func NewBodyDigester() *BodyDigester { return &BodyDigester{hash: sha256.New()} }

// NewOctetDigester returns a digester for one message that can tell Octets.
func NewOctetDigester() *BodyDigester { return &BodyDigester{hash: sha256.New(), rest: sha256.New()} }

// Write takes the next octets; it never fails.
func (d *BodyDigester) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	rest := p
	if !d.inBody {
		rest = d.takeHeader(p)
		header := p[:len(p)-len(rest)]
		d.lookAt(header)
		if d.rest != nil {
			d.rest.Write(header)
		}
	}
	if len(rest) > 0 {
		d.takeBody(rest)
	}
	return len(p), nil
}

// takeHeader consumes octets up to and including the empty line and returns what follows it.
func (d *BodyDigester) takeHeader(p []byte) []byte {
	for i := 0; ; {
		lf := bytes.IndexByte(p[i:], '\n')
		if lf < 0 {
			d.begun = d.begun || !onlyCRs(p[i:])
			d.keep(p)
			return nil
		}
		empty := !d.begun && onlyCRs(p[i:i+lf])
		i += lf + 1
		if d.begun = false; empty {
			d.keep(p[:i])
			d.inBody = true
			return p[i:]
		}
	}
}

// lookAt finds line ends of a header that are not CRLF.
func (d *BodyDigester) lookAt(p []byte) {
	for len(p) > 0 && !d.bare {
		if d.headCR {
			d.bare, d.headCR, p = p[0] != '\n', false, p[1:]
			continue
		}
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		switch cr := bytes.IndexByte(line, '\r'); {
		case cr < 0:
			d.bare = ended
		case cr < len(line)-1:
			d.bare = true
		default:
			d.headCR = !ended
		}
		p = rest
	}
}

func onlyCRs(p []byte) bool { return len(bytes.TrimLeft(p, "\r")) == 0 }

func (d *BodyDigester) keep(p []byte) {
	if room := maxHeader - len(d.header); room > 0 {
		d.header = append(d.header, p[:min(room, len(p))]...)
	}
}

// takeBody hashes with every lone LF and lone CR turned into CRLF. Nearly all bodies hold neither: runs of whole lines are hashed as they are.
func (d *BodyDigester) takeBody(p []byte) {
	for len(p) > 0 {
		if !d.lastCR {
			n := wholeLines(p[:min(len(p), stride)])
			d.hash.Write(p[:n])
			d.at += int64(n)
			p = p[n:]
		}
		end := bytes.IndexByte(p, '\n') + 1
		if end == 0 {
			end = len(p)
		}
		d.takeLine(p[:end])
		p = p[end:]
	}
}

// stride is how much is looked at and then hashed: it stays in the nearest cache between.
const stride = 16 << 10

// wholeLines is how many octets of p are lines that end in CRLF and hold no other CR.
func wholeLines(p []byte) (n int) {
	for {
		lf := bytes.IndexByte(p[n:], '\n')
		if lf < 1 || bytes.IndexByte(p[n:n+lf], '\r') != lf-1 {
			return n
		}
		n += lf + 1
	}
}

// takeLine looks at every octet.
func (d *BodyDigester) takeLine(p []byte) {
	start := 0
	for i, c := range p {
		switch {
		case c == '\n' && !d.lastCR:
			d.hash.Write(p[start:i])
			d.hash.Write([]byte("\r\n"))
			d.mark(c, d.at+int64(i))
			start = i + 1
		case c != '\n' && d.lastCR:
			d.hash.Write(p[start:i])
			d.hash.Write([]byte("\n"))
			d.mark('\r', d.at+int64(i)-1)
			start = i
		}
		d.lastCR = c == '\r'
	}
	d.hash.Write(p[start:])
	d.at += int64(len(p))
}

// mark notes an octet of the body that is a lone CR or LF, and where it stands.
func (d *BodyDigester) mark(octet byte, at int64) {
	d.bare = true
	if d.rest != nil {
		d.rest.Write(binary.BigEndian.AppendUint64([]byte{octet}, uint64(at)))
	}
}

// Size is the number of octets written.
func (d *BodyDigester) Size() int64 { return d.size }

// Bare reports whether the message holds a CR or LF that is not part of a CRLF; call it after the last Write.
func (d *BodyDigester) Bare() bool { return d.bare || d.lastCR || d.headCR }

// Digest is the body's digest; call it after the last Write.
func (d *BodyDigester) Digest() Digest {
	if d.lastCR {
		d.hash.Write([]byte("\n"))
		d.mark('\r', d.at-1)
		d.lastCR = false
	}
	return Digest(d.hash.Sum(nil))
}

// Octets is the same for messages that are the same octet by octet, and for no others: SHA-256 of the header, of each lone CR and LF of the body with its place, and of the body's digest. It is not the message's
// own SHA-256, for which all would have to be hashed a second time. Call it once, after the last Write, of a digester by NewOctetDigester.
func (d *BodyDigester) Octets() Digest {
	body := d.Digest()
	d.rest.Write(body[:])
	return Digest(d.rest.Sum(nil))
}

// Identity is the identity of the header that passed by.
func (d *BodyDigester) Identity() Identity { return IdentityOf(d.header) }

// Header is the header that passed by, empty line included, at most 256 KiB of it. It is valid until the next Write.
func (d *BodyDigester) Header() []byte { return d.header }
