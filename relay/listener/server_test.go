package listener

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/sirupsen/logrus"

	"posthouse/cutover"
)

func TestConnectionLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.MaxConnections, c.MaxPerClient = 3, 2 })
		one, two := b.talk("198.51.100.7:1"), b.talk("198.51.100.7:2")
		b.turnedAway("198.51.100.7:3", TooManyOfClient)
		other := b.talk("[2001:db8:1:2::1]:1")
		b.turnedAway("203.0.113.1:1", TooManyConnections)
		b.must(one.say("QUIT\r\n", "221"))
		one.hungUp(t)
		synctest.Wait()
		again := b.talk("198.51.100.7:4")
		for _, k := range []*talker{two, other, again} {
			k.conn.Close()
		}
		synctest.Wait()
		if len(b.srv.reg.perClient) != 0 {
			t.Errorf("clients left in the count: %v", b.srv.reg.perClient)
		}
		b.stop()
	})
}

func (b *bed) turnedAway(from string, why Abuse) {
	b.Helper()
	k := newTalker(b.net.dial(from))
	b.must(k.say("", "421 4.7.0"))
	k.hungUp(b.T)
	abuses := b.seen.abuses()
	if len(abuses) == 0 || abuses[len(abuses)-1] != why {
		b.Errorf("abuses %v, want %q", abuses, why)
	}
}

func TestOneClientIsAnIPv6Network(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"198.51.100.7:1", "198.51.100.7:2", true},
		{"198.51.100.7:1", "198.51.100.8:1", false},
		{"[::ffff:198.51.100.7]:1", "198.51.100.7:2", true},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:2", true},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::2]:1", true},
		{"not an address", "pipe", true},
	} {
		a, b := addrPort(pipeAddr(c.a)).Addr(), addrPort(pipeAddr(c.b)).Addr()
		if got := clientOf(a) == clientOf(b); got != c.same {
			t.Errorf("%s and %s: same client %v, want %v", c.a, c.b, got, c.same)
		}
	}
}

// The reply to one message must not wait for the commit of the next: were the connection lost meanwhile, the first would come twice.
func TestPromiseIsNotHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		b.intake.gate, b.intake.waiting = make(chan struct{}), make(chan struct{}, 2)
		k := b.talk("198.51.100.7:1")
		one := envelopeCommands + "BDAT 2 LAST\r\nhi"
		b.must(k.say(one + one))
		b.intake.gate <- struct{}{}
		b.must(k.say("", "250", "250", "250 2.0.0 Ok: queued as ID1"))
		synctest.Wait()
		if n := len(b.intake.messages()); n != 1 {
			t.Fatalf("%d messages committed, want 1: the second has no token yet", n)
		}
		b.intake.gate <- struct{}{}
		b.must(k.say("QUIT\r\n", "250", "250", "250 2.0.0 Ok: queued as ID2", "221"))
		k.hungUp(t)
		b.stop()
	})
}

// panickyObserver breaks where go-smtp does not recover.
type panickyObserver struct{ nobody }

func (panickyObserver) Connected(Session)     { panic("connected") }
func (panickyObserver) Abused(Session, Abuse) { panic("abused") }

func TestPanicStaysInItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, func(c *Config) { c.Observer, c.MaxPerClient = panickyObserver{}, 1 })
		for range 2 {
			k := newTalker(b.net.dial("198.51.100.7:1"))
			b.must(k.say("", "220", "421 4.3.0"))
			k.hungUp(t)
			synctest.Wait()
		}
		if n := len(b.log.fields("panic: connected")); n != 2 {
			t.Errorf("%d panics logged, want 2", n)
		}
		b.srv.reg.maxPerClient = 0
		k := newTalker(b.net.dial("198.51.100.7:1"))
		b.must(k.say("", "421"))
		k.hungUp(t)
		b.stop()
	})
}

// tcpBed is a bed on loopback, for what an in-memory network cannot do.
func tcpBed(t *testing.T, adapt ...func(*Config)) *bed {
	t.Helper()
	b := newBed(t, append(adapt, func(c *Config) { c.Listener, c.Addr = nil, "127.0.0.1:0" })...)
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
			conn := dialTCP(t, b.srv.Addr())
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
	conn := dialTCP(t, b.srv.Addr())
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
			client, err := dialClient(b.srv.Addr().String(), mode)
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
			conn := tls.Client(dialTCP(t, b.srv.Addr()), cfg)
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

func TestNewRefusesIncompleteConfig(t *testing.T) {
	whole := Config{Name: "mx", Hostname: "h", Addr: "127.0.0.1:0", Intake: &memIntake{}, Log: logrus.New()}
	for name, spoil := range map[string]func(*Config){
		"intake":      func(c *Config) { c.Intake = nil },
		"logger":      func(c *Config) { c.Log = nil },
		"hostname":    func(c *Config) { c.Hostname = "" },
		"address":     func(c *Config) { c.Addr = "" },
		"certificate": func(c *Config) { c.ImplicitTLS = true },
	} {
		cfg := whole
		spoil(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if _, err := New(whole); err != nil {
		t.Error(err)
	}
}

func TestStartFailsOnTakenPort(t *testing.T) {
	b := tcpBed(t)
	cfg := b.srv.cfg
	cfg.Addr = b.srv.Addr().String()
	second, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err == nil || !strings.Contains(err.Error(), "listener mx") {
		t.Errorf("Start: %v", err)
	}
	if err := b.srv.Start(); err == nil {
		t.Error("started twice")
	}
	if err := second.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestRefusal(t *testing.T) {
	cause := errors.New("inner")
	r := &Refusal{Code: 550, Enhanced: [3]int{5, 1, 1}, Text: "No", Err: cause}
	if got := r.Error(); got != "550 5.1.1 No: inner" {
		t.Error(got)
	}
	if !errors.Is(r, cause) || r.Temporary() || !(&Refusal{Code: 451}).Temporary() {
		t.Error("cause or permanence lost")
	}
	if got := oneLine("a\r\nb\x00ü" + strings.Repeat("x", 999)); len(got) != maxReplyText || !strings.HasPrefix(got, "a??b??x") {
		t.Errorf("oneLine: %d octets, %.20q", len(got), got)
	}
}

func TestWith(t *testing.T) {
	secure := TLSState{Version: "TLS 1.3", Cipher: "x"}
	for _, c := range []struct {
		s    Session
		utf8 bool
		want string
	}{
		{Session{}, false, "SMTP"},
		{Session{ESMTP: true}, false, "ESMTP"},
		{Session{ESMTP: true, TLS: secure}, false, "ESMTPS"},
		{Session{ESMTP: true, TLS: secure, User: "anna"}, false, "ESMTPSA"},
		{Session{ESMTP: true, User: "anna"}, true, "UTF8SMTPA"},
		{Session{ESMTP: true, TLS: secure}, true, "UTF8SMTPS"},
	} {
		if got := c.s.With(c.utf8); got != c.want {
			t.Errorf("%+v: %s, want %s", c.s, got, c.want)
		}
	}
}

func TestNotConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, log := newPipeNet(), &logCatcher{}
		logger := logrus.New()
		logger.SetOutput(io.Discard)
		logger.AddHook(log)
		n, err := NewNotConfigured(Config{Name: "sub", Role: cutover.Submission, Hostname: "mx.mail.test", Listener: net, Log: logger})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		for range 40 { // more than are answered at one time
			k := newTalker(net.dial("198.51.100.7:1"))
			if err := k.say("", "421 4.3.2 mx.mail.test submission is not configured here"); err != nil {
				t.Fatal(err)
			}
			k.hungUp(t)
		}
		deaf := net.dial("198.51.100.7:2") // reads nothing
		for range 2 {
			if err := n.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		<-n.Done()
		deaf.Close()
		if ends := log.ends(); len(ends) != 41 || ends[0][FieldEnd] != EndNotConfigured {
			t.Errorf("%d log lines", len(ends))
		}
	})
}

// failingNet fails to accept once.
type failingNet struct {
	*pipeNet
	failed bool
}

func (f *failingNet) Accept() (net.Conn, error) {
	if !f.failed {
		f.failed = true
		return nil, errors.New("too many open files")
	}
	return f.pipeNet.Accept()
}

func TestNotConfiguredTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, pipes := logrus.New(), newPipeNet()
		logger.SetOutput(io.Discard)
		n, err := NewNotConfigured(Config{Hostname: "mx.mail.test", Listener: &failingNet{pipeNet: pipes}, Log: logger})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		k := newTalker(pipes.dial("198.51.100.7:1"))
		if err := k.say("", "421"); err != nil {
			t.Error(err)
		}
		k.hungUp(t)
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// go-smtp starts Data for BDAT on a goroutine that may come late: after RSET, or after Stop.
func TestLateData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		c := newConn(t.Context(), &b.srv.cfg, b.srv.reg, addressed{})
		s := &session{conn: c, work: newTally()}
		r, _ := io.Pipe()
		if got := s.Data(r); got.(*smtp.SMTPError).Code != 451 {
			t.Errorf("without a transaction: %v", got)
		}
		empty := s.work.close()
		<-empty
		s.txn = &transaction{}
		if got := s.Data(r); got.(*smtp.SMTPError).Code != 421 {
			t.Errorf("after Stop: %v", got)
		}
		b.stop()
	})
}
