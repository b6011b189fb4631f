package listener

import (
	"errors"
	"sync"
	"time"
)

// wait is what Stop, and who makes room for others, need to reach a connection from outside. All fields are guarded by mu.
type wait struct {
	mu      sync.Mutex
	idle    bool      // blocked in a Read between two transactions
	drained bool      // Stop was called
	cut     bool      // Stop waits no longer
	crowded bool      // others need the room
	silent  time.Time // since when a command is waited for; zero while none is
}

var errShutdown = errors.New("shutting down")

// arm sets the deadline of the next read from the network, by which a command is waited for, or something that we keep the client waiting for.
func (c *conn) arm(idle, command bool, deadline time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut || c.drained && idle || c.crowded && command {
		return errShutdown
	}
	c.idle = idle
	if command {
		c.silent = c.beganToWait()
	}
	return c.raw.SetReadDeadline(deadline)
}

// beganToWait is when the command that is waited for began to be: who sends it octet by octet is as silent as who sends none.
func (c *conn) beganToWait() time.Time {
	if c.lineUntil.IsZero() {
		return time.Now()
	}
	return c.lineUntil.Add(-c.cfg.CommandTimeout)
}

// disarm says whether the read that has just ended was interrupted by Stop, or to make room.
func (c *conn) disarm() (interrupted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	interrupted = c.cut || c.drained && c.idle || c.crowded && !c.silent.IsZero()
	c.idle, c.silent = false, time.Time{}
	return interrupted
}

// drain lets a transaction in flight end and sends everybody else away. Called by Stop's goroutine.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drained = true
	if c.idle {
		c.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// abort interrupts every read and leaves a moment for the last reply. Called by Stop's goroutine.
func (c *conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drained, c.cut = true, true
	c.raw.SetReadDeadline(time.Unix(1, 0))
	c.raw.SetWriteDeadline(time.Now().Add(lastTimeout))
}

// armWrite sets the deadline of the next write.
func (c *conn) armWrite() {
	c.mu.Lock()
	defer c.mu.Unlock()
	patience := c.cfg.WriteTimeout
	if c.cut || c.dead.Load() {
		patience = min(patience, lastTimeout)
	}
	c.raw.SetWriteDeadline(time.Now().Add(patience))
}

// leaving reports whether no new transaction may begin.
func (c *conn) leaving() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut || c.drained && !c.txn.open
}
