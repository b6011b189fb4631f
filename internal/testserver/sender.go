package testserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"
)

// Sender is a small SMTP or LMTP client that sends exactly what it is told, sense or nonsense. The zero value sends
// by cleartext SMTP, one command at a time, with EHLO sender.test.example. It holds no connection: each Send makes its own.
type Sender struct {
	// Helo is the name after EHLO or LHLO. Plain says HELO instead.
	Helo  string
	Plain bool
	LMTP  bool
	// LocalAddr binds the connection to one of loopback's many addresses, such as 127.0.0.25: senders then differ by IP.
	LocalAddr string
	// Preface is sent before anything else is read: a PROXY line, for one.
	Preface []byte
	// TLS, if set, demands STARTTLS; with Implicit it is spoken from the first octet.
	TLS      *tls.Config
	Implicit bool
	// User and Password log in with AUTH PLAIN if User is not empty.
	User, Password string
	// Pipelined sends MAIL, RCPT and DATA in one write. BDAT sends the message by chunks of Chunk octets (0: one chunk).
	Pipelined bool
	BDAT      bool
	Chunk     int
	// MailParams and RcptParams stand after the addresses: "SIZE=100 BODY=8BITMIME".
	MailParams, RcptParams string
	// Unfinished cuts the connection instead of ending the message: DATA without the final dot, BDAT without its last octet.
	Unfinished bool
	// Timeout bounds a Send that has no deadline of its own. 0 means 30 seconds.
	Timeout time.Duration
}

// Answer is one reply of a server; Text has its lines joined by \n, without the codes.
type Answer struct {
	Code int
	Text string
}

// OK tells whether the reply is 2xx.
func (a Answer) OK() bool { return a.Code/100 == 2 }

func (a Answer) String() string { return fmt.Sprintf("%d %s", a.Code, a.Text) }

// Result is what the server answered. Steps that were not reached are zero.
type Result struct {
	Greeting, Hello, Mail Answer
	Rcpts                 []Answer // one per recipient
	Data                  Answer   // to DATA: 354
	// Final is the answer that decides: to the end of data or, where it did not come so far, the refusal that ended the transaction.
	// In LMTP it is the last of Finals.
	Final  Answer
	Finals []Answer // LMTP: one per accepted recipient
}

// ErrUnfinished is what Send returns for a message that Unfinished cut.
var ErrUnfinished = errors.New("connection cut by the sender before the end of data")

// Send delivers one message to the server at addr (host:port). msg is sent as it is, but for dot-stuffing; DATA must end with CRLF, so
// one is added where msg has none. A refusal is no error: it stands in the result. An error means that the outcome is not known, unless
// nothing but the connection failed; the result then holds what was answered before.
func (s Sender) Send(ctx context.Context, addr, from string, to []string, msg []byte) (Result, error) {
	var r Result
	conn, err := s.dial(ctx, addr)
	if err != nil {
		return r, fmt.Errorf("sending to %s: %w", addr, err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c := newDialogue(conn)
	if err := s.transact(ctx, c, &r, from, to, msg); err != nil {
		return r, fmt.Errorf("sending to %s: %w", addr, err)
	}
	return r, nil
}

func (s Sender) dial(ctx context.Context, addr string) (net.Conn, error) {
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	d := net.Dialer{Timeout: timeout}
	if s.LocalAddr != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(s.LocalAddr)}
	}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(s.Preface); err != nil {
		return nil, err
	}
	if s.Implicit && s.TLS != nil {
		return tls.Client(conn, s.TLS), nil
	}
	return conn, nil
}

// transact leads the whole dialogue and says QUIT at its end.
func (s Sender) transact(ctx context.Context, c *dialogue, r *Result, from string, to []string, msg []byte) error {
	if err := s.open(ctx, c, r); err != nil || !r.Hello.OK() {
		return err
	}
	var err error
	if s.Pipelined {
		err = s.envelopeAtOnce(c, r, from, to)
	} else {
		err = s.envelope(c, r, from, to)
	}
	if err != nil {
		return err
	}
	if r.accepted() > 0 && (s.BDAT || r.Data.Code == 354) {
		if err := s.content(c, r, msg); err != nil {
			return err
		}
	}
	_ = c.send("QUIT\r\n") // the outcome is known; whether the server hears this does not matter
	return nil
}

// open comes as far as a server that is ready for MAIL.
func (s Sender) open(ctx context.Context, c *dialogue, r *Result) error {
	if err := c.read(&r.Greeting); err != nil || !r.Greeting.OK() {
		r.Final = r.Greeting
		return err
	}
	if err := s.hello(c, r); err != nil || !r.Hello.OK() {
		return err
	}
	if s.TLS != nil && !s.Implicit {
		if err := s.startTLS(ctx, c, r); err != nil || !r.Hello.OK() {
			return err
		}
	}
	if s.User == "" {
		return nil
	}
	var a Answer
	if err := c.ask(&a, "AUTH PLAIN %s\r\n", base64Plain(s.User, s.Password)); err != nil {
		return err
	}
	if !a.OK() {
		r.Hello, r.Final = a, a
	}
	return nil
}

func (s Sender) hello(c *dialogue, r *Result) error {
	name := s.Helo
	if name == "" {
		name = "sender.test.example"
	}
	verb := "EHLO"
	switch {
	case s.LMTP:
		verb = "LHLO"
	case s.Plain:
		verb = "HELO"
	}
	err := c.ask(&r.Hello, "%s %s\r\n", verb, name)
	if !r.Hello.OK() {
		r.Final = r.Hello
	}
	return err
}

func (s Sender) startTLS(ctx context.Context, c *dialogue, r *Result) error {
	var a Answer
	if err := c.ask(&a, "STARTTLS\r\n"); err != nil {
		return err
	}
	if !a.OK() {
		r.Hello, r.Final = a, a
		return nil
	}
	conn := tls.Client(c.conn, s.TLS)
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("starting TLS: %w", err)
	}
	*c = *newDialogue(conn)
	return s.hello(c, r)
}
