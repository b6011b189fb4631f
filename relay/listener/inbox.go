package listener

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	firstBuffer   = 64       // per connection, until the client has spoken
	commandBuffer = 4 << 10  // per connection that has spoken; more than maxCommandLine
	bodyBuffer    = 64 << 10 // borrowed while a body is read
)

var (
	commandBuffers = sync.Pool{New: func() any { return new([commandBuffer]byte) }}
	bodyBuffers    = sync.Pool{New: func() any { return new([bodyBuffer]byte) }}
)

// inbox holds what came from the network and was not used yet: buf[r:w].
type inbox struct {
	buf      []byte // octets of first, small or borrowed
	r, w     int
	first    [firstBuffer]byte
	small    *[commandBuffer]byte // nil, or a pooled one
	borrowed *[bodyBuffer]byte    // nil, or a pooled one

	asked     time.Time // when the client was last waited for
	lineUntil time.Time // when the command line that it is waited for has to be whole; zero between lines
}

// settle changes to the buffer that commands need.
func (b *inbox) settle() {
	b.small = commandBuffers.Get().(*[commandBuffer]byte)
	b.w = copy(b.small[:], b.buf[b.r:b.w])
	b.r, b.buf = 0, b.small[:]
}

// giveBack is for the end.
func (b *inbox) giveBack() {
	if b.small != nil {
		commandBuffers.Put(b.small)
		b.small, b.buf = nil, b.first[:]
	}
}

// grow changes to a large buffer for a body.
func (b *inbox) grow() {
	if b.borrowed != nil {
		return
	}
	b.borrowed = bodyBuffers.Get().(*[bodyBuffer]byte)
	b.w = copy(b.borrowed[:], b.buf[b.r:b.w])
	b.r, b.buf = 0, b.borrowed[:]
}

// shrink gives the large buffer back, unless the client has sent so much ahead that it is still needed.
func (b *inbox) shrink() {
	if b.borrowed == nil || b.w-b.r > commandBuffer {
		return
	}
	b.w = copy(b.small[:], b.buf[b.r:b.w])
	b.r, b.buf = 0, b.small[:]
	bodyBuffers.Put(b.borrowed)
	b.borrowed = nil
}

// dropInput forgets what came and will not be used.
func (b *inbox) dropInput() {
	b.r, b.w = 0, 0
	b.shrink()
}

// fill waits for more octets from the network, after what is there.
func (c *conn) fill() error {
	if c.r > 0 {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	n, err := c.receive(c.buf[c.w:])
	c.w += n
	return err
}

// receive is the one place where octets come from the network. Replies that wait are sent first. A failure ends the session, so that nothing
// sent after it is ever read as a command.
func (c *conn) receive(p []byte) (int, error) { return c.receiveUntil(p, time.Time{}) }

// receiveUntil waits no longer than until then, unless that is zero: that nothing came is no failure yet.
func (c *conn) receiveUntil(p []byte, then time.Time) (int, error) {
	c.tarry()
	if c.flush(); c.dead.Load() {
		return 0, net.ErrClosed
	}
	n, err, interrupted := c.readNet(p, then)
	if n > 0 {
		if c.tooSlow(n) {
			return 0, net.ErrClosed
		}
		return n, nil
	}
	inMessage := c.mode != modeCommand
	switch {
	case !then.IsZero() && !interrupted && errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(c.patience()):
		return 0, nil
	case interrupted:
		c.interrupted()
	case errors.Is(err, os.ErrDeadlineExceeded) && inMessage:
		c.die(EndStalled, &Refusal{Code: 421, Enhanced: [3]int{4, 4, 2}, Text: "Waited too long for the rest of the message"})
	case errors.Is(err, os.ErrDeadlineExceeded) && c.overstayed():
		c.die(EndLong, &Refusal{Code: 421, Enhanced: [3]int{4, 4, 2}, Text: c.cfg.Hostname + " ends sessions as long as this one, connect again"})
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.die(EndIdle, &Refusal{Code: 421, Enhanced: [3]int{4, 4, 2}, Text: c.cfg.Hostname + " waited too long for a command"})
	case inMessage:
		c.die(EndCut, &Refusal{Code: 421, Enhanced: [3]int{4, 4, 2}, Text: refuseCut.Text})
	case errors.Is(err, io.EOF):
		c.die(EndHangUp, nil)
	default:
		c.die(EndReset, nil)
	}
	return 0, net.ErrClosed
}

// readNet reads at least one octet or fails.
func (c *conn) readNet(p []byte, then time.Time) (n int, err error, interrupted bool) {
	for n == 0 && err == nil {
		until := c.patience()
		if !then.IsZero() && then.Before(until) {
			until = then
		}
		if err := c.arm(c.mode == modeCommand && !c.txn.open, c.mode == modeCommand, until); err != nil {
			return 0, err, errors.Is(err, errShutdown)
		}
		n, err = c.nc.Read(p)
		interrupted = c.disarm()
	}
	return n, err, interrupted
}

// patience is until when the client is waited for. A command line has to be whole by then, however many octets of it come; a transaction and a session
// have their time as well.
func (c *conn) patience() time.Time {
	c.asked = time.Now()
	until, end := c.asked.Add(c.cfg.DataTimeout), c.deadline
	if c.mode == modeCommand {
		if c.lineUntil.IsZero() {
			c.lineUntil = c.asked.Add(c.cfg.CommandTimeout)
		}
		until = c.lineUntil
		if !c.txn.open {
			end = c.endOfStay()
		}
	}
	if until.After(end) {
		return end
	}
	return until
}

// endOfStay is when a session without an open transaction ends.
func (c *conn) endOfStay() time.Time {
	if c.trusted {
		return c.lineUntil
	}
	return c.info.Connected.Add(c.cfg.SessionTimeout)
}

func (c *conn) overstayed() bool {
	return !c.trusted && !c.txn.open && time.Since(c.info.Connected) >= c.cfg.SessionTimeout
}

func (c *conn) shutdownRefusal() *Refusal {
	return &Refusal{Code: 421, Enhanced: [3]int{4, 3, 2}, Text: c.cfg.Hostname + " is shutting down, try again later"}
}

// readLine returns the next command line without its CRLF, valid until the next fill. Lines that no honest client sends end the session.
func (c *conn) readLine() ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(c.buf[c.r+seen:c.w], '\n'); i >= 0 && seen+i < maxCommandLine {
			line := c.buf[c.r : c.r+seen+i+1]
			c.r += len(line)
			c.lineUntil = time.Time{}
			return c.honest(line)
		}
		if seen = c.w - c.r; seen >= maxCommandLine {
			c.abuse(LongLine, &Refusal{Code: 500, Enhanced: [3]int{5, 5, 2}, Text: "Command line is too long"})
			return nil, net.ErrClosed
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}

func (c *conn) honest(line []byte) ([]byte, error) {
	body, err := checkLine(line)
	switch err {
	case nil:
		return body, nil
	case errBareLineEnd:
		c.abuse(BareLineEnd, &Refusal{Code: 521, Enhanced: [3]int{5, 5, 2}, Text: "Bare CR or LF in a command"})
	default:
		c.abuse(BadOctets, &Refusal{Code: 521, Enhanced: [3]int{5, 5, 2}, Text: "Control character in a command"})
	}
	return nil, net.ErrClosed
}

// readChunk passes octets of a BDAT chunk to go-smtp, never one beyond it. An early end is an error, not io.EOF: go-smtp would take the
// chunk for whole.
func (c *conn) readChunk(p []byte) (int, error) {
	p = p[:min(int64(len(p)), c.chunk)]
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	if n == 0 {
		var err error
		if n, err = c.receive(p); err != nil {
			return 0, err
		}
	}
	if c.chunk -= int64(n); c.chunk == 0 {
		c.mode = modeCommand
	}
	return n, nil
}

// skipChunk passes over the octets of a chunk that was refused, if there is one.
func (c *conn) skipChunk() error {
	var scratch [512]byte
	for c.mode == modeChunk {
		if _, err := c.readChunk(scratch[:]); err != nil {
			return err
		}
	}
	return nil
}

// copyBody reads a body after 354, writes it to dst with dots unstuffed, and leaves the final dot for go-smtp. It returns an error only if the
// body did not arrive whole; dst must take everything.
func (c *conn) copyBody(dst io.Writer) error {
	c.grow()
	defer c.shrink()
	var u unstuffer
	for {
		body, consumed, done := u.next(c.buf[c.r:c.w])
		if len(body) > 0 {
			if _, err := dst.Write(body); err != nil {
				return err
			}
		}
		c.r += consumed
		if done {
			c.mode, c.canon = modeCommand, []byte(".\r\n")
			return nil
		}
		if consumed == 0 {
			if err := c.fill(); err != nil {
				return err
			}
		}
	}
}
