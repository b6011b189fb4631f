package testserver

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// ProxyFaults is what goes wrong on the way. The zero value passes everything on.
type ProxyFaults struct {
	// CutToServer and CutToClient break a connection in both directions once that many octets have been passed on in the
	// one. 0 means never.
	CutToServer, CutToClient int64
	// Delay is added to each direction: half a round trip. Up to 2 MiB are under way at a time.
	Delay time.Duration
	// Refuse closes new connections at once.
	Refuse bool
	// Hold accepts and reads, but passes nothing on: a network that swallows packets.
	Hold bool
}

// Proxy stands between a client and a server, both TCP, and breaks what passes. All methods are safe for concurrent use.
type Proxy struct {
	listener
	target string

	faultsMu sync.Mutex
	faults   ProxyFaults
	quit     chan struct{}
}

// NewProxy prepares a proxy to target, host:port.
func NewProxy(target string) *Proxy { return &Proxy{target: target} }

// Set decides about the connections that begin from now on; CutAll ends the old ones.
func (p *Proxy) Set(f ProxyFaults) {
	p.faultsMu.Lock()
	defer p.faultsMu.Unlock()
	p.faults = f
}

// Start listens on addr; empty means a free port of 127.0.0.1.
func (p *Proxy) Start(addr string) error {
	p.faultsMu.Lock()
	p.quit = make(chan struct{})
	p.faultsMu.Unlock()
	if err := p.start(addr, p.serve); err != nil {
		return fmt.Errorf("starting a proxy to %s: %w", p.target, err)
	}
	return nil
}

// Stop ends all connections. Start listens on the same address again.
func (p *Proxy) Stop() {
	p.faultsMu.Lock()
	if p.quit != nil {
		close(p.quit)
		p.quit = nil
	}
	p.faultsMu.Unlock()
	p.stop()
}

func (p *Proxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	p.faultsMu.Lock()
	faults, quit := p.faults, p.quit
	p.faultsMu.Unlock()
	if faults.Refuse || quit == nil {
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	up := &pipe{limit: faults.CutToServer, faults: faults, quit: quit}
	down := &pipe{limit: faults.CutToClient, faults: faults, quit: quit}
	var both sync.WaitGroup
	both.Go(func() { up.run(server, client) })
	both.Go(func() { down.run(client, server) })
	both.Wait()
}

// pipe passes octets on in one direction. A reader stamps each piece with the time at which it is due, so that delay costs no throughput.
type pipe struct {
	limit  int64
	faults ProxyFaults
	quit   <-chan struct{}
}

type piece struct {
	due  time.Time
	data []byte
	end  error // why the source has ended
}

// run ends both connections when its own direction is cut.
func (p *pipe) run(to, from net.Conn) {
	queue := make(chan piece, 64)
	var reader sync.WaitGroup
	reader.Go(func() { p.read(queue, from) })
	if cut := p.write(to, queue); cut {
		_ = to.Close()
		_ = from.Close()
	}
	for range queue { // the reader may wait for room
	}
	reader.Wait()
}

func (p *pipe) read(queue chan<- piece, from net.Conn) {
	defer close(queue)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		due := time.Now().Add(p.faults.Delay)
		if n > 0 && !p.faults.Hold {
			queue <- piece{due: due, data: bytes.Clone(buf[:n])}
		}
		if err != nil {
			queue <- piece{due: due, end: err}
			return
		}
	}
}

func (p *pipe) write(to net.Conn, queue <-chan piece) (cut bool) {
	for next := range queue {
		p.wait(next.due)
		if next.end != nil {
			closeWrite(to, next.end)
			return false
		}
		if cut, err := p.pass(to, next.data); cut || err != nil {
			return true
		}
	}
	return false
}

func (p *pipe) pass(to net.Conn, data []byte) (cut bool, err error) {
	if p.limit == 0 {
		_, err = to.Write(data)
		return false, err
	}
	n := min(int64(len(data)), p.limit)
	_, err = to.Write(data[:n])
	p.limit -= n
	return p.limit == 0, err
}

func (p *pipe) wait(due time.Time) {
	left := time.Until(due)
	if p.faults.Delay <= 0 || left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.quit:
	}
}

// closeWrite passes an orderly end on as one, and anything else as a broken connection.
func closeWrite(conn net.Conn, why error) {
	inner := conn
	if t, ok := conn.(*trackedConn); ok {
		inner = t.Conn
	}
	if tcp, ok := inner.(*net.TCPConn); ok && why == io.EOF {
		_ = tcp.CloseWrite()
		return
	}
	_ = inner.Close()
}
