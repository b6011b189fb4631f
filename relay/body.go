package relay

import (
	"bytes"
	"io"
)

// prefixed reads the prefix, then the body, and closes the body.
func prefixed(prefix []byte, body io.ReadCloser) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(prefix), body), body}
}
