package accounts

import (
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/internal/clock"
)

// refusals remembers refused logins, and servers that ask to wait at the login, for all who open mailboxes, the worker, those who wait for hints, questions, deposits and verification: until the pause is over nobody
// tries, as asking often may lock the account. Another password may be tried at once: a reload that brings one need not say so.
type refusals struct {
	clock clock.Clock
	pause time.Duration // and up to a quarter more, so that mailboxes do not come back all at once

	mu    sync.Mutex
	gates map[account]*gate
}

// account is one mailbox's login on one side.
type account struct {
	mailbox cutover.MailboxID
	side    cutover.Side
}

// secret stands for what a login proves itself by.
type secret [sha256.Size]byte

// gate lets one at a time log in to an account: those who wait behind a login that fails share its failure. Its fields belong to whoever holds the turn.
type gate struct {
	turn     chan struct{}
	refused  *bridge.RefusedLogin // the last login that was answered; nil when it succeeded
	with     secret
	insisted bool  // the next try is granted, whatever the time
	asked    error // of the last connection that was throttled; nil when one succeeded
	until    time.Time
	asks     int   // in a row
	lost     error // of the last connection that could not be made
	lostAt   time.Time
}

func newRefusals(c clock.Clock, pause time.Duration) *refusals {
	return &refusals{clock: c, pause: pause, gates: map[account]*gate{}}
}

func (r *refusals) gate(a account) *gate {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.gates[a]
	if g == nil {
		g = &gate{turn: make(chan struct{}, 1)}
		r.gates[a] = g
	}
	return g
}

// through calls connect, which logs in, unless the account rests after a refused login: then it returns that refusal.
func (r *refusals) through(ctx context.Context, a account, with secret, connect func() error) error {
	g, came := r.gate(a), r.clock.Now()
	if err := g.take(ctx); err != nil {
		return err
	}
	defer g.give()
	switch now := r.clock.Now(); {
	case g.lostAt.After(came):
		return g.lost
	case g.asked != nil && now.Before(g.until) && !g.insisted:
		return g.asked
	case g.shut(now, with):
		return g.refused
	}
	err := connect()
	var refused *bridge.RefusedLogin
	var busy *bridge.Busy
	switch now := r.clock.Now(); {
	case err == nil:
		g.refused, g.asked, g.asks = nil, nil, 0
	case errors.As(err, &busy) && busy.Kind == bridge.Throttled:
		g.asks++
		busy.Until = now.Add(r.wait(busy.Wait, g.asks))
		g.asked, g.until = err, busy.Until
	case errors.As(err, &refused):
		g.refused, g.with = &bridge.RefusedLogin{At: now, Next: now.Add(r.pause + rand.N(r.pause/4).Truncate(time.Second)), Err: refused.Err}, with
		err = g.refused
	case ctx.Err() == nil:
		g.lost, g.lostAt = err, now
	}
	return err
}

// Where a server asks to wait and does not say for how long, it is a minute first and an hour in the end, in parts of the pause after a refused login.
const (
	askedFirst = 10 // the pause through this
	askedLong  = 6  // the pause times this
)

// wait is how long an account rests after it was throttled so often in a row.
func (r *refusals) wait(named time.Duration, asks int) time.Duration {
	wait := min(r.pause/askedFirst<<min(asks-1, 10), askedLong*r.pause)
	if named > 0 {
		wait = time.Duration(float64(named) * float64(r.pause) / float64(loginPause)) // as fast as the clock
	}
	return max(wait+rand.N(max(wait/4, 1)), r.pause/600)
}

// insist grants a mailbox that rests one more try: a person asks, who may have mended something on the server.
func (r *refusals) insist(ctx context.Context, m cutover.MailboxID) error {
	for _, side := range []cutover.Side{cutover.Legacy, cutover.Cloud} {
		g := r.gate(account{m, side})
		if err := g.take(ctx); err != nil {
			return err
		}
		g.insisted = true
		g.give()
	}
	return nil
}

func (g *gate) take(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) give() { <-g.turn }

// shut reports whether the account rests, for those who come with this secret.
func (g *gate) shut(now time.Time, with secret) bool {
	insisted := g.insisted
	g.insisted = false
	return g.refused != nil && now.Before(g.refused.Next) && with == g.with && !insisted
}
