package listener

import (
	"errors"
	"net"
	"sync"
)

// lobby is where connections are until their client begins a transaction: it is found out who that is, the limits are kept, it is greeted and waited for. An
// idle connection costs little here. go-smtp, which holds buffers for each connection, takes the lobby for its net.Listener: it accepts those who have said MAIL.
type lobby struct {
	srv    *Server
	guests *tally
	spoken chan *conn
	closed chan struct{}
	once   sync.Once
}

func newLobby(s *Server) *lobby {
	return &lobby{srv: s, guests: newTally(), spoken: make(chan *conn), closed: make(chan struct{})}
}

// errLobbyClosed is not net.ErrClosed, which go-smtp takes for something that passes.
var errLobbyClosed = errors.New("the lobby is closed")

// Accept returns the next connection whose client begins a transaction.
func (l *lobby) Accept() (net.Conn, error) {
	select {
	case c := <-l.spoken:
		return c, nil
	case <-l.closed:
		return nil, errLobbyClosed
	}
}

// Close lets nobody more go on to go-smtp.
func (l *lobby) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is not asked for.
func (l *lobby) Addr() net.Addr { return nil }

// enter takes in a connection that was accepted, or turns it away at once. It does not block for longer than that takes: one line fits into the socket's
// buffer, and a stuck network is left after a second.
func (l *lobby) enter(raw net.Conn) {
	c := newConn(l.srv.ctx, &l.srv.cfg, l.srv.reg, raw)
	what, ok := l.srv.reg.add(c)
	if ok && !c.proxied {
		what, ok = l.srv.reg.count(c)
	}
	if !ok || !l.guests.enter() {
		c.turnAway(what)
		c.Close()
		return
	}
	go l.host(c)
}

func (l *lobby) host(c *conn) {
	defer l.guests.leave()
	if !c.meet() || c.converse() != nil {
		c.Close()
		return
	}
	select {
	case l.spoken <- c:
	case <-l.closed:
		c.turnAway("")
		c.Close()
	}
}

// meet finds out who the client is, greets it, and returns when it has spoken: true, unless the session has ended already.
func (c *conn) meet() bool {
	if err := c.begin(); err != nil {
		return false
	}
	return !c.dead.Load()
}

func (c *conn) begin() (err error) {
	defer c.contain(&err)
	if c.proxied && !c.identify() || c.talksEarly() {
		return net.ErrClosed
	}
	c.out = append(c.out, "220 "+c.cfg.Hostname+" ESMTP\r\n"...)
	if !c.local {
		c.cfg.Observer.Connected(c.info)
	}
	if c.cfg.ImplicitTLS {
		c.handshake()
	}
	if err := c.fill(); err != nil {
		return err
	}
	c.settle()
	return nil
}

// turnAway says 421: for an abuse of the limits, or "" when the server is leaving.
func (c *conn) turnAway(what Abuse) {
	var err error
	defer c.contain(&err)
	last := c.crowdRefusal()
	if what == "" {
		last = c.shutdownRefusal()
	}
	if c.cfg.ImplicitTLS && !c.secure {
		last = nil // the client expects a handshake and could not read it
	}
	if what == "" {
		c.die(EndShutdown, last)
		return
	}
	c.die(string(what), last)
	c.cfg.Observer.Abused(c.info, what)
}
