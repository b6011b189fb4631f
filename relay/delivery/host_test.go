package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

// found is a client of a destination whose hosts are found.
func found(t *testing.T, tls TLS, find func(context.Context) ([]Host, error)) *Client {
	t.Helper()
	c, err := New(Config{Hello: "gate.old.example", Find: find, Destination: Destination{Name: "cloud:smtp", Address: "mx:new.example", TLS: tls}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Stop(context.Background()) })
	return c
}

func hosts(all ...Host) func(context.Context) ([]Host, error) {
	return func(context.Context) ([]Host, error) { return all, nil }
}

func TestDemands(t *testing.T) {
	pki, other := testPKI(t), testPKI(t)
	secure := startPeer(t, func(s *smtp.Server) { s.TLSConfig = pki.server })
	plain := startPeer(t, nil)
	no := errors.New("its certificate matches no TLSA record")
	sts := Demand{By: "the MTA-STS policy of new.example"}
	dane := func(err error) Demand {
		return Demand{By: "DANE of mx.new.example", Verify: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errors.New("no certificate")
			}
			return err
		}}
	}
	encrypt := Demand{By: "DANE of mx.new.example", Unverified: true}
	trusted, opportunistic := TLS{Mode: Opportunistic, Roots: pki.roots}, TLS{Mode: Opportunistic, Roots: other.roots}
	for _, c := range []struct {
		name   string
		tls    TLS
		host   string
		demand Demand
		plain  bool
		want   string // empty: accepted
	}{
		{"opportunistic takes any", opportunistic, "mx.new.example", Demand{}, false, ""},
		{"opportunistic takes none", opportunistic, "mx.new.example", Demand{}, true, ""},
		{"MTA-STS, verified", trusted, "mx.new.example", sts, false, ""},
		{"MTA-STS, unknown issuer", opportunistic, "mx.new.example", sts, false, "the MTA-STS policy of new.example demands verified TLS: "},
		{"MTA-STS, another name", trusted, "mx2.new.example", sts, false, "not mx2.new.example"},
		{"MTA-STS, no TLS", trusted, "mx.new.example", sts, true, "the MTA-STS policy of new.example demands verified TLS: " + ErrTLSRequired.Error()},
		{"DANE fits", opportunistic, "mx.new.example", dane(nil), false, ""},
		{"DANE does not fit", trusted, "mx.new.example", dane(no), false, "DANE of mx.new.example demands verified TLS: its certificate matches no TLSA record"},
		{"DANE, no TLS", opportunistic, "mx.new.example", dane(nil), true, "DANE of mx.new.example demands verified TLS: "},
		{"unusable DANE", opportunistic, "mx.new.example", encrypt, false, ""},
		{"unusable DANE, no TLS", opportunistic, "mx.new.example", encrypt, true, "DANE of mx.new.example demands TLS: "},
		{"unusable DANE beside TLS that must be verified", TLS{Mode: STARTTLS, Roots: other.roots}, "mx.new.example", encrypt, false, "unknown authority"},
		{"must be verified", TLS{Mode: STARTTLS, Roots: pki.roots}, "mx.new.example", Demand{}, false, ""},
		{"must be verified, another name", TLS{Mode: STARTTLS, Roots: pki.roots}, "mx2.new.example", Demand{}, false, "not mx2.new.example"},
		{"fingerprint is stronger", TLS{Mode: Opportunistic, Fingerprints: []string{strings.Repeat("ab", 32)}}, "mx.new.example", dane(nil), false, ErrCertificate.Error()},
	} {
		p := secure
		if c.plain {
			p = plain
		}
		before := len(p.got())
		client := found(t, c.tls, hosts(Host{Name: c.host, Address: p.addr, Demand: c.demand}))
		outs, err := client.Send(t.Context(), oneRecipient, newBody(smallBody))
		if c.want == "" {
			if accepted(t, outs, err); len(p.got()) != before+1 {
				t.Errorf("%s: not there", c.name)
			}
			continue
		}
		var s *SessionError
		if !errors.As(err, &s) || s.Stage != StageTLS || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.host+"["+p.addr+"]") {
			t.Errorf("%s: %v", c.name, err)
		}
		var unmet *Unmet
		if errors.As(err, &unmet) != strings.Contains(c.want, "demands") && c.name != "MTA-STS, another name" {
			t.Errorf("%s: %v", c.name, err)
		}
		if outs[0].Kind != Unsent || len(p.got()) != before {
			t.Errorf("%s: %s", c.name, outs[0].Kind)
		}
	}
}

// Hosts are tried in their order, and the error tells of each.
func TestNextHostIsTried(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	dead := Host{Name: "a.new.example", Address: closed.Addr().String()}
	full := Host{Name: "b.new.example", Address: says(t, "421 4.3.2 try again in 300 seconds\r\n")}
	p := startPeer(t, nil)
	good := Host{Name: "c.new.example", Address: p.addr}
	c := found(t, TLS{Mode: Opportunistic}, hosts(dead, full, good))
	outs, err := c.Send(t.Context(), oneRecipient, newBody(smallBody))
	accepted(t, outs, err)

	c = found(t, TLS{Mode: Opportunistic}, hosts(full, dead))
	_, err = c.Send(t.Context(), oneRecipient, newBody(smallBody))
	var s *SessionError
	if !errors.As(err, &s) || s.Stage != StageGreeting || s.Reply.Code != 421 {
		t.Fatalf("%v", err)
	}
	if busy, wait := s.Throttled(); !busy || wait == 0 {
		t.Errorf("%v, %v", busy, wait)
	}
	for _, part := range []string{"cloud:smtp: greeting: b.new.example[" + full.Address + "]: refused (and then connect: a.new.example[", "connection refused", "421 4.3.2"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %q", err, part)
		}
	}
}

// says is a server that says one thing to everybody and hangs up.
func says(t *testing.T, text string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write([]byte(text))
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestNoHostIsFound(t *testing.T) {
	nowhere := errors.New("new.example takes no mail (null MX)")
	c := found(t, TLS{Mode: Opportunistic}, func(context.Context) ([]Host, error) { return nil, nowhere })
	outs, err := c.Send(t.Context(), oneRecipient, newBody(smallBody))
	var s *SessionError
	if !errors.As(err, &s) || s.Stage != StageMX || !errors.Is(err, nowhere) || outs[0].Kind != Unsent {
		t.Errorf("%v, %s", err, outs[0].Kind)
	}
}
