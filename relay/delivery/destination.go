package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Protocol is what the next hop speaks.
type Protocol string

const (
	SMTP Protocol = "smtp" // the default
	LMTP Protocol = "lmtp" // RFC 2033: a reply for each recipient
)

// TLSMode says when TLS begins and what happens without it.
type TLSMode string

const (
	// STARTTLS, the default: nothing but EHLO and QUIT is said before STARTTLS
	// has succeeded and the certificate was verified.
	STARTTLS TLSMode = "starttls"
	// Implicit TLS from the first byte (port 465, RFC 8314).
	Implicit TLSMode = "implicit"
	// Opportunistic encrypts where STARTTLS is offered and verifies only
	// against Fingerprints, if there are any: whoever could forge the
	// certificate could as well strip the offer. For servers on the same site.
	Opportunistic TLSMode = "opportunistic"
	// Plaintext never encrypts. For loopback and sockets.
	Plaintext TLSMode = "none"
)

// TLS is how the next hop proves who it is, and we to it.
type TLS struct {
	Mode TLSMode
	// ServerName is the name its certificate must carry; by default the host
	// of the destination's address.
	ServerName string
	// Roots verify its chain; nil and no CAFile means the system's roots.
	Roots *x509.CertPool
	// CAFile holds further roots in PEM. New reads it.
	CAFile string
	// Fingerprints are SHA-256 digests of its certificate in hexadecimal,
	// colons allowed. If there are any, one must match and neither chain nor
	// name is looked at.
	Fingerprints []string
	// SkipVerify accepts any certificate. Only for tests and last resorts.
	SkipVerify bool
	// ClientCertificate is asked for our certificate in each handshake; nil
	// means we have none.
	ClientCertificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)
}

// Mechanism is a SASL mechanism.
type Mechanism string

const (
	PLAIN   Mechanism = "PLAIN"
	LOGIN   Mechanism = "LOGIN"
	XOAUTH2 Mechanism = "XOAUTH2"
)

// Auth is our login; without Username there is none.
type Auth struct {
	// Mechanism is chosen when empty: XOAUTH2 with a Token, else PLAIN if
	// offered, else LOGIN.
	Mechanism Mechanism
	Username  string
	// Password and Token are asked at each login, so that a changed secret is
	// used at once. Their results are never logged nor part of an error. A Token
	// that was refused is named in the next question, within the same login: if
	// the answer is another one, that is tried.
	Password func(context.Context) (string, error)
	Token    func(ctx context.Context, refused string) (string, error)
	// WithoutTLS allows the login on a connection that is not encrypted.
	WithoutTLS bool
}

// Timeouts bound single steps; zero fields take the values of
// DefaultTimeouts.
type Timeouts struct {
	Connect  time.Duration // connecting, and a TLS handshake
	Greeting time.Duration
	Command  time.Duration // one reply to anything but the following
	Data     time.Duration // the reply to DATA
	Block    time.Duration // writing one buffer
	Final    time.Duration // the reply to the end of the message
	Check    time.Duration // the reply to a check of an idle connection, or to QUIT
}

// DefaultTimeouts are those of RFC 5321 §4.5.3.2, which has none for
// connecting and checking.
var DefaultTimeouts = Timeouts{
	Connect:  30 * time.Second,
	Greeting: 5 * time.Minute,
	Command:  5 * time.Minute,
	Data:     2 * time.Minute,
	Block:    3 * time.Minute,
	Final:    10 * time.Minute,
	Check:    5 * time.Second,
}

// Destination is one next hop.
type Destination struct {
	// Name stands in errors, e.g. "cloud:smtp"; by default the address.
	Name string
	// Address is host:port, or unix:/path for a socket.
	Address  string
	Protocol Protocol
	TLS      TLS
	Auth     Auth
	// Proxy begins each session with a header that names the envelope's Origin.
	Proxy ProxyVersion

	MaxConnections int           // at most so many at once; default 4
	MaxMessages    int           // QUIT after so many on one connection; default 100
	MaxAge         time.Duration // QUIT a connection older than this; default 10 min
	IdleTimeout    time.Duration // QUIT a connection unused for so long; default 30 s
	CheckAfter     time.Duration // ask with RSET whether a connection idle for so long is alive; default 10 s

	// Ignore lists EHLO keywords to treat as not offered, for next hops that
	// offer what they do badly, e.g. "CHUNKING".
	Ignore   []string
	Timeouts Timeouts
}

// Config is what New needs.
type Config struct {
	Destination Destination
	// Hello is the name we give in EHLO or LHLO: our host's own, or an address
	// literal.
	Hello string
	// Find finds the hosts of the destination anew for each session; they are
	// tried in their order. Nil means the Address alone; otherwise that only
	// names the destination.
	Find func(ctx context.Context) ([]Host, error)
	// Dial makes connections; nil means net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (c *Config) complete() error {
	d := &c.Destination
	if d.Name == "" {
		d.Name = d.Address
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("destination %s: %w", d.Name, err)
	}
	fill(&d.Protocol, SMTP)
	fill(&d.TLS.Mode, STARTTLS)
	d.MaxConnections = positive(d.MaxConnections, 4)
	d.MaxMessages = positive(d.MaxMessages, 100)
	d.MaxAge = positive(d.MaxAge, 10*time.Minute)
	d.IdleTimeout = positive(d.IdleTimeout, 30*time.Second)
	d.CheckAfter = positive(d.CheckAfter, 10*time.Second)
	d.Timeouts.complete()
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	return nil
}

func (c *Config) check() error {
	if !plainWord(c.Hello) {
		return fmt.Errorf("name for EHLO %q is not a host name", c.Hello)
	}
	d := c.Destination
	if _, _, err := d.endpoint(); err != nil && c.Find == nil {
		return err
	}
	switch d.Protocol {
	case "", SMTP, LMTP:
	default:
		return fmt.Errorf("unknown protocol %q", d.Protocol)
	}
	switch d.TLS.Mode {
	case "", STARTTLS, Implicit, Opportunistic, Plaintext:
	default:
		return fmt.Errorf("unknown TLS mode %q", d.TLS.Mode)
	}
	if d.Proxy > ProxyV2 {
		return fmt.Errorf("unknown version %d of the PROXY protocol", d.Proxy)
	}
	return d.Auth.check()
}

func (a Auth) check() error {
	if a.Username == "" {
		return nil
	}
	switch a.Mechanism {
	case "":
		if a.Password == nil && a.Token == nil {
			return errors.New("a user name but neither password nor token")
		}
	case PLAIN, LOGIN:
		if a.Password == nil {
			return fmt.Errorf("%s needs a password", a.Mechanism)
		}
	case XOAUTH2:
		if a.Token == nil {
			return errors.New("XOAUTH2 needs a token")
		}
	default:
		return fmt.Errorf("unknown mechanism %q", a.Mechanism)
	}
	return nil
}

// endpoint is what to dial.
func (d Destination) endpoint() (network, address string, err error) {
	if path, ok := strings.CutPrefix(d.Address, "unix:"); ok {
		return "unix", path, nil
	}
	if _, _, err := net.SplitHostPort(d.Address); err != nil {
		return "", "", fmt.Errorf("address %q is neither host:port nor unix:/path", d.Address)
	}
	return "tcp", d.Address, nil
}

func (t *Timeouts) complete() {
	d := DefaultTimeouts
	t.Connect = positive(t.Connect, d.Connect)
	t.Greeting = positive(t.Greeting, d.Greeting)
	t.Command = positive(t.Command, d.Command)
	t.Data = positive(t.Data, d.Data)
	t.Block = positive(t.Block, d.Block)
	t.Final = positive(t.Final, d.Final)
	t.Check = positive(t.Check, d.Check)
}

func fill[T ~string](v *T, byDefault T) {
	if *v == "" {
		*v = byDefault
	}
}

func positive[T ~int | ~int64](v, byDefault T) T {
	if v > 0 {
		return v
	}
	return byDefault
}

// plainWord reports whether s can stand in a command as one word.
func plainWord(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}
