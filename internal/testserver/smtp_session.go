package testserver

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

const (
	idleLimit   = 5 * time.Minute // RFC 5321 §4.5.3.2.7
	lineLimit   = 12288
	readBuffer  = 64 << 10
	lingerLimit = time.Second
)

// smtpSession is one connection; only its own goroutine touches it.
type smtpSession struct {
	s     *SMTP
	conn  net.Conn
	in    *bufio.Reader
	out   *bufio.Writer
	quit  <-chan struct{}
	over  bool
	helo  string
	esmtp bool
	tls   bool
	user  string
	chunk bool // a BDAT transaction has begun
	mail  bool // MAIL was accepted
	env   *Envelope
	num   int
}

func newSMTPSession(s *SMTP, conn net.Conn, number int, quit <-chan struct{}) *smtpSession {
	c := &smtpSession{s: s, quit: quit, num: number}
	if s.cfg.Implicit && s.cfg.TLS != nil {
		conn, c.tls = tls.Server(conn, s.cfg.TLS), true
	}
	c.attach(conn)
	c.resetMail()
	return c
}

// attach reads from and writes to conn from now on. Replies are sent when the session is about to wait for more input: that
// is how answers to pipelined commands share a packet.
func (c *smtpSession) attach(conn net.Conn) {
	c.conn = conn
	c.out = bufio.NewWriterSize(conn, 8<<10)
	c.in = bufio.NewReaderSize(&flushingReader{c}, readBuffer)
}

type flushingReader struct{ c *smtpSession }

func (r *flushingReader) Read(p []byte) (int, error) {
	if err := r.c.out.Flush(); err != nil {
		return 0, err
	}
	if err := r.c.conn.SetReadDeadline(time.Now().Add(idleLimit)); err != nil {
		return 0, err
	}
	return r.c.conn.Read(p)
}

func (c *smtpSession) run() {
	defer func() { _ = c.out.Flush() }()
	greeting := func() { c.reply(220, c.s.cfg.Hostname+" ESMTP test server") }
	if !c.step(AtConnect, "", greeting) {
		return
	}
	for !c.over {
		line, err := c.readLine()
		if err != nil || !c.command(line) {
			return
		}
	}
}

// readLine returns a command without its CRLF. What is longer than any extension allows ends the session.
func (c *smtpSession) readLine() (string, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	if len(line) > lineLimit {
		return "", fmt.Errorf("command line of %d octets", len(line))
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok {
		c.s.violation()
		text = strings.TrimSuffix(text, "\n")
	}
	return text, nil
}

// command runs one command and reports whether the session goes on.
func (c *smtpSession) command(line string) bool {
	verb, arg, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	if c.tooEarly(verb) {
		c.s.violation()
		c.reply(503, "5.5.0 Improper command pipelining")
		if verb == "DATA" || verb == "STARTTLS" { // what follows may be no commands
			c.hangUp()
		}
		return !c.over
	}
	switch verb {
	case "HELO", "EHLO", "LHLO":
		return c.hello(verb, arg)
	case "STARTTLS":
		return c.startTLS()
	case "AUTH":
		return c.auth(arg)
	case "MAIL":
		return c.mailFrom(arg)
	case "RCPT":
		return c.rcptTo(arg)
	case "DATA":
		return c.data()
	case "BDAT":
		return c.bdat(arg)
	case "RSET":
		return c.step(AtReset, "", func() { c.resetMail(); c.reply(250, "2.0.0 Reset") })
	case "NOOP":
		return c.step(AtNoop, "", func() { c.reply(250, "2.0.0 OK") })
	case "QUIT":
		c.step(AtQuit, "", func() { c.reply(221, "2.0.0 Bye") })
		return false
	}
	c.reply(500, "5.5.2 Unknown command")
	return true
}

// tooEarly tells whether more has arrived than the client may have sent by now: anything at all without PIPELINING, and anything after
// the commands that must end a group (RFC 2920 §3.1). The octets that follow BDAT belong to it.
func (c *smtpSession) tooEarly(verb string) bool {
	if c.in.Buffered() == 0 || verb == "BDAT" || c.s.cfg.Lenient {
		return false
	}
	switch verb {
	case "EHLO", "HELO", "LHLO", "DATA", "STARTTLS", "AUTH", "QUIT", "NOOP":
		return true
	}
	return !c.offers("PIPELINING")
}

func (c *smtpSession) offers(extension string) bool {
	return !slices.Contains(c.s.cfg.Without, extension)
}

// resetMail begins a fresh envelope.
func (c *smtpSession) resetMail() {
	c.mail, c.chunk = false, false
	c.env = &Envelope{Conn: c.num, Client: c.conn.RemoteAddr().String(), Helo: c.helo, User: c.user, TLS: c.tls}
}

// reply writes a reply of one or more lines; it is sent with the next read.
func (c *smtpSession) reply(code int, lines ...string) {
	if c.s.cfg.Latency > 0 {
		_ = c.out.Flush()
		if !c.pause(c.s.cfg.Latency) {
			c.over = true
			return
		}
	}
	for i, line := range lines {
		separator := " "
		if i < len(lines)-1 {
			separator = "-"
		}
		_, _ = fmt.Fprintf(c.out, "%d%s%s\r\n", code, separator, line) // errors stay with the writer until Flush
	}
}

// hangUp closes after the reply without a reset that could overtake it: the client closes first, or a second passes.
func (c *smtpSession) hangUp() {
	_ = c.out.Flush()
	if t, ok := c.conn.(*trackedConn); ok {
		if tcp, ok := t.Conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
			_ = tcp.SetReadDeadline(time.Now().Add(lingerLimit))
			_, _ = io.Copy(io.Discard, tcp)
		}
	}
	c.over = true
}
