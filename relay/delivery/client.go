package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// Client delivers to one destination. Its methods may be called from any
// goroutine; Sends run side by side on up to MaxConnections sessions and wait
// for one beyond that.
type Client struct {
	config Config
	tls    *tls.Config
	pool   *pool
	offers atomic.Pointer[extensions] // of the last session that was opened; nil before
	deaf   atomic.Bool                // the next hop did not hear what went along with the end of a message
	noBDAT atomic.Bool                // the next hop offers CHUNKING and does not know BDAT
	steps  atomic.Pointer[time.Time]  // until when commands are said one by one, whatever is offered; nil: never
	life   context.Context            // ends when Stop cuts sessions off
	abort  context.CancelCauseFunc
}

// New checks the configuration and reads the CA file. It connects to nothing.
func New(config Config) (*Client, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	tls, err := tlsConfig(config)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", config.Destination.Name, err)
	}
	c := &Client{config: config, tls: tls}
	c.life, c.abort = context.WithCancelCause(context.Background())
	c.pool = newPool(c.life, &c.config.Destination)
	return c, nil
}

// Stop ends the client: no Send begins any more, idle sessions are ended with
// QUIT, and those in use may finish until ctx ends, when they are cut off. It
// returns when all have ended; the error is ctx's if ctx ended before that. It
// may be called again.
func (c *Client) Stop(ctx context.Context) error {
	done := context.AfterFunc(ctx, func() { c.abort(ErrStopped) })
	c.pool.close()
	if !done() {
		return context.Cause(ctx)
	}
	return nil
}

// Send delivers one message to all recipients of the envelope in one
// transaction. There is one Outcome per recipient, in their order, whatever
// the error is.
//
// The error is nil if every recipient was Accepted or refused, or found
// NotFit alone. It is an *Unfit if no recipient could be served for a reason
// of the message, a *SessionError for trouble with the connection, ErrStopped
// or ctx's cause if it waited for a session in vain, else the body's own error
// or ErrSize; it then says why recipients are Unsent or InDoubt. When ctx ends
// during a session the connection is closed and the SessionError wraps ctx's
// cause.
func (c *Client) Send(ctx context.Context, env Envelope, body Body) ([]Outcome, error) {
	outs := make([]Outcome, len(env.Recipients))
	live, err := admit(&env, outs)
	if err != nil || len(live) == 0 {
		return outs, err
	}
	ctx, cancel := c.lifetime(ctx)
	defer cancel()
	if err := c.pool.enter(ctx); err != nil {
		return outs, unsent(outs, live, err)
	}
	defer c.pool.leave()
	src, err := openSource(body)
	if err != nil {
		return outs, unsent(outs, live, err)
	}
	defer src.close()
	return outs, c.transact(ctx, &env, src, live, outs)
}

// transact runs the transaction, once more on a new session if it began on an
// idle one that was dead, or if BDAT is not known there.
func (c *Client) transact(ctx context.Context, env *Envelope, src *source, live []int, outs []Outcome) error {
	for {
		s, reused, err := c.session(ctx, env, src.size)
		if o, ok := c.ofClient(err); ok {
			for _, i := range live {
				outs[i] = o
			}
			return nil
		}
		if err != nil {
			return unsent(outs, live, err)
		}
		c.disbelieve(s)
		t := &transaction{c: s, env: env, src: src, outs: outs, live: slices.Clone(live), announces: !c.deaf.Load()}
		done := s.watch(ctx)
		err = t.run(ctx)
		s.dead = !done() || s.dead
		c.pool.put(s)
		if errors.Is(err, errNoBDAT) {
			c.noBDAT.Store(true)
			forget(outs, live)
			if err := src.again(); err != nil {
				return unsent(outs, live, err)
			}
			continue
		}
		if t.told && t.heard == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			c.deaf.Store(true)
		}
		if !t.told && s.thrownAway(t.heard, err) {
			c.goInSteps()
		}
		if !reused || !t.stale(err) || ctx.Err() != nil {
			return err
		}
		c.pool.flush()
		forget(outs, live)
	}
}

// stepsFor is for how long commands are said one by one to a next hop that seems to have thrown away what came
// along with another: it may as well have been slow.
const stepsFor = time.Hour

func (c *Client) goInSteps() {
	until := time.Now().Add(stepsFor)
	c.steps.Store(&until)
}

// disbelieve takes what a next hop was seen not to serve for not offered.
func (c *Client) disbelieve(s *conn) {
	if c.noBDAT.Load() {
		s.ext = s.ext.without("CHUNKING")
	}
	if until := c.steps.Load(); until != nil && time.Now().Before(*until) {
		s.ext = s.ext.without("PIPELINING")
	}
}

// session is the one that was told of the message, an idle one, or a new one,
// which another client's may have to make room for.
func (c *Client) session(ctx context.Context, env *Envelope, size int64) (s *conn, reused bool, err error) {
	if s := c.pool.announced(env, size); s != nil {
		return s, true, nil
	}
	if s := c.pool.take(ctx, c.client(env.Origin)); s != nil {
		return s, true, nil
	}
	c.pool.makeRoom()
	if s, err = c.connect(ctx, env.Origin); err == nil {
		offers := s.ext
		c.offers.Store(&offers)
	}
	return s, false, err
}

// Offers reports whether the next hop offered an extension in the last session that was opened; known is false before the first. REQUIRETLS counts where TLS has proven the next hop.
func (c *Client) Offers(extension string) (offers, known bool) {
	ext := c.offers.Load()
	if ext == nil {
		return false, false
	}
	return ext.has(extension), true
}

// admit finds the recipients that can be written in a command.
func admit(env *Envelope, outs []Outcome) (live []int, err error) {
	if len(outs) == 0 {
		return nil, errors.New("envelope without recipients")
	}
	mail := env.checkMail()
	for i := range outs {
		u := mail
		if u == nil {
			u = env.Recipients[i].check()
		}
		if u != nil {
			outs[i] = Outcome{Kind: NotFit, Err: u}
			continue
		}
		live = append(live, i)
	}
	if mail != nil {
		return nil, mail
	}
	return live, nil
}

func unsent(outs []Outcome, live []int, err error) error {
	for _, i := range live {
		outs[i] = Outcome{Err: err}
	}
	return err
}

func forget(outs []Outcome, live []int) {
	for _, i := range live {
		outs[i] = Outcome{}
	}
}

// lifetime is ctx that also ends when Stop's patience does.
func (c *Client) lifetime(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(c.life, func() { cancel(context.Cause(c.life)) })
	return ctx, func() { release(); cancel(nil) }
}

// Peer is what Probe found.
type Peer struct {
	Greeting Reply
	// TLS is nil without TLS.
	TLS *tls.ConnectionState
	// Extensions are the EHLO keywords with their parameters, in upper case.
	Extensions map[string][]string
}

// Probe makes a new session up to and including the login and ends it with
// QUIT. It fails as Send would, with a *SessionError.
func (c *Client) Probe(ctx context.Context) (Peer, error) {
	ctx, cancel := c.lifetime(ctx)
	defer cancel()
	if err := c.pool.enter(ctx); err != nil {
		return Peer{}, err
	}
	defer c.pool.leave()
	if idle := c.pool.pop(anybody); idle != nil {
		idle.quit() // to stay within MaxConnections
	}
	s, err := c.connect(ctx, nil)
	if err != nil {
		return Peer{}, err
	}
	s.quit()
	return Peer{Greeting: s.greeting, TLS: s.tls, Extensions: maps.Clone(s.ext)}, nil
}
