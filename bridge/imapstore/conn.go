package imapstore

import (
	"errors"
	"net"
	"strings"
	"sync"
	"time"
)

// conn is a connection whose read deadlines are patience, not appointments: each Read may take that long. go-imap sets one deadline for a whole literal,
// which a large message over a slow line, or a consumer that takes its time, would miss; and none at all while it waits for an answer to begin.
type conn struct {
	net.Conn
	// greeting is read before anything that comes from the network.
	greeting []byte
	// lines, if not nil, is how it is read from then on.
	lines *legible
	// commands: what is written are go-imap's commands and no bodies.
	commands bool

	// tail is the end of what was read last: the server's last words stand there when it hangs up.
	tail []byte

	mu      sync.Mutex
	broken  error         // the first of the network's, but for our closing it
	library time.Duration // go-imap's patience, 0 is none
	command time.Duration // ours, while a command is under way
}

// Read waits no longer than the patience allows.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.greeting) > 0 {
		n := copy(p, c.greeting)
		c.greeting = c.greeting[n:]
		return n, nil
	}
	if c.lines != nil {
		return c.lines.Read(p)
	}
	return c.receive(p)
}

// receive reads from the network.
func (c *conn) receive(p []byte) (int, error) {
	c.mu.Lock()
	c.apply()
	c.mu.Unlock()
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.tail = append(c.tail[:0], p[max(0, n-maxTail):n]...)
	}
	c.notice(err)
	return n, err
}

// notice remembers that the line broke.
func (c *conn) notice(err error) {
	if err == nil || errors.Is(err, net.ErrClosed) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.broken = err
	}
}

// whole reports whether the line had not broken by itself when it was closed.
func (c *conn) whole() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken == nil
}

const maxTail = 256

// network is the connection as the server sends it.
type network struct{ *conn }

func (n network) Read(p []byte) (int, error) { return n.receive(p) }

// lastWords is the text of a BYE among the last octets read, which go-imap does not tell. Call it when nobody reads any more.
func (c *conn) lastWords() string {
	for line := range strings.Lines(string(c.tail)) {
		if r := parseReply(strings.TrimSpace(line)); r.tag == "*" && r.kind == "BYE" {
			return strings.TrimSpace(strings.TrimPrefix(r.said(), "BYE"))
		}
	}
	return ""
}

// Write puts in the names that go-imap cannot send. It gives a command with a short name in one piece.
func (c *conn) Write(p []byte) (int, error) {
	if !c.commands {
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(putOddNames(p))
	c.notice(err)
	if err == nil {
		n = len(p)
	}
	return min(n, len(p)), err
}

// SetReadDeadline takes the distance of the deadline as the patience for each Read.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.library = 0
	if !t.IsZero() {
		c.library = max(time.Until(t), time.Millisecond)
	}
	return c.apply()
}

// expect sets our patience, also for a Read that is waiting already; 0 is for ever.
func (c *conn) expect(patience time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.command = patience
	_ = c.apply() // fails on a closed connection only, where it does not matter
}

func (c *conn) apply() error {
	patience := max(c.library, c.command)
	if patience == 0 {
		return c.Conn.SetReadDeadline(time.Time{})
	}
	return c.Conn.SetReadDeadline(time.Now().Add(patience))
}
