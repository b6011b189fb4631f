package checkpassword

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"posthouse/internal/login"
)

// Protocol is how a server is asked.
type Protocol string

// The protocols.
const (
	IMAP Protocol = "imap"
	SMTP Protocol = "smtp" // submission (RFC 6409)
)

// Security is how the connection is made private.
type Security string

// The ways. Without TLS passwords go in the clear: for servers on this machine.
const (
	Implicit Security = "implicit"
	StartTLS Security = "starttls"
	None     Security = "none"
)

// Config names the server. Protocol, Address and Security are required; TLS is unless there is none.
type Config struct {
	Protocol Protocol
	Address  string // host:port
	Security Security
	TLS      *tls.Config
	Hello    string // our name for EHLO
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)

	Timeout time.Duration // of one question, waiting for its turn included; default 20 s
	AtOnce  int           // questions at one time; default 8
}

// ErrWrong: the server says that there is no such user, or that the password is another.
var ErrWrong = errors.New("wrong name or password")

// Checker asks one server. Safe for concurrent use.
type Checker struct {
	cfg   Config
	turns chan struct{}
}

// New connects to nobody.
func New(cfg Config) *Checker {
	cfg.Timeout = cmp.Or(cfg.Timeout, 20*time.Second)
	cfg.AtOnce = cmp.Or(cfg.AtOnce, 8)
	cfg.Hello = cmp.Or(cfg.Hello, "localhost")
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	return &Checker{cfg: cfg, turns: make(chan struct{}, cfg.AtOnce)}
}

// Check returns nil if the password is right, an error that matches ErrWrong if it is not, and any other error if that cannot be told. client is who wants to know; it may be zero.
func (c *Checker) Check(ctx context.Context, user string, password []byte, client netip.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-ctx.Done():
		return fmt.Errorf("asking %s: too many others ask: %w", c.cfg.Address, ctx.Err())
	}
	answer, err := c.ask(ctx, user, password, client)
	if err != nil {
		return fmt.Errorf("asking %s: %w", c.cfg.Address, err)
	}
	if answer.yes {
		return nil
	}
	return fmt.Errorf("asking %s: %w", c.cfg.Address, answer.refusal(user, password))
}

func (c *Checker) ask(ctx context.Context, user string, password []byte, client netip.Addr) (answer, error) {
	conn, err := c.cfg.Dial(ctx, "tcp", c.cfg.Address)
	if err != nil {
		return answer{}, err
	}
	d := &dialog{cfg: &c.cfg, conn: conn}
	defer func() { d.conn.Close() }()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if c.cfg.Security == Implicit {
		if err := d.handshake(); err != nil {
			return answer{}, err
		}
	}
	d.reset()
	if c.cfg.Protocol == IMAP {
		return d.imap(user, password, client)
	}
	return d.smtp(user, password)
}

// answer is what came of the login.
type answer struct {
	yes   bool
	no    bool   // the form of a no: what it says may still tell of trouble
	reply string // the server's words, code first
}

// refusal is ErrWrong only where nothing speaks against it.
func (a answer) refusal(user string, password []byte) error {
	err := errors.New(withoutSecret(a.reply, user, password))
	if explained := login.ExplainReply(a.reply, err); a.no && errors.Is(explained, login.ErrRefused) {
		return fmt.Errorf("%w: %w", ErrWrong, err)
	}
	return err
}

// withoutSecret is what a server says, unless it repeats what it must not.
func withoutSecret(reply, user string, password []byte) string {
	plain := plainResponse(user, password)
	for _, secret := range [][]byte{password, plain, encode(password)} {
		if bytes.Contains([]byte(reply), secret) {
			return "it repeats the password"
		}
	}
	return reply
}

// plainResponse is SASL PLAIN's (RFC 4616), encoded.
func plainResponse(user string, password []byte) []byte {
	raw := make([]byte, 0, len(user)+len(password)+2)
	raw = append(append(append(append(raw, 0), user...), 0), password...)
	defer clear(raw)
	return encode(raw)
}

func encode(raw []byte) []byte {
	return base64.StdEncoding.AppendEncode(make([]byte, 0, base64.StdEncoding.EncodedLen(len(raw))), raw)
}
