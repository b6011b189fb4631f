package daemon

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

// refusals remembers refused logins for all who open mailboxes, the worker, those who wait for hints, questions, deposits and verification: until the pause is over nobody
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
	switch {
	case g.lostAt.After(came):
		return g.lost
	case g.shut(r.clock.Now(), with):
		return g.refused
	}
	err := connect()
	var refused *bridge.RefusedLogin
	switch now := r.clock.Now(); {
	case err == nil:
		g.refused = nil
	case errors.As(err, &refused):
		g.refused, g.with = &bridge.RefusedLogin{At: now, Next: now.Add(r.pause + rand.N(r.pause/4).Truncate(time.Second)), Err: refused.Err}, with
		err = g.refused
	case ctx.Err() == nil:
		g.lost, g.lostAt = err, now
	}
	return err
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
