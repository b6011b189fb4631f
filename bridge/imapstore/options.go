package imapstore

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/sirupsen/logrus"
)

// TLSMode is how a connection becomes private.
type TLSMode string

const (
	ImplicitTLS TLSMode = "implicit" // from the first octet, port 993
	StartTLS    TLSMode = "starttls" // by command, port 143; a server that does not offer it is refused
	NoTLS       TLSMode = "none"     // never; for loopback
)

// Options say how a mailbox is reached. Address, TLS and one of SASL and Password are required; the zero value of everything else is a sensible default.
type Options struct {
	Address   string // host:port
	Server    string // its name, for errors that tell who asks to wait
	TLS       TLSMode
	TLSConfig *tls.Config // nil verifies the host of Address

	// SASL makes a client for one attempt, by a mechanism among those offered. It is called once per connection.
	SASL func(ctx context.Context, offered ...string) (sasl.Client, error)
	// Refused, if not nil, is told of the client whose attempt the server refused: a token may be stale.
	Refused func(sasl.Client)
	// Password is for servers that offer no mechanism at all: it is sent by the LOGIN command. May be nil.
	Password func() (username, password string, err error)

	// Guard, if not nil, stands before each connection: it makes it by calling connect, twice at most, and returns its error, or one of its own that matches
	// ErrConnection or ErrLogin. The error of a refused login is a *bridge.RefusedLogin.
	Guard func(ctx context.Context, connect func() error) error
	// Dial replaces net.Dialer in tests.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Limit bounds the connections to this server over all stores of the process. May be nil. One that is a Crowder too hears of it when the server takes no more.
	Limit Limiter
	// Timeout is how long a server may be silent while an answer is due; 2 minutes when zero.
	Timeout time.Duration

	// Breaks is what the mailbox's stores of before know of breaking lines; of its own when nil.
	Breaks *Breaks

	Batch      int           // items per batch of Next and per command of Scan; 500 when zero
	Budget     *Budget       // memory for bodies, usually shared by all stores; 16 MiB of its own when nil
	SmallBody  int64         // bodies up to this many octets are kept in memory while the budget has room; 4 MiB when zero
	LargeBody  int64         // larger bodies are not read: the item has an error; 1 GiB when zero
	TempDir    string        // for bodies that do not lie in memory; the system's when empty
	FlagPoll   int           // without CONDSTORE: every how many idle calls of Next all flags are read; 20 when zero
	AppendSize int64         // octets in one MULTIAPPEND; 2 MiB when zero
	Lanes      int           // connections that one Put uses to a server without MULTIAPPEND, where they can be had; 4 when zero
	Gather     time.Duration // how long a MULTIAPPEND waits for its next item; 5 ms when zero
	AppendMax  int           // items in one MULTIAPPEND, and unanswered items without it; 100 when zero

	// Log hears of reconnections and of what had to be worked around. Nil discards.
	Log logrus.FieldLogger
}

// Limiter bounds connections. A store takes its first connection with Acquire and further ones, without which it only gets slower, with TryAcquire.
type Limiter interface {
	Acquire(ctx context.Context) error
	TryAcquire() bool
	Release()
}

// Crowder is a Limiter that adapts to what the server takes.
type Crowder interface {
	// Crowded is told that the server refused a connection because there are too many. That connection's permit is given back already.
	Crowded()
}

// NewLimiter returns a Limiter of n connections.
func NewLimiter(n int) Limiter { return limiter(make(chan struct{}, n)) }

type limiter chan struct{}

func (l limiter) Acquire(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l limiter) TryAcquire() bool {
	select {
	case l <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l limiter) Release() { <-l }

// unlimited is the Limiter of those who set none.
type unlimited struct{}

func (unlimited) Acquire(ctx context.Context) error { return ctx.Err() }
func (unlimited) TryAcquire() bool                  { return true }
func (unlimited) Release()                          {}

func (o Options) withDefaults() Options {
	orInt(&o.Batch, 500)
	orInt(&o.FlagPoll, 20)
	orInt(&o.Lanes, 4)
	orInt(&o.Gather, 5*time.Millisecond)
	orInt(&o.AppendMax, 100)
	orInt(&o.SmallBody, 4<<20)
	orInt(&o.LargeBody, 1<<30)
	orInt(&o.AppendSize, 2<<20)
	orInt(&o.Timeout, 2*time.Minute)
	if o.Budget == nil {
		o.Budget = NewBudget(16 << 20)
	}
	if o.Breaks == nil {
		o.Breaks = NewBreaks(0)
	}
	if o.Limit == nil {
		o.Limit = unlimited{}
	}
	if o.Guard == nil {
		o.Guard = func(_ context.Context, connect func() error) error { return connect() }
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 30 * time.Second}).DialContext
	}
	if o.Log == nil {
		o.Log = silent()
	}
	return o
}

func silent() logrus.FieldLogger {
	log := logrus.New()
	log.SetLevel(logrus.PanicLevel)
	return log
}

func orInt[N int | int64 | time.Duration](n *N, usual N) {
	if *n <= 0 {
		*n = usual
	}
}
