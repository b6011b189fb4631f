package delivery

import (
	"context"
	"fmt"
	"net"
)

// dial makes a session with a host that waits for MAIL. Its errors are
// SessionErrors.
func (c *Client) dial(ctx context.Context, network string, h Host, o *Origin) (*conn, error) {
	dest := &c.config.Destination
	dialing, cancel := context.WithTimeout(ctx, dest.Timeouts.Connect)
	defer cancel()
	raw, err := c.config.Dial(dialing, network, h.Address)
	if err != nil {
		return nil, c.ended(ctx, &SessionError{Destination: dest.Name, Stage: StageConnect, Err: h.named(err)})
	}
	s := newConn(dest, h, raw)
	s.name, s.whom = c.config.Hello, c.client(o)
	done := s.watch(ctx)
	if err = c.present(s, o); err == nil {
		err = c.open(ctx, s)
	}
	if !done() && err == nil {
		err = s.failed(StageHello, context.Cause(ctx))
	}
	if err != nil {
		s.abort()
		return nil, c.ended(ctx, err)
	}
	s.clean = true
	return s, nil
}

// ended puts the context's error in the place of the network error that it
// caused.
func (c *Client) ended(ctx context.Context, err error) error {
	if s, ok := err.(*SessionError); ok && ctx.Err() != nil {
		s.Err = context.Cause(ctx)
	}
	return err
}

func (c *Client) open(ctx context.Context, s *conn) error {
	if s.mode == Implicit {
		if err := c.handshake(ctx, s); err != nil {
			return err
		}
	}
	if err := s.greet(); err != nil {
		return err
	}
	if err := s.hello(s.name); err != nil {
		return err
	}
	if s.mode == STARTTLS || s.mode == Opportunistic {
		if err := c.startTLS(ctx, s); err != nil {
			return err
		}
	}
	return s.login(ctx)
}

func (c *conn) greet() error {
	r, err := c.reply(c.dest.Timeouts.Greeting)
	if err != nil {
		return c.failed(StageGreeting, err)
	}
	if !r.Positive() {
		return c.refused(StageGreeting, r)
	}
	c.greeting = r
	return nil
}

// hello says EHLO, or HELO to servers that do not know it.
func (c *conn) hello(name string) error {
	verb := "EHLO"
	if c.dest.Protocol == LMTP {
		verb = "LHLO"
	}
	r, err := c.greetAs(verb, name)
	if err == nil && r.Code/100 == 5 && verb == "EHLO" {
		r, err = c.greetAs("HELO", name)
		c.ext = extensions{}
	}
	if err != nil {
		return c.failed(StageHello, err)
	}
	if !r.Positive() {
		return c.refused(StageHello, r)
	}
	return nil
}

func (c *conn) greetAs(verb, name string) (Reply, error) {
	if _, err := fmt.Fprintf(writer{c}, "%s %s\r\n", verb, name); err != nil {
		return Reply{}, err
	}
	code, lines, err := c.lines(c.dest.Timeouts.Command)
	if err != nil {
		return Reply{}, err
	}
	c.ext = c.believed(parseExtensions(lines, c.dest.Ignore))
	return newReply(code, lines), nil
}

// startTLS encrypts the session and forgets what was offered before.
func (c *Client) startTLS(ctx context.Context, s *conn) error {
	if !s.ext.has("STARTTLS") {
		if s.mode == Opportunistic {
			return nil
		}
		return s.failed(StageTLS, s.demanded(ErrTLSRequired))
	}
	r, err := s.ask(s.dest.Timeouts.Command, "STARTTLS")
	switch {
	case err != nil:
		return s.failed(StageTLS, err)
	case !r.Positive():
		return s.refused(StageTLS, r)
	case s.r.Buffered() > 0:
		// Whoever sits on the line put plaintext behind the reply, to be read as
		// if it came encrypted (CVE-2011-0411).
		return s.failed(StageTLS, fmt.Errorf("%w: data behind the reply to STARTTLS", errProtocol))
	}
	if err := c.handshake(ctx, s); err != nil {
		return err
	}
	return s.hello(s.name)
}

// serverName is the name that a certificate must carry.
func (d Destination) serverName() string {
	if d.TLS.ServerName != "" {
		return d.TLS.ServerName
	}
	network, address, _ := d.endpoint()
	if network != "tcp" {
		return ""
	}
	host, _, _ := net.SplitHostPort(address)
	return host
}

// writer lets fmt write through the deadline.
type writer struct{ c *conn }

func (w writer) Write(p []byte) (int, error) { return w.c.write(p) }
