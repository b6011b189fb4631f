package listener

import (
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/cutover"
)

// Config holds everything a Server needs. Zero numbers and durations stand for the defaults named beside them.
type Config struct {
	Name     string        // the listener's name, in logs and Session
	Role     cutover.Route // what it is for
	Hostname string        // name by which it greets

	Sockets []net.Listener // handed over; the Server closes them. If there are none, Addr is listened on
	Addr    string         // host:port

	// TLS offers STARTTLS (nil: not offered). The configuration is copied; session tickets are switched off in the copy, because Microsoft's
	// senders abort handshakes in which a Go server sends TLS 1.3 tickets (golang/go#70232).
	TLS         *tls.Config
	ImplicitTLS bool // TLS from the first octet (port 465)

	// Auth is asked for the passwords of users; with the role submission nobody sends without it, and it is offered inside TLS only. nil: no logins.
	Auth Authenticator

	Intake   Intake
	Observer Observer // may be nil
	Log      logrus.FieldLogger

	MaxMessageBytes int64 // octets of a message as SIZE counts them (RFC 1870 §5); default 150 MiB
	MaxRecipients   int   // per message; default 1000

	CommandTimeout time.Duration // longest wait for a command; default 5 min (RFC 5321 §4.5.3.2.7)
	DataTimeout    time.Duration // longest wait for the next piece of a body; default 3 min (RFC 5321 §4.5.3.2.5)
	MessageTimeout time.Duration // longest time from MAIL to the end of the body; default 2 h
	WriteTimeout   time.Duration // longest wait for a client to take a reply; default 1 min

	DSN        func() bool // whether to offer DSN (RFC 3461), asked at each EHLO: only if what is asked for is passed on or done; nil: always
	SMTPUTF8   bool        // offer SMTPUTF8 (RFC 6531): only if every way out can keep it
	RequireTLS func() bool // whether to offer REQUIRETLS (RFC 8689) inside TLS, asked at each EHLO: only if the way out can keep it; nil: never

	Limits

	attempts *attempts // to log in
}

// Limits of a session that no configuration changes.
const (
	maxCommandLine = 2048 // octets with CRLF: RFC 5321's 512 and room for every extension offered
	maxTold        = 20   // refusals that the log tells of, since the last message accepted
	maxHeloName    = 255
)

const (
	tlsTimeout  = 30 * time.Second // for a whole handshake
	lastTimeout = time.Second      // for the last words to a client that is being left
)

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Intake == nil:
		return c, errors.New("listener needs an intake")
	case c.Log == nil:
		return c, errors.New("listener needs a logger")
	case c.Hostname == "":
		return c, errors.New("listener needs a hostname")
	case len(c.Sockets) == 0 && c.Addr == "":
		return c, errors.New("listener needs a socket or an address")
	case c.ImplicitTLS && c.TLS == nil:
		return c, errors.New("TLS from the first octet needs a certificate")
	case c.Role == cutover.Submission && (c.Auth == nil || c.TLS == nil):
		return c, errors.New("submission needs a certificate, and somebody who knows the passwords")
	}
	c.attempts = newAttempts(time.Now)
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	c.TLS = withoutTickets(c.TLS)
	setDefault(&c.MaxMessageBytes, 150<<20)
	setDefault(&c.MaxRecipients, 1000)
	setDefault(&c.CommandTimeout, 5*time.Minute)
	setDefault(&c.DataTimeout, 3*time.Minute)
	setDefault(&c.MessageTimeout, 2*time.Hour)
	setDefault(&c.WriteTimeout, time.Minute)
	c.Limits.setDefaults()
	return c, nil
}

func setDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// withoutTickets copies a TLS configuration with session tickets off, in what GetConfigForClient returns too.
func withoutTickets(c *tls.Config) *tls.Config {
	if c == nil {
		return nil
	}
	c = c.Clone()
	c.SessionTicketsDisabled = true
	if pick := c.GetConfigForClient; pick != nil {
		c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			picked, err := pick(hello)
			return withoutTickets(picked), err
		}
	}
	return c
}
