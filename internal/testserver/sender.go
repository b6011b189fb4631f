package testserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
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

// envelope says one command at a time and stops where the server refuses.
func (s Sender) envelope(c *dialogue, r *Result, from string, to []string) error {
	if err := c.ask(&r.Mail, "%s", s.mailLine(from)); err != nil || !r.Mail.OK() {
		r.Final = r.Mail
		return err
	}
	for _, addr := range to {
		var a Answer
		if err := c.ask(&a, "%s", s.rcptLine(addr)); err != nil {
			return err
		}
		r.Rcpts = append(r.Rcpts, a)
		r.Final = a
	}
	if r.accepted() == 0 || s.BDAT {
		return nil
	}
	err := c.ask(&r.Data, "DATA\r\n")
	r.Final = r.Data
	return err
}

// envelopeAtOnce sends the whole envelope in one write and then reads the answers (RFC 2920).
func (s Sender) envelopeAtOnce(c *dialogue, r *Result, from string, to []string) error {
	var all strings.Builder
	all.WriteString(s.mailLine(from))
	for _, addr := range to {
		all.WriteString(s.rcptLine(addr))
	}
	if !s.BDAT {
		all.WriteString("DATA\r\n")
	}
	if err := c.ask(&r.Mail, "%s", all.String()); err != nil {
		return err
	}
	r.Final = r.Mail
	r.Rcpts = make([]Answer, len(to))
	for i := range to {
		if err := c.read(&r.Rcpts[i]); err != nil {
			return err
		}
		if r.Mail.OK() {
			r.Final = r.Rcpts[i]
		}
	}
	if s.BDAT {
		return nil
	}
	if err := c.read(&r.Data); err != nil {
		return err
	}
	if r.Data.Code == 354 && r.accepted() == 0 { // RFC 2920 §3.1: such a server gets an empty message
		return c.ask(&r.Final, ".\r\n")
	}
	if r.accepted() > 0 {
		r.Final = r.Data
	}
	return nil
}

func (s Sender) mailLine(from string) string {
	return strings.TrimRight("MAIL FROM:<"+from+"> "+s.MailParams, " ") + "\r\n"
}

func (s Sender) rcptLine(to string) string {
	return strings.TrimRight("RCPT TO:<"+to+"> "+s.RcptParams, " ") + "\r\n"
}

func (r *Result) accepted() int {
	n := 0
	for _, a := range r.Rcpts {
		if a.OK() {
			n++
		}
	}
	return n
}

// content sends the message and reads the final answers.
func (s Sender) content(c *dialogue, r *Result, msg []byte) error {
	var err error
	refused := false
	if s.BDAT {
		refused, err = s.chunks(c, r, msg)
	} else {
		err = s.dots(c, msg)
	}
	if err != nil || refused {
		return err
	}
	finals := 1
	if s.LMTP {
		finals = r.accepted()
	}
	for range finals {
		if err := c.read(&r.Final); err != nil {
			return err
		}
		if s.LMTP {
			r.Finals = append(r.Finals, r.Final)
		}
	}
	return nil
}

func (s Sender) dots(c *dialogue, msg []byte) error {
	if s.Unfinished {
		return errors.Join(c.send(string(Stuff(msg))), ErrUnfinished)
	}
	return c.send(string(Stuff(msg)) + ".\r\n")
}

// chunks leaves the answer to the last chunk to be read; the earlier ones are read here, and a refusal ends the message.
func (s Sender) chunks(c *dialogue, r *Result, msg []byte) (refused bool, err error) {
	size := s.Chunk
	if size <= 0 {
		size = len(msg)
	}
	for len(msg) > size {
		if err := c.ask(&r.Final, "BDAT %d\r\n%s", size, msg[:size]); err != nil || !r.Final.OK() {
			return true, err
		}
		msg = msg[size:]
	}
	if s.Unfinished && len(msg) > 0 {
		return false, errors.Join(c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(msg), msg[:len(msg)-1])), ErrUnfinished)
	}
	return false, c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(msg), msg))
}
