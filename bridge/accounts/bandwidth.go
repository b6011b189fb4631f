package accounts

import (
	"context"
	"net"
	"sync"
	"time"

	"posthouse/internal/pace"
)

// bandwidth is what the connections to one server share: so many octets a second, both ways together.
type bandwidth struct {
	rate func() int64 // now; nil: there is no limit
	flow pace.Flow    // of real time
}

// Dial is a way to connect.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// over makes connections that keep to the bandwidth; without one they are as they were.
func (b *bandwidth) over(connect Dial) Dial {
	if b.rate == nil {
		return connect
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := connect(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &pacedConn{Conn: nc, of: b, closed: make(chan struct{})}, nil
	}
}

func (b *bandwidth) take(octets int) time.Duration {
	return b.flow.Take(time.Now(), octets, b.rate())
}

// pacedConn keeps to a bandwidth. The time that it waits by itself counts against no deadline.
type pacedConn struct {
	net.Conn
	of     *bandwidth
	once   sync.Once
	closed chan struct{}

	mu          sync.Mutex
	read, write time.Time // deadlines
}

// pieceSize is how much is read or written between two looks at the bandwidth.
const pieceSize = 16 << 10

func (c *pacedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), pieceSize)])
	if n > 0 {
		c.pause(c.of.take(n))
	}
	return n, err
}

func (c *pacedConn) Write(p []byte) (written int, err error) {
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), pieceSize)]
		c.pause(c.of.take(len(piece)))
		var n int
		n, err = c.Conn.Write(piece)
		written, p = written+n, p[n:]
	}
	return written, err
}

// pause waits, no longer than the connection lives, and puts the deadlines off.
func (c *pacedConn) pause(wait time.Duration) {
	if wait <= 0 {
		return
	}
	c.putOff(wait) // before: a Read under way must not end meanwhile
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.closed:
	}
}

func (c *pacedConn) putOff(wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.read.IsZero() {
		c.read = c.read.Add(wait)
		_ = c.Conn.SetReadDeadline(c.read) // fails on a closed connection only, where it does not matter
	}
	if !c.write.IsZero() {
		c.write = c.write.Add(wait)
		_ = c.Conn.SetWriteDeadline(c.write)
	}
}

func (c *pacedConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read, c.write = t, t
	return c.Conn.SetDeadline(t)
}

func (c *pacedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = t
	return c.Conn.SetReadDeadline(t)
}

func (c *pacedConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write = t
	return c.Conn.SetWriteDeadline(t)
}

func (c *pacedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
