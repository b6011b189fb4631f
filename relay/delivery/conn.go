package delivery

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// conn is one session with the next hop. One goroutine uses it at a time; only
// abort may come from another.
type conn struct {
	dest *Destination
	host Host
	mode TLSMode
	name string   // by which we say EHLO
	whom string   // the client that it is for, where it is for one alone
	raw  net.Conn // what was dialed
	net  net.Conn // raw, or TLS over it
	r    *bufio.Reader
	tls  *tls.ConnectionState
	ext  extensions

	greeting Reply
	opened   time.Time
	idle     time.Time
	expiry   *time.Timer
	messages int
	clean    bool        // the session waits for MAIL
	dead     bool        // it cannot be used again
	inside   atomic.Bool // a message was begun and is not ended
	ahead    *ahead      // what the next hop was told of and waits for, nil if nothing
}

func newConn(dest *Destination, h Host, raw net.Conn) *conn {
	mode := dest.TLS.Mode
	if h.Demand.By != "" && mode != Implicit {
		mode = STARTTLS
	}
	return &conn{dest: dest, host: h, mode: mode, raw: raw, net: raw, r: bufio.NewReaderSize(raw, maxReplyLine), opened: time.Now()}
}

// write hands p to the kernel. n is how much of it was.
func (c *conn) write(p []byte) (n int, err error) {
	if err := c.net.SetWriteDeadline(time.Now().Add(c.dest.Timeouts.Block)); err != nil {
		return 0, err
	}
	return c.net.Write(p)
}

// lines reads one reply within timeout, however slowly its bytes drip.
func (c *conn) lines(timeout time.Duration) (code int, lines []string, err error) {
	if err := c.net.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return 0, nil, err
	}
	return readLines(c.r)
}

func (c *conn) reply(timeout time.Duration) (Reply, error) {
	code, lines, err := c.lines(timeout)
	if err != nil {
		return Reply{}, err
	}
	return newReply(code, lines), nil
}

// ask writes one command line and reads its reply.
func (c *conn) ask(timeout time.Duration, line string) (Reply, error) {
	if _, err := c.write([]byte(line + "\r\n")); err != nil {
		return Reply{}, err
	}
	return c.reply(timeout)
}

// cleartext reports whether no TLS protects the session.
func (c *conn) cleartext() bool { return c.tls == nil }

func (c *conn) pipelining() bool { return c.ext.has("PIPELINING") }

// thrownAway reports that the next hop has answered the first of the commands
// that came together, and none of the others in all the time that it had.
func (c *conn) thrownAway(heard int, err error) bool {
	return heard == 1 && c.pipelining() && errors.Is(err, os.ErrDeadlineExceeded)
}

// abort ends the connection at once. Inside a message there must be no goodbye
// that could pass for the end of it: TCP is reset, TLS is cut without
// close_notify. (A server was seen to take the end of a connection for the end
// of a chunk.)
func (c *conn) abort() {
	if t, ok := c.raw.(*net.TCPConn); ok && c.inside.Load() {
		t.SetLinger(0)
	}
	c.raw.Close()
}

// quit ends the session politely, within the Check timeout. One that waits for a message would take a goodbye for it.
func (c *conn) quit() {
	if c.ahead != nil {
		c.abort()
		return
	}
	deadline := time.Now().Add(c.dest.Timeouts.Check)
	if c.net.SetDeadline(deadline) == nil {
		if _, err := c.net.Write([]byte("QUIT\r\n")); err == nil {
			readLines(c.r)
		}
	}
	c.net.Close()
}

// reset clears the transaction: after a failed one, and to see whether an idle
// session still lives.
func (c *conn) reset(timeout time.Duration) error {
	r, err := c.ask(timeout, "RSET")
	switch {
	case err != nil:
		return err
	case !r.Positive():
		return errors.New("RSET: " + r.String())
	case c.r.Buffered() > 0:
		return errProtocol
	}
	c.clean = true
	return nil
}

// watch closes the connection when ctx ends; done ends the watch and reports
// whether the connection was left alone.
func (c *conn) watch(ctx context.Context) (done func() bool) {
	return context.AfterFunc(ctx, c.abort)
}

func (c *conn) failed(stage Stage, err error) error {
	return &SessionError{Destination: c.dest.Name, Stage: stage, Err: c.host.named(err)}
}

func (c *conn) refused(stage Stage, r Reply) error {
	e := &SessionError{Destination: c.dest.Name, Stage: stage, Reply: r}
	if c.host.Name != "" {
		e.Err = c.host.named(errRefused)
	}
	return e
}

func encode64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func decode64(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }
