package delivery

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// loop is a server on loopback whose sessions are Go functions, for what only
// a real socket does.
type loop struct {
	t     *testing.T
	l     net.Listener
	conns chan *loopConn
}

type loopConn struct {
	*net.TCPConn
	t *testing.T
	r *bufio.Reader
}

func startLoop(t *testing.T) *loop {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &loop{t: t, l: l, conns: make(chan *loopConn, 8)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.conns <- &loopConn{c.(*net.TCPConn), t, bufio.NewReader(c)}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return p
}

func (p *loop) accept() *loopConn {
	p.t.Helper()
	select {
	case c := <-p.conns:
		c.SetDeadline(time.Now().Add(20 * time.Second))
		p.t.Cleanup(func() { c.Close() })
		return c
	case <-time.After(20 * time.Second):
		p.t.Fatal("no connection")
		return nil
	}
}

func (c *loopConn) say(s string) { io.WriteString(c, s) }

// hear reads until a line that begins with prefix.
func (c *loopConn) hear(prefix string) {
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Errorf("waiting for %s: %v", prefix, err)
			return
		}
		if strings.HasPrefix(line, prefix) {
			return
		}
	}
}

func (c *loopConn) hello(ext string) {
	c.say("220 mx\r\n")
	c.hear("EHLO")
	c.say("250-mx\r\n" + ext + "250 PIPELINING\r\n")
}

func (c *loopConn) takeBDAT() {
	c.hear("BDAT")
	io.CopyN(io.Discard, c.r, int64(len(smallBody)))
	c.say("250 ok\r\n250 ok\r\n250 2.0.0 queued\r\n")
}

type sent struct {
	outs []Outcome
	err  error
}

func sendLater(c *Client, ctx context.Context) <-chan sent {
	done := make(chan sent, 1)
	go func() {
		outs, err := c.Send(ctx, oneRecipient, newBody(smallBody))
		done <- sent{outs, err}
	}()
	return done
}

// A next hop that hung up or said 421 while the connection was idle is noticed
// before anything is sent: the message is never in doubt because of that.
func TestIdleEndIsNoticed(t *testing.T) {
	for name, end := range map[string]func(*loopConn){
		"closed": func(c *loopConn) { c.Close() },
		"reset":  func(c *loopConn) { c.SetLinger(0); c.Close() },
		"421":    func(c *loopConn) { c.say("421 4.4.2 idle\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			p := startLoop(t)
			c := clientFor(t, p.l.Addr().String(), nil)
			first := sendLater(c, t.Context())
			s := p.accept()
			s.hello("250-CHUNKING\r\n")
			s.takeBDAT()
			r := <-first
			accepted(t, r.outs, r.err)

			end(s)
			arrived(t, c)
			second := sendLater(c, t.Context())
			s = p.accept()
			s.hello("250-CHUNKING\r\n")
			s.takeBDAT()
			r = <-second
			accepted(t, r.outs, r.err)
			s.Close()
		})
	}
}

// arrived waits until the kernel has what the server did.
func arrived(t *testing.T, c *Client) {
	c.pool.mu.Lock()
	idle := c.pool.idle[0]
	c.pool.mu.Unlock()
	for deadline := time.Now().Add(10 * time.Second); idle.quiet(); {
		if time.Now().After(deadline) {
			t.Fatal("nothing arrived")
		}
	}
}

func TestResetBeforeFinalReplyIsDoubt(t *testing.T) {
	p := startLoop(t)
	c := clientFor(t, p.l.Addr().String(), nil)
	done := sendLater(c, t.Context())
	s := p.accept()
	s.hello("250-CHUNKING\r\n")
	s.hear("BDAT")
	s.SetLinger(0)
	s.Close()
	if r := <-done; r.outs[0].Kind != InDoubt || r.err == nil {
		t.Errorf("%s, %v", r.outs[0].Kind, r.err)
	}
}

// A next hop that refuses a large message in the middle and hangs up is heard
// although our write fails.
func TestRefusalInTheMiddleOfDataIsHeard(t *testing.T) {
	p := startLoop(t)
	c := clientFor(t, p.l.Addr().String(), nil)
	done := make(chan sent, 1)
	go func() {
		outs, err := c.Send(t.Context(), oneRecipient, newBody(strings.Repeat("0123456789\r\n", 4_000_000)))
		done <- sent{outs, err}
	}()
	s := p.accept()
	s.hello("")
	s.hear("DATA")
	s.say("250 ok\r\n250 ok\r\n354 go\r\n")
	s.hear("0123")
	s.say("552 5.3.4 message too big\r\n")
	s.CloseWrite()
	s.SetLinger(0)
	s.Close()
	r := <-done
	if o := r.outs[0]; o.Kind != RefusedPermanent || o.Reply.Enhanced != "5.3.4" || r.err != nil {
		t.Errorf("%s, %s, %v", o.Kind, o.Reply, r.err)
	}
}

func TestWaitingForAConnection(t *testing.T) {
	p := startLoop(t)
	c := clientFor(t, p.l.Addr().String(), func(d *Destination) { d.MaxConnections = 1 })
	first := sendLater(c, t.Context())
	s := p.accept()
	s.hello("250-CHUNKING\r\n")
	s.hear("BDAT")

	ctx, cancel := context.WithCancelCause(t.Context())
	second := sendLater(c, ctx)
	why := errors.New("the courier has other plans")
	cancel(why)
	if r := <-second; r.outs[0].Kind != Unsent || !errors.Is(r.err, why) {
		t.Errorf("%s, %v", r.outs[0].Kind, r.err)
	}

	third := sendLater(c, t.Context())
	io.CopyN(io.Discard, s.r, int64(len(smallBody)))
	s.say("250 ok\r\n250 ok\r\n250 queued\r\n")
	r := <-first
	accepted(t, r.outs, r.err)
	s.takeBDAT() // the third comes on the same connection
	r = <-third
	accepted(t, r.outs, r.err)
	s.Close()
}

func TestStopWaitsForSessionsInUse(t *testing.T) {
	p := startLoop(t)
	c := clientFor(t, p.l.Addr().String(), nil)
	busy := sendLater(c, t.Context())
	s := p.accept()
	s.hello("250-CHUNKING\r\n")
	s.hear("BDAT")
	stopped := make(chan error, 1)
	go func() { stopped <- c.Stop(t.Context()) }()
	<-c.pool.stop
	if r := <-sendLater(c, t.Context()); !errors.Is(r.err, ErrStopped) || r.outs[0].Kind != Unsent {
		t.Errorf("after Stop: %v", r.err)
	}
	io.CopyN(io.Discard, s.r, int64(len(smallBody)))
	s.say("250 ok\r\n250 ok\r\n250 queued\r\n")
	r := <-busy
	accepted(t, r.outs, r.err)
	s.hear("QUIT")
	s.say("221 bye\r\n")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

func TestStopCutsOffWhenPatienceEnds(t *testing.T) {
	p := startLoop(t)
	c, err := New(Config{Hello: "gate.old.example", Destination: Destination{Address: p.l.Addr().String(), TLS: TLS{Mode: Plaintext}}})
	if err != nil {
		t.Fatal(err)
	}
	busy := sendLater(c, t.Context())
	s := p.accept()
	s.hello("250-CHUNKING\r\n")
	s.hear("BDAT")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Stop: %v", err)
	}
	if r := <-busy; r.outs[0].Kind != InDoubt || !errors.Is(r.err, ErrStopped) {
		t.Errorf("%s, %v", r.outs[0].Kind, r.err)
	}
}

func TestCannotConnect(t *testing.T) {
	p := startLoop(t)
	p.l.Close()
	c := clientFor(t, p.l.Addr().String(), nil)
	outs, err := c.Send(t.Context(), oneRecipient, newBody(smallBody))
	var s *SessionError
	if outs[0].Kind != Unsent || !errors.As(err, &s) || s.Stage != StageConnect {
		t.Errorf("%s, %v", outs[0].Kind, err)
	}
}
