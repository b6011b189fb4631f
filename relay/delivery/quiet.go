package delivery

import (
	"errors"
	"os"
	"time"
)

// quiet reports that an idle session has nothing to read, not even its end: a
// next hop that closed it or said 421 is noticed before anything is sent, and a
// reply that nobody asked for is never taken for that to the next command.
func (c *conn) quiet() bool {
	return c.r.Buffered() == 0 && c.socketQuiet() && (c.cleartext() || c.unsealed())
}

// unsealed reports that TLS has nothing left of what it has read from the
// socket. With a deadline that has passed it gives out what it holds, and asks
// the socket for no more.
func (c *conn) unsealed() bool {
	if c.net.SetReadDeadline(time.Unix(1, 0)) != nil {
		return false
	}
	_, err := c.r.Peek(1)
	return errors.Is(err, os.ErrDeadlineExceeded)
}
