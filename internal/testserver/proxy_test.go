package testserver

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// echoServer sends back what it gets until the client half-closes.
func echoServer(t *testing.T) string {
	t.Helper()
	var l listener
	err := l.start("", func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		_, _ = io.Copy(conn, conn)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.stop)
	return l.Addr()
}

func startProxy(t *testing.T, faults ProxyFaults) *Proxy {
	t.Helper()
	p := NewProxy(echoServer(t))
	p.Set(faults)
	if err := p.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func dialTCP(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

// echo sends data through the proxy, half-closes, and returns what came back before the end.
func echo(t *testing.T, p *Proxy, data []byte) []byte {
	t.Helper()
	conn := dialTCP(t, p.Addr())
	go func() {
		_, _ = conn.Write(data)
		_ = conn.CloseWrite()
	}()
	got, _ := io.ReadAll(conn) // a cut connection may end with an error
	return got
}

func TestProxyPassesEverything(t *testing.T) {
	p := startProxy(t, ProxyFaults{})
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	if got := echo(t, p, data); !bytes.Equal(got, data) {
		t.Errorf("%d of %d octets came back", len(got), len(data))
	}
}

func TestProxyCutsAtTheOctet(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 100_000)
	for _, faults := range []ProxyFaults{{CutToServer: 4711}, {CutToClient: 4711}} {
		p := startProxy(t, faults)
		got := echo(t, p, data)
		if len(got) > 4711 || faults.CutToClient > 0 && len(got) != 4711 {
			t.Errorf("%+v: %d octets came back", faults, len(got))
		}
	}
}

func TestProxyDelayCostsNoThroughput(t *testing.T) {
	const delay = 20 * time.Millisecond
	p := startProxy(t, ProxyFaults{Delay: delay})
	data := bytes.Repeat([]byte("x"), 1<<20)
	begin := time.Now()
	got := echo(t, p, data)
	if took := time.Since(begin); took < 2*delay || !bytes.Equal(got, data) {
		t.Errorf("%d octets in %v", len(got), took)
	}
}

func TestProxyRefusesHoldsAndCuts(t *testing.T) {
	p := startProxy(t, ProxyFaults{Hold: true})
	held := dialTCP(t, p.Addr())
	if _, err := held.Write([]byte("swallowed")); err != nil {
		t.Fatal(err)
	}
	p.Set(ProxyFaults{Refuse: true})
	if got := echo(t, p, []byte("refused")); len(got) != 0 {
		t.Errorf("a refused connection answered %q", got)
	}
	p.Set(ProxyFaults{})
	open := dialTCP(t, p.Addr())
	buf := make([]byte, 2)
	if _, err := open.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(open, buf); err != nil {
		t.Fatal(err)
	}
	p.CutAll()
	for _, conn := range []net.Conn{held, open} {
		if n, err := conn.Read(buf); err == nil {
			t.Errorf("%q came over a cut connection", buf[:n])
		}
	}
	addr := p.Addr()
	p.Stop()
	if err := p.Start(""); err != nil || p.Addr() != addr {
		t.Fatal(p.Addr(), addr, err)
	}
	if got := echo(t, p, []byte("again")); string(got) != "again" {
		t.Errorf("after the restart: %q", got)
	}
}

func TestProxyToNowhereClosesTheClient(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	p := NewProxy(ln.Addr().String())
	if err := p.Start(""); err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if got := echo(t, p, []byte("x")); len(got) != 0 {
		t.Errorf("%q", got)
	}
}
