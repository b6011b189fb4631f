package login

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// TokenSource gives OAuth 2.0 access tokens. It is used by many goroutines.
type TokenSource interface {
	// Token returns a token that opens mailbox, fetching one if need be. Its
	// errors are classified (*Error), except those of ctx.
	Token(ctx context.Context, mailbox string) (string, error)
	// Invalidate says that token was refused for mailbox: the next call of
	// Token fetches another. A token already replaced, or fetched so recently
	// that another would be no different, stays.
	Invalidate(mailbox, token string)
}

const (
	// renewEarly is how long before its end a token is renewed: an attempt
	// started with it must not outlive it.
	renewEarly = 5 * time.Minute
	// unknownLifetime stands for a lifetime that was not told (RFC 6749 §5.1
	// leaves expires_in optional).
	unknownLifetime = 5 * time.Minute
	// renewRetry is the pause after a failed renewal, while the old token holds.
	renewRetry = 30 * time.Second
	// settledAge: a refused token younger than this is not to blame. One token
	// may serve thousands of mailboxes, and those that are refused for reasons
	// of their own must not have it fetched anew each time.
	settledAge = time.Minute
)

// Tokens is a TokenSource that keeps one token per subject and renews it before
// it ends. Callers that need the same one at the same time share one request.
type Tokens struct {
	fetch      func(ctx context.Context, subject string) (*oauth2.Token, error)
	closeIdle  func()
	perMailbox bool // one token for each mailbox, or one for all
	now        func() time.Time

	mu   sync.Mutex
	held map[string]*held
}

func newTokens(e *endpoint, fetch func(context.Context, string) (*oauth2.Token, error), perMailbox bool, now func() time.Time) *Tokens {
	if now == nil {
		now = time.Now
	}
	return &Tokens{
		fetch: fetch, closeIdle: e.transport.CloseIdleConnections, perMailbox: perMailbox,
		now: now, held: make(map[string]*held),
	}
}

type held struct {
	token                   string
	fetched, renew, expires time.Time
	flight                  *flight // the request on its way, if any
}

// flight is a request that several callers wait for.
type flight struct {
	done  chan struct{}
	token string
	err   error
}

// Token implements TokenSource.
func (t *Tokens) Token(ctx context.Context, mailbox string) (string, error) {
	for {
		token, f, mine := t.current(t.subject(mailbox))
		switch {
		case f == nil:
			return token, nil
		case mine:
			return t.fly(ctx, t.subject(mailbox), f)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-f.done:
		}
		if f.err == nil || !isContext(f.err) {
			return f.token, f.err
		}
		// The caller who made the request gave up, which is no answer for us.
	}
}

// Invalidate implements TokenSource.
func (t *Tokens) Invalidate(mailbox, token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.held[t.subject(mailbox)]
	if h != nil && h.token == token && t.now().Sub(h.fetched) >= settledAge {
		h.token = ""
	}
}

// Close drops the idle connections to the token endpoint. The source can be
// used again.
func (t *Tokens) Close() { t.closeIdle() }

func (t *Tokens) subject(mailbox string) string {
	if t.perMailbox {
		return mailbox
	}
	return ""
}

// current returns a token that is good, or the flight that will bring one. When
// mine is true the caller is to make it.
func (t *Tokens) current(subject string) (token string, f *flight, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.held[subject]
	if h == nil {
		h = &held{}
		t.held[subject] = h
	}
	if h.token != "" && t.now().Before(h.renew) {
		return h.token, nil, false
	}
	if h.flight != nil {
		return "", h.flight, false
	}
	h.flight = &flight{done: make(chan struct{})}
	return "", h.flight, true
}

func (t *Tokens) fly(ctx context.Context, subject string, f *flight) (string, error) {
	token, err := t.fetch(ctx, subject)
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.held[subject]
	h.flight = nil
	f.token, f.err = h.settle(token, err, t.now())
	close(f.done)
	return f.token, f.err
}

// settle takes a fetched token in. When a renewal failed for a passing reason
// the old token serves on for as long as it lives.
func (h *held) settle(token *oauth2.Token, err error, now time.Time) (string, error) {
	if err != nil {
		passing := errors.Is(err, ErrUnavailable) || errors.Is(err, ErrThrottled)
		if passing && h.token != "" && now.Before(h.expires) {
			h.renew = now.Add(renewRetry)
			return h.token, nil
		}
		return "", err
	}
	lifetime := unknownLifetime
	if !token.Expiry.IsZero() {
		lifetime = time.Until(token.Expiry)
	}
	h.token, h.fetched = token.AccessToken, now
	h.expires = now.Add(lifetime)
	h.renew = h.expires.Add(-min(renewEarly, lifetime/5))
	return h.token, nil
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
