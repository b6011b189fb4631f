package listener

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
)

// bed is a server on an in-memory network, fit for a synctest bubble.
type bed struct {
	*testing.T
	srv    *Server
	net    *pipeNet
	intake *memIntake
	seen   *memObserver
	log    *logCatcher
}

func newBed(t *testing.T, adapt ...func(*Config)) *bed {
	t.Helper()
	b := &bed{T: t, net: newPipeNet(), intake: &memIntake{}, seen: &memObserver{}, log: &logCatcher{}}
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.SetLevel(logrus.DebugLevel)
	logger.AddHook(b.log)
	cfg := Config{
		Name: "mx", Role: cutover.Arriving, Hostname: "mx.mail.test", Sockets: []net.Listener{b.net},
		Intake: b.intake, Observer: b.seen, Log: logger,
	}
	for _, f := range adapt {
		f(&cfg)
	}
	var err error
	if b.srv, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := b.srv.Start(); err != nil {
		t.Fatal(err)
	}
	return b
}

// stop ends the server and checks what must hold after any run.
func (b *bed) stop() {
	b.Helper()
	if err := b.srv.Stop(b.Context()); err != nil {
		b.Error(err)
	}
	if left := b.intake.leftOpen(); left != "" {
		b.Error(left)
	}
	if n := b.srv.Connections(); n != 0 {
		b.Errorf("%d connections are left in the registry", n)
	}
	if ends := b.log.ends(); len(ends) != b.net.dialed() {
		b.Errorf("%d log lines for %d connections", len(ends), b.net.dialed())
	}
}

// logCatcher is a logrus hook that keeps everything.
type logCatcher struct {
	mu      sync.Mutex
	entries []*logrus.Entry
}

func (l *logCatcher) Levels() []logrus.Level { return logrus.AllLevels }

func (l *logCatcher) Fire(e *logrus.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e.Dup())
	l.entries[len(l.entries)-1].Message, l.entries[len(l.entries)-1].Level = e.Message, e.Level
	return nil
}

// ends returns the fields of the lines that end connections.
func (l *logCatcher) ends() []logrus.Fields { return l.fields(endMessage) }

func (l *logCatcher) fields(message string) (all []logrus.Fields) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if strings.HasPrefix(e.Message, message) {
			all = append(all, e.Data)
		}
	}
	return all
}

// pipeNet is a net.Listener whose connections are net.Pipes with addresses.
type pipeNet struct {
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
	mu     sync.Mutex
	n      int
}

func newPipeNet() *pipeNet { return &pipeNet{queue: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipeNet) Accept() (net.Conn, error) {
	select {
	case c := <-p.queue:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeNet) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipeNet) Addr() net.Addr { return pipeAddr("192.0.2.1:25") }

func (p *pipeNet) dialed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

// dial connects from a client address.
func (p *pipeNet) dial(from string) net.Conn {
	client, server := net.Pipe()
	p.mu.Lock()
	p.n++
	p.mu.Unlock()
	p.queue <- addressed{Conn: server, remote: pipeAddr(from), local: p.Addr()}
	return client
}

type addressed struct {
	net.Conn
	remote, local net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.remote }
func (a addressed) LocalAddr() net.Addr  { return a.local }

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }

// testTLS is a server's configuration with a certificate of its own.
var testTLS = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mx.mail.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
})

func clientTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// textOf is an envelope as dialogs write it.
func textOf(e Envelope) string {
	s := fmt.Sprintf("from=<%s>", e.From)
	for _, f := range []struct {
		name  string
		value any
		set   bool
	}{
		{"body", e.Body, e.Body != ""}, {"size", e.Size, e.Size != 0}, {"utf8", "yes", e.SMTPUTF8}, {"tls", "yes", e.RequireTLS},
		{"ret", e.Return, e.Return != ""}, {"envid", e.EnvelopeID, e.EnvelopeID != ""},
	} {
		if f.set {
			s += fmt.Sprintf(" %s=%v", f.name, f.value)
		}
	}
	for _, r := range e.Recipients {
		s += fmt.Sprintf(" to=<%s>", r.Address)
		if r.Notify != "" {
			s += " notify=" + r.Notify
		}
		if r.ORcpt != "" {
			s += " orcpt=" + r.ORcpt
		}
	}
	return s
}

func sessionText(s Session) string {
	if s.User != "" {
		s.Helo += " user=" + s.User
	}
	return fmt.Sprintf("%s %s %s by=%s from=%s to=%s helo=%s with=%s tls=%s",
		s.Listener, s.Role, lenText(s.ID), s.Hostname, addrText(s.Remote), addrText(s.Local), s.Helo, s.With(false), s.TLS.Version)
}

func lenText(id string) string         { return fmt.Sprintf("id:%d", len(id)) }
func addrText(a netip.AddrPort) string { return a.String() }
