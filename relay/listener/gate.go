package listener

import (
	"context"
	"net"
)

// gate is the net.Listener that go-smtp accepts from. It wraps every connection, and turns away those beyond the limits.
type gate struct {
	net.Listener
	ctx context.Context
	cfg *Config
	reg *registry
}

// Accept returns the next connection that may stay.
func (g *gate) Accept() (net.Conn, error) {
	for {
		raw, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := newConn(g.ctx, g.cfg, g.reg, raw)
		what, ok := g.reg.add(c)
		if ok {
			return c, nil
		}
		g.turnAway(c, what)
	}
}

// turnAway says 421 and closes. It runs on the accepting goroutine: one line fits into the socket's buffer, and a stuck network is left
// after a second.
func (g *gate) turnAway(c *conn, what Abuse) {
	var err error
	defer c.Close()
	defer c.contain(&err)
	c.guest = true
	last := &Refusal{Code: 421, Enhanced: [3]int{4, 7, 0}, Text: g.cfg.Hostname + " has too many connections, try again later"}
	if what == "" {
		last = c.shutdownRefusal()
	}
	if g.cfg.ImplicitTLS {
		last = nil // the client expects a handshake and could not read it
	}
	if what == "" {
		c.die(EndShutdown, last)
	} else {
		c.die(string(what), last)
		g.cfg.Observer.Abused(c.info, what)
	}
}
