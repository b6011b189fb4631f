package relay

import (
	"bytes"
	"io"

	"posthouse/ledger"
)

// prefixed reads the prefix, then the body without what is cut out of it, and closes the body.
func prefixed(c ledger.Capture, body io.ReadCloser) io.ReadCloser {
	var r io.Reader = body
	if len(c.Cut) > 0 {
		r = &cutReader{r: body, cut: c.Cut}
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(c.Prefix), r), body}
}

// cutReader passes over parts of what it reads.
type cutReader struct {
	r   io.Reader
	at  int64
	cut []ledger.Range // those that are still to come, in order
}

func (c *cutReader) Read(b []byte) (int, error) {
	for len(c.cut) > 0 {
		if before := c.cut[0].From - c.at; before > 0 {
			b = b[:min(int64(len(b)), before)]
			break
		}
		n, err := io.CopyN(io.Discard, c.r, c.cut[0].To-c.at)
		if c.at += n; err != nil {
			return 0, err
		}
		c.cut = c.cut[1:]
	}
	n, err := c.r.Read(b)
	c.at += int64(n)
	return n, err
}

// leaving is how many octets of a capture's body go out.
func leaving(c ledger.Capture) int64 {
	size := c.Size
	for _, r := range c.Cut {
		size -= r.To - r.From
	}
	return size
}
