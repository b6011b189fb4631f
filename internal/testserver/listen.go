package testserver

import (
	"fmt"
	"net"
	"sync"
)

// listener accepts connections and remembers those that are open, so that they can be cut and waited for. Each part of the package
// embeds one. The zero value is ready.
type listener struct {
	mu    sync.Mutex
	ln    net.Listener
	addr  string // where it listens, or listened before Stop
	conns map[*trackedConn]struct{}
	done  sync.WaitGroup // the accept loop and every connection
}

// trackedConn counts as open until its owner closes it; cut closes only the network beneath.
type trackedConn struct {
	net.Conn
	l    *listener
	once sync.Once
}

func (c *trackedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.l.mu.Lock()
		delete(c.l.conns, c)
		c.l.mu.Unlock()
		c.l.done.Done()
	})
	return err
}

// start listens on addr, or where it listened before, and calls serve with each connection in a goroutine of its own.
// serve owns the connection and must close it.
func (l *listener) start(addr string, serve func(net.Conn)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln != nil {
		return fmt.Errorf("already listening on %s", l.addr)
	}
	if l.addr != "" {
		addr = l.addr
	}
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	l.ln, l.addr = ln, ln.Addr().String()
	if l.conns == nil {
		l.conns = make(map[*trackedConn]struct{})
	}
	l.done.Add(1)
	go l.accept(ln, serve)
	return nil
}

func (l *listener) accept(ln net.Listener, serve func(net.Conn)) {
	defer l.done.Done()
	for {
		conn, err := ln.Accept()
		if err != nil {
			return // only closing ends a loopback listener
		}
		if c := l.track(ln, conn); c != nil {
			go serve(c)
		}
	}
}

// track registers a fresh connection, unless the listener was stopped since it was accepted.
func (l *listener) track(ln net.Listener, conn net.Conn) *trackedConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ln != ln {
		_ = conn.Close()
		return nil
	}
	c := &trackedConn{Conn: conn, l: l}
	l.conns[c] = struct{}{}
	l.done.Add(1)
	return c
}

// Addr returns the address in the form host:port. It is empty before the first Start and stays valid after Stop.
func (l *listener) Addr() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addr
}

// Open returns the number of open connections.
func (l *listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// CutAll breaks every open connection without a word; new ones are still accepted.
func (l *listener) CutAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cutLocked()
}

func (l *listener) cutLocked() {
	for c := range l.conns {
		_ = c.Conn.Close() // its owner notices, and takes it off the list
	}
}

// stop closes the listener and all connections and waits for their owners.
func (l *listener) stop() {
	l.mu.Lock()
	if l.ln != nil {
		_ = l.ln.Close()
		l.ln = nil
	}
	l.cutLocked()
	l.mu.Unlock()
	l.done.Wait()
}
