package imapstore

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/internal/login"
)

// session is a logged-in connection that nobody speaks on yet: our own writer goes on with it, or it is handed to go-imap.
type session struct {
	conn *conn
	r    *bufio.Reader
	w    *bufio.Writer
	tag  int
	caps capabilities
	// known: the server greeted us as somebody it knows already (PREAUTH).
	known bool
}

type capabilities map[string]bool

func (c capabilities) has(name string) bool { return c[name] }

// value returns the number after "NAME=", as in APPENDLIMIT=35651584; 0 where there is none.
func (c capabilities) value(name string) int64 {
	for have := range c {
		if number, ok := strings.CutPrefix(have, name+"="); ok {
			n, _ := strconv.ParseInt(number, 10, 64)
			return n
		}
	}
	return 0
}

func parseCapabilities(text string) capabilities {
	caps := capabilities{}
	for _, name := range strings.Fields(text) {
		caps[strings.ToUpper(name)] = true
	}
	return caps
}

// connect dials, makes the connection private and logs in, if the guard lets it. The error matches ErrConnection, and ErrBusy where the server asks to wait, or ErrLogin.
func (o Options) connect(ctx context.Context) (s *session, err error) {
	err = o.Guard(ctx, func() (err error) {
		s, err = o.open(ctx)
		return o.named(unconnected(err))
	})
	if err == nil {
		return s, nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return nil, fmt.Errorf("connecting to %s: %w", o.Address, err)
}

// unconnected gives an error of connecting the sentinel that the seam wants.
func unconnected(err error) error {
	if err == nil {
		return nil
	}
	err = login.Explain(err)
	if busy := busyLogin(err); busy != nil {
		return fmt.Errorf("%w: %w", bridge.ErrConnection, busy)
	}
	if person(err) {
		return &bridge.RefusedLogin{Err: err}
	}
	return fmt.Errorf("%w: %w", bridge.ErrConnection, err)
}

func (o Options) open(ctx context.Context) (*session, error) {
	nc, err := o.Dial(ctx, "tcp", o.Address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	if err := nc.SetDeadline(time.Now().Add(o.Timeout)); err != nil {
		nc.Close()
		return nil, err
	}
	s, err := o.greet(ctx, nc)
	if err == nil {
		err = o.authenticate(ctx, s)
	}
	if err == nil {
		err = nc.SetDeadline(time.Time{})
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return s, nil
}

// greet takes the connection through TLS and the greeting.
func (o Options) greet(ctx context.Context, nc net.Conn) (*session, error) {
	if o.TLS == ImplicitTLS {
		secure := tls.Client(nc, o.tlsConfig())
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		nc = secure
	}
	s := newSession(nc)
	first, err := s.read()
	if err != nil {
		return nil, err
	}
	if first.tag != "*" || first.kind != "OK" && first.kind != "PREAUTH" {
		return nil, refusal{first}
	}
	if o.TLS == StartTLS {
		return o.startTLS(ctx, s, first)
	}
	s.known = first.kind == "PREAUTH"
	s.note(first)
	return s, nil
}

// startTLS begins anew after the handshake: what was said before it is not believed (RFC 9051 §6.2.1).
func (o Options) startTLS(ctx context.Context, s *session, greeting reply) (*session, error) {
	if greeting.kind == "PREAUTH" {
		return nil, errors.New("server greets with PREAUTH before TLS")
	}
	if _, err := s.command("STARTTLS"); err != nil {
		return nil, err
	}
	if s.r.Buffered() > 0 {
		return nil, errors.New("server sent plain text after its answer to STARTTLS")
	}
	secure := tls.Client(s.conn.Conn, o.tlsConfig())
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return newSession(secure), nil
}

func (o Options) tlsConfig() *tls.Config {
	config := &tls.Config{}
	if o.TLSConfig != nil {
		config = o.TLSConfig.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(o.Address)
	}
	return config
}

func newSession(nc net.Conn) *session {
	c := &conn{Conn: nc}
	return &session{conn: c, r: bufio.NewReaderSize(c, 8<<10), w: bufio.NewWriterSize(c, 64<<10)}
}

func (s *session) read() (reply, error) {
	line, err := readLine(s.r)
	return parseReply(line), err
}

// command sends one command and returns its untagged responses; a tagged NO or BAD is a refusal.
func (s *session) command(text string) ([]reply, error) {
	s.tag++
	tag := "L" + strconv.Itoa(s.tag)
	if err := s.send(tag + " " + text); err != nil {
		return nil, err
	}
	return s.finish(tag)
}

func (s *session) send(line string) error {
	if _, err := s.w.WriteString(line + "\r\n"); err != nil {
		return err
	}
	return s.w.Flush()
}

// finish reads up to the tagged answer.
func (s *session) finish(tag string) ([]reply, error) {
	var untagged []reply
	for {
		r, err := s.read()
		switch {
		case err != nil:
			return nil, err
		case r.tag == tag && r.kind == "OK":
			s.note(r)
			return untagged, nil
		case r.tag == tag:
			return nil, refusal{r}
		case r.kind == "BYE":
			return nil, fmt.Errorf("server closed the connection: %w", refusal{r})
		}
		s.note(r)
		untagged = append(untagged, r)
	}
}

// note takes over capabilities, which a server may tell at any time.
func (s *session) note(r reply) {
	if r.code == "CAPABILITY" {
		s.caps = parseCapabilities(r.args)
	}
	if r.kind == "CAPABILITY" {
		s.caps = parseCapabilities(r.text)
	}
}
