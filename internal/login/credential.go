package login

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
)

// The SASL mechanisms a Credential can use.
const (
	Plain       = "PLAIN"       // RFC 4616
	Login       = "LOGIN"       // obsolete, for servers that offer nothing else
	XOAuth2     = "XOAUTH2"     // Google's and Microsoft's own
	OAuthBearer = "OAUTHBEARER" // RFC 7628
)

// Secret reveals a password or key, anew at each call: a file that changed is
// read again. Its error must not contain what it reveals.
type Secret func() (string, error)

// Credential is who logs in and how: either a Password or Tokens. The zero
// value logs in nowhere. It may be copied, and used by many goroutines.
type Credential struct {
	// Username is who authenticates. With Tokens it is also the subject: the
	// mailbox that is opened.
	Username string
	// Authzid is the mailbox to act as, when Username is somebody else (an
	// administrator); empty otherwise. Only PLAIN carries it.
	Authzid string
	// Mechanism is the only one to use; empty means the best that is offered.
	Mechanism string

	Password Secret
	Tokens   TokenSource
}

// MasterUser is the name by which Dovecot's and Cyrus' likes let a master user
// into mailbox: "mailbox*master" with Dovecot's usual separator "*". It is an
// alternative to Authzid that works with LOGIN too.
func MasterUser(mailbox, separator, master string) string {
	return mailbox + separator + master
}

// SASL returns a client for one attempt, by the best mechanism that the
// credential can use and the server offered. Without any offered, the
// credential's first choice is taken. With Tokens it may have to fetch one, in
// the time that ctx gives.
func (c Credential) SASL(ctx context.Context, offered ...string) (sasl.Client, error) {
	mechanism, err := c.choose(offered)
	if err != nil {
		return nil, fmt.Errorf("logging in as %s: %w", c.Username, err)
	}
	client, err := c.client(ctx, mechanism)
	if err != nil {
		return nil, fmt.Errorf("logging in as %s: %w", c.Username, err)
	}
	return client, nil
}

// Refused tells the credential that the server answered the attempt made with
// client by a failure, of whatever kind: Dovecot may call a stale token a
// temporary failure. The token is dropped, unless it is new; a password needs
// nothing.
func (c Credential) Refused(client sasl.Client) {
	if b, ok := client.(*bearerClient); ok && c.Tokens != nil {
		c.Tokens.Invalidate(c.Username, b.token)
	}
}

// UsernamePassword reveals what IMAP's LOGIN command takes, for servers that
// offer no SASL mechanism. An Authzid cannot be said this way.
func (c Credential) UsernamePassword() (username, password string, err error) {
	if c.Password == nil || c.Authzid != "" {
		return "", "", fmt.Errorf("logging in as %s: %w", c.Username, errNoPassword)
	}
	password, err = c.password()
	if err != nil {
		return "", "", fmt.Errorf("logging in as %s: %w", c.Username, err)
	}
	return c.Username, password, nil
}

// Authorization is the value of HTTP's Authorization header: Basic (RFC 7617)
// or Bearer (RFC 6750). An Authzid cannot be said this way.
func (c Credential) Authorization(ctx context.Context) (string, error) {
	if c.Tokens != nil {
		token, err := c.token(ctx)
		if err != nil {
			return "", fmt.Errorf("logging in as %s: %w", c.Username, err)
		}
		return "Bearer " + token, nil
	}
	username, password, err := c.UsernamePassword()
	if err != nil {
		return "", err
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password)), nil
}

var (
	errNoPassword = errors.New("no password that can be sent without SASL")
	errControl    = errors.New("a control character in the name, password or token")
)

// usable lists the mechanisms the credential can use, best first.
func (c Credential) usable() []string {
	var all []string
	switch {
	case c.Tokens != nil:
		all = []string{XOAuth2, OAuthBearer}
	case c.Password != nil && c.Authzid != "":
		all = []string{Plain}
	case c.Password != nil:
		all = []string{Plain, Login}
	}
	if c.Mechanism != "" {
		all = slices.DeleteFunc(all, func(m string) bool { return !strings.EqualFold(m, c.Mechanism) })
	}
	return all
}

func (c Credential) choose(offered []string) (string, error) {
	usable := c.usable()
	if len(usable) == 0 {
		return "", errors.New("neither a password nor a token source for the mechanism that was asked for")
	}
	if len(offered) == 0 {
		return usable[0], nil
	}
	for _, mechanism := range usable {
		if slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, mechanism) }) {
			return mechanism, nil
		}
	}
	return "", &Error{
		Kind: ErrDisabled,
		Hint: "the server does not offer a way to log in that fits: it may want TLS first, or tokens instead of passwords",
		Err:  fmt.Errorf("server offers %s, not %s", strings.Join(offered, ", "), strings.Join(usable, " or ")),
	}
}

func (c Credential) client(ctx context.Context, mechanism string) (sasl.Client, error) {
	if hasControl(c.Username) || hasControl(c.Authzid) {
		return nil, errControl
	}
	if mechanism == XOAuth2 || mechanism == OAuthBearer {
		token, err := c.token(ctx)
		if err != nil {
			return nil, err
		}
		return &bearerClient{mechanism: mechanism, user: c.Username, token: token}, nil
	}
	password, err := c.password()
	if err != nil {
		return nil, err
	}
	if mechanism == Login {
		return &loginClient{username: c.Username, password: password}, nil
	}
	return sasl.NewPlainClient(c.Authzid, c.Username, password), nil
}

func (c Credential) password() (string, error) {
	password, err := c.Password()
	switch {
	case err != nil:
		return "", fmt.Errorf("reading the password: %w", err)
	case password == "":
		return "", errors.New("the password is empty")
	case hasControl(password):
		return "", errControl
	}
	return password, nil
}

func (c Credential) token(ctx context.Context) (string, error) {
	token, err := c.Tokens.Token(ctx, c.Username)
	if err != nil {
		return "", err
	}
	if hasControl(token) {
		return "", errControl
	}
	return token, nil
}

// hasControl finds what would end a field of a SASL message (NUL, ^A) or of a
// line.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
