package testserver

import (
	"crypto/subtle"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"
)

// Login serves the LOGIN command.
func (c *session) Login(user, password string) error {
	return c.login("LOGIN", user, func(a *account) bool { return same(a.password, password) })
}

// login checks the secret, counts the session, and lets the hooks have their say.
func (c *session) login(command, user string, check func(*account) bool) error {
	call := IMAPCall{Stage: Before, Command: command, User: user}
	if err := c.ask(call); err != nil {
		return err
	}
	a := c.server.account(user)
	if a == nil {
		return imapserver.ErrAuthFailed
	}
	if err := c.enter(a, check); err != nil {
		return err
	}
	call.Stage = After
	if err := c.ask(call); err != nil {
		c.leave()
		return err
	}
	return nil
}

func (c *session) leave() {
	if c.account == nil {
		return
	}
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	c.account.sessions--
}

func (c *session) enter(a *account, check func(*account) bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !check(a) {
		return imapserver.ErrAuthFailed
	}
	if limit := c.server.cfg.MaxSessions; limit > 0 && a.sessions >= limit {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeLimit, Text: "Too many simultaneous connections"}
	}
	a.sessions++
	c.account = a
	return nil
}

// AuthenticateMechanisms is what the capabilities announce.
func (c *session) AuthenticateMechanisms() []string {
	return []string{"PLAIN", "XOAUTH2", "OAUTHBEARER"}
}

// Authenticate serves the AUTHENTICATE command.
func (c *session) Authenticate(mechanism string) (sasl.Server, error) {
	switch mechanism {
	case "PLAIN":
		return sasl.NewPlainServer(c.plain), nil
	case "XOAUTH2":
		return &xoauth2{login: c.bearer}, nil
	case "OAUTHBEARER":
		return sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
			if err := c.bearer(o.Username, o.Token); err != nil {
				return &sasl.OAuthBearerError{Status: "invalid_token"}
			}
			return nil
		}), nil
	}
	return nil, no("SASL mechanism not supported")
}

// plain accepts a user's own password, or a master's for another user.
func (c *session) plain(identity, user, password string) error {
	if identity == "" || identity == user {
		return c.login("AUTHENTICATE", user, func(a *account) bool { return same(a.password, password) })
	}
	c.server.accountsMu.Lock()
	master, known := c.server.masters[user]
	c.server.accountsMu.Unlock()
	return c.login("AUTHENTICATE", identity, func(*account) bool { return known && same(master, password) })
}

func (c *session) bearer(user, token string) error {
	return c.login("AUTHENTICATE", user, func(a *account) bool { return a.token != "" && same(a.token, token) })
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
