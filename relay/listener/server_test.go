package listener

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-smtp"
	"github.com/sirupsen/logrus"
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
		b.noneCounted()
		b.stop()
	})
}

// Several sockets are one listener: mail is taken on each, the limits hold for all, and one that fails is not passed over in silence.
func TestSeveralSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := newPipeNet()
		b := newBed(t, func(c *Config) { c.MaxConnections, c.Sockets = 2, append(c.Sockets, second) })
		one, two := b.talk("198.51.100.7:1"), newTalker(second.dial("[2001:db8::1]:1"))
		b.must(two.say("EHLO c\r\n"+envelopeCommands+"DATA\r\n", "220", "250", "250", "250", "354"))
		b.must(two.say("hello\r\n.\r\n", "250 2.0.0 Ok: queued as ID1"))
		b.turnedAway("203.0.113.1:1", TooManyConnections)
		select {
		case <-b.srv.Done():
			t.Error("done, with both sockets open")
		default:
		}
		second.Close()
		<-b.srv.Done()
		b.must(one.say("QUIT\r\n", "221"))
		b.must(two.say("QUIT\r\n", "221"))
		one.hungUp(t)
		two.hungUp(t)
		b.net.n += second.dialed()
		b.stop()
	})
}

// noneCounted wants the registry to have forgotten everybody.
func (b *bed) noneCounted() {
	b.Helper()
	if r := b.srv.reg; len(r.perClient)+len(r.perNetwork)+r.tarpitted != 0 {
		b.Errorf("clients left in the count: %v, %v, %d in the tarpit", r.perClient, r.perNetwork, r.tarpitted)
	}
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
		b.srv.cfg.MaxPerClient = 0
		k := newTalker(b.net.dial("198.51.100.7:1"))
		b.must(k.say("", "421"))
		k.hungUp(t)
		b.stop()
	})
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
	cfg.Addr = b.srv.Addrs()[0].String()
	second, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), cfg.Addr) {
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
