package delivery

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/pires/go-proxyproto"
)

// guarded is a server behind the PROXY protocol, which refuses the sessions of one client.
type guarded struct {
	*peer

	mu      sync.Mutex
	clients []string // of each message
	hellos  []string
	refuse  string
}

func startGuarded(t *testing.T, refuse string) *guarded {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{peer: &peer{addr: l.Addr().String()}, refuse: refuse}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		client, _, _ := net.SplitHostPort(c.Conn().RemoteAddr().String())
		if client == g.refuse {
			return nil, &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "client host blocked"}
		}
		inner, err := g.session(c)
		return &guardedSession{inner.(*peerSession), g, client, c.Hostname()}, err
	}))
	s.Domain = "old.example"
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(&proxyproto.Listener{Listener: l, ConnPolicy: demand}) }()
	t.Cleanup(func() { s.Close(); <-served })
	return g
}

func demand(proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) { return proxyproto.REQUIRE, nil }

type guardedSession struct {
	*peerSession
	g             *guarded
	client, hello string
}

func (s *guardedSession) Data(r io.Reader) error {
	s.g.mu.Lock()
	s.g.clients, s.g.hellos = append(s.g.clients, s.client), append(s.g.hellos, s.hello)
	s.g.mu.Unlock()
	return s.peerSession.Data(r)
}

func from(addr, helo string) Envelope {
	e := oneRecipient
	e.Origin = &Origin{Addr: addr, Helo: helo}
	return e
}

// Each message comes in a session of its own client; the sessions of a client are used again, and there are never more than allowed.
func TestProxy(t *testing.T) {
	for _, version := range []ProxyVersion{ProxyV1, ProxyV2} {
		g := startGuarded(t, "")
		c := clientFor(t, g.addr, func(d *Destination) { d.Proxy, d.MaxConnections = version, 2 })
		var want, hellos []string
		for _, client := range []string{"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1", "2001:db8::7", "192.0.2.2", "192.0.2.1"} {
			outs, err := c.Send(t.Context(), from(client, "mx.sender.example"), newBody(smallBody))
			accepted(t, outs, err)
			want, hellos = append(want, client), append(hellos, "mx.sender.example")
		}
		if !slices.Equal(g.clients, want) || !slices.Equal(g.hellos, hellos) {
			t.Errorf("version %d: the clients were %v, want %v; %v", version, g.clients, want, g.hellos)
		}
		// 1, 1, 2, 1 on two; 7 in the place of 2; 2 in the place of 1; 1 in the place of 7. One more may be saying goodbye.
		if g.total != 5 || g.most > 3 {
			t.Errorf("version %d: %d sessions, %d at once", version, g.total, g.most)
		}
		for _, e := range []Envelope{oneRecipient, from("unknown", "x"), from("192.0.2.9", "a b\r\nRSET")} {
			outs, err := c.Send(t.Context(), e, newBody(smallBody))
			accepted(t, outs, err)
		}
		if got := g.clients[len(want):]; !slices.Equal(got, []string{"127.0.0.1", "127.0.0.1", "192.0.2.9"}) {
			t.Errorf("version %d: clients that nobody knows are %v", version, got)
		}
		if got := g.hellos[len(want):]; !slices.Equal(got, []string{"gate.old.example", "gate.old.example", "gate.old.example"}) {
			t.Errorf("version %d: they say %v", version, got)
		}
	}
}

// Two that call themselves differently share no session either.
func TestProxyHellos(t *testing.T) {
	g := startGuarded(t, "")
	c := clientFor(t, g.addr, func(d *Destination) { d.Proxy = ProxyV2 })
	for _, helo := range []string{"a.example", "b.example", "a.example"} {
		outs, err := c.Send(t.Context(), from("192.0.2.1", helo), newBody(smallBody))
		accepted(t, outs, err)
	}
	if !slices.Equal(g.hellos, []string{"a.example", "b.example", "a.example"}) || g.total != 2 {
		t.Errorf("%v in %d sessions", g.hellos, g.total)
	}
}

// A client that is refused costs no other anything: it is no trouble with the destination.
func TestProxyRefusesAClient(t *testing.T) {
	g := startGuarded(t, "192.0.2.1")
	c := clientFor(t, g.addr, func(d *Destination) { d.Proxy = ProxyV2 })
	outs, err := c.Send(t.Context(), from("192.0.2.1", "x.example"), newBody(smallBody))
	if err != nil || outs[0].Kind != RefusedPermanent || !outs[0].OfClient || outs[0].Reply.Code != 554 {
		t.Errorf("%+v, %v", outs[0], err)
	}
	outs, err = c.Send(t.Context(), from("192.0.2.2", "x.example"), newBody(smallBody))
	accepted(t, outs, err)

	c = clientFor(t, says(t, "421 4.7.0 too many connections\r\n"), func(d *Destination) { d.Proxy = ProxyV1 })
	if outs, err := c.Send(t.Context(), from("192.0.2.1", "x.example"), newBody(smallBody)); err != nil || outs[0].Kind != RefusedTemporary || !outs[0].OfClient {
		t.Errorf("%+v, %v", outs[0], err)
	}
	plain := clientFor(t, says(t, "421 4.7.0 too many connections\r\n"), nil)
	var s *SessionError
	if _, err := plain.Send(t.Context(), from("192.0.2.1", "x.example"), newBody(smallBody)); !errors.As(err, &s) {
		t.Errorf("without PROXY: %v", err)
	}
}

// The header comes before anything else: before TLS, and before the greeting was said.
func TestProxyHeaderComesFirst(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	first := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		line, _ := bufio.NewReader(c).ReadString('\n')
		first <- line
		c.Close()
	}()
	c := clientFor(t, l.Addr().String(), func(d *Destination) { d.Proxy, d.TLS = ProxyV1, TLS{Mode: Implicit} })
	c.Send(context.Background(), from("192.0.2.1", "x.example"), newBody(smallBody))
	if got := <-first; !strings.HasPrefix(got, "PROXY TCP4 192.0.2.1 127.0.0.1 0 ") || !strings.HasSuffix(got, "\r\n") {
		t.Errorf("%q", got)
	}
}
