package listener

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// tcpBed is a bed on loopback, for what an in-memory network cannot do.
func tcpBed(t *testing.T, adapt ...func(*Config)) *bed {
	t.Helper()
	b := newBed(t, append(adapt, func(c *Config) { c.Sockets, c.Addr = nil, "127.0.0.1:0" })...)
	t.Cleanup(func() {
		if err := b.srv.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if left := b.intake.leftOpen(); left != "" {
			t.Error(left)
		}
	})
	return b
}

func dialTCP(t *testing.T, addr net.Addr) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn.(*net.TCPConn)
}

// A client that closes only its own direction still reads the reply: it must be a temporary one.
func TestHalfClosedInsideMessage(t *testing.T) {
	for name, begin := range map[string]string{"bdat": "BDAT 100 LAST\r\n0123456789", "data": "DATA\r\nhello\r\n.\r"} {
		t.Run(name, func(t *testing.T) {
			b := tcpBed(t)
			conn := dialTCP(t, b.srv.Addrs()[0])
			if _, err := io.WriteString(conn, "EHLO c\r\n"+envelopeCommands+begin); err != nil {
				t.Fatal(err)
			}
			conn.CloseWrite()
			all, err := io.ReadAll(conn)
			if err != nil || !strings.Contains(string(all), "\r\n421 4.4.2") || strings.Contains(string(all), "\r\n5") {
				t.Errorf("the server said %q, %v", all, err)
			}
			if n := len(b.intake.messages()); n != 0 {
				t.Errorf("%d messages stored", n)
			}
		})
	}
}

// A client cut short while it is still sending must be able to read why.
func TestLastReplyIsReadable(t *testing.T) {
	b := tcpBed(t)
	conn := dialTCP(t, b.srv.Addrs()[0])
	if _, err := io.WriteString(conn, "NOOP\n"+strings.Repeat("x", 100_000)); err != nil {
		t.Fatal(err)
	}
	conn.CloseWrite()
	all, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(all), "521 5.5.2") {
		t.Errorf("the server said %q, %v", all, err)
	}
}

// A client library of the field gets through, with and without TLS.
func TestGoSMTPClient(t *testing.T) {
	for _, mode := range []string{"plain", "starttls", "implicit"} {
		t.Run(mode, func(t *testing.T) {
			b := tcpBed(t, func(c *Config) { c.TLS, c.ImplicitTLS = testTLS(), mode == "implicit" })
			client, err := dialClient(b.srv.Addrs()[0].String(), mode)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := client.SendMail("anna@client.test", []string{"bob@mail.test"}, strings.NewReader("Subject: x\r\n\r\n.hello\r\n")); err != nil {
				t.Fatal(err)
			}
			if err := client.Quit(); err != nil {
				t.Error(err)
			}
			m := b.intake.messages()[0]
			if got := m.body.String(); got != "Subject: x\r\n\r\n.hello\r\n" {
				t.Errorf("stored %q", got)
			}
			if secure := m.session.TLS.Cipher != ""; secure != (mode != "plain") {
				t.Errorf("TLS state %+v", m.session.TLS)
			}
		})
	}
}

func dialClient(addr, mode string) (*smtp.Client, error) {
	switch mode {
	case "starttls":
		return smtp.DialStartTLS(addr, clientTLS())
	case "implicit":
		return smtp.DialTLS(addr, clientTLS())
	}
	return smtp.Dial(addr)
}

// ticketCounter is a client's session cache that counts what the server offers.
type ticketCounter struct{ put int }

func (*ticketCounter) Get(string) (*tls.ClientSessionState, bool)    { return nil, false }
func (c *ticketCounter) Put(_ string, state *tls.ClientSessionState) { c.put++ }

// Microsoft's senders abort the handshake when a Go server sends session tickets (golang/go#70232).
func TestNoSessionTickets(t *testing.T) {
	for name, server := range map[string]*tls.Config{
		"plain configuration": testTLS(),
		"chosen per client":   {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return testTLS(), nil }},
	} {
		t.Run(name, func(t *testing.T) {
			b := tcpBed(t, func(c *Config) { c.TLS, c.ImplicitTLS = server, true })
			tickets := &ticketCounter{}
			cfg := clientTLS()
			cfg.ClientSessionCache, cfg.ServerName = tickets, "mx.mail.test"
			conn := tls.Client(dialTCP(t, b.srv.Addrs()[0]), cfg)
			if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "220") {
				t.Fatal(line, err)
			}
			if tickets.put != 0 {
				t.Errorf("%d tickets", tickets.put)
			}
		})
	}
	if testTLS().SessionTicketsDisabled {
		t.Error("the caller's configuration was changed")
	}
}
