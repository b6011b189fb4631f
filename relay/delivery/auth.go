package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-sasl"
)

// maxCommand is the length of a command line without its CRLF (RFC 5321
// §4.5.3.1.4). An initial response that would exceed it is sent after the
// first challenge instead (RFC 4954 §4).
const maxCommand = 510

// login authenticates if the destination has a user name.
func (c *conn) login(ctx context.Context) error {
	auth := c.dest.Auth
	if auth.Username == "" {
		return nil
	}
	if c.cleartext() && !auth.WithoutTLS {
		return c.failed(StageAuth, errors.New("no login without TLS"))
	}
	mechanism, ok := auth.choose(c.ext)
	if !ok {
		return c.failed(StageAuth, ErrAuthNotOffered)
	}
	secret, err := auth.secret(ctx, mechanism)
	if err != nil {
		return c.failed(StageAuth, err)
	}
	r, err := c.authenticate(auth.client(mechanism, secret))
	if err == nil && mechanism == XOAUTH2 && r.Negative() && r.Code != 421 {
		r, err = c.renew(ctx, secret, r)
	}
	if err != nil {
		return c.failed(StageAuth, err)
	}
	if !r.Positive() {
		return c.refused(StageAuth, r)
	}
	return nil
}

func (a Auth) choose(ext extensions) (Mechanism, bool) {
	var able []Mechanism
	switch {
	case a.Mechanism != "":
		able = []Mechanism{a.Mechanism}
	case a.Token != nil:
		able = []Mechanism{XOAUTH2}
	default:
		able = []Mechanism{PLAIN, LOGIN}
	}
	i := slices.IndexFunc(able, ext.offers)
	if i < 0 {
		return "", false
	}
	return able[i], true
}

// renew logs in once more if there is a new token: the one that was refused may
// have been revoked before its time. Without one the refusal stands.
func (c *conn) renew(ctx context.Context, refused string, r Reply) (Reply, error) {
	token, err := c.dest.Auth.Token(ctx, refused)
	if err != nil {
		return Reply{}, fmt.Errorf("getting a new token for %s: %w", c.dest.Auth.Username, err)
	}
	if token == refused {
		return r, nil
	}
	return c.authenticate(c.dest.Auth.client(XOAUTH2, token))
}

func (a Auth) secret(ctx context.Context, m Mechanism) (secret string, err error) {
	if m == XOAUTH2 {
		secret, err = a.Token(ctx, "")
	} else {
		secret, err = a.Password(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("getting the secret of %s: %w", a.Username, err)
	}
	return secret, nil
}

func (a Auth) client(m Mechanism, secret string) sasl.Client {
	switch m {
	case XOAUTH2:
		return &xoauth2{a.Username, secret}
	case LOGIN:
		return &login{answers: []string{a.Username, secret}}
	default:
		return sasl.NewPlainClient("", a.Username, secret)
	}
}

// authenticate runs the exchange to its last reply.
func (c *conn) authenticate(client sasl.Client) (Reply, error) {
	name, initial, err := client.Start()
	if err != nil {
		return Reply{}, err
	}
	line := "AUTH " + name
	// LOGIN has no initial response in its draft; old Exchange refuses one.
	if with := line + " " + encode64(initial); name != sasl.Login && len(with) <= maxCommand {
		line, initial = with, nil
	}
	r, err := c.ask(c.dest.Timeouts.Command, line)
	for rounds := 0; err == nil && r.Code == 334; rounds++ {
		if rounds == 4 {
			return Reply{}, fmt.Errorf("%w: endless challenges", errProtocol)
		}
		r, err = c.respond(client, initial, r)
		initial = nil
	}
	return r, err
}

func (c *conn) respond(client sasl.Client, initial []byte, r Reply) (Reply, error) {
	response := initial
	if response == nil {
		challenge, err := decode64(r.Text)
		if err != nil {
			return Reply{}, fmt.Errorf("%w: challenge is not base64", errProtocol)
		}
		if response, err = client.Next(challenge); err != nil {
			return Reply{}, err
		}
	}
	return c.ask(c.dest.Timeouts.Command, encode64(response))
}

// login is the older mechanism. It answers in order whatever the questions say: its draft words them "User Name" and "Password" with a NUL behind, most servers "Username:" and "Password:".
type login struct{ answers []string }

func (l *login) Start() (mechanism string, initial []byte, err error) {
	initial, err = l.Next(nil)
	return sasl.Login, initial, err
}

func (l *login) Next([]byte) ([]byte, error) {
	if len(l.answers) == 0 {
		return nil, sasl.ErrUnexpectedServerChallenge
	}
	answer := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(answer), nil
}

// xoauth2 is Google's and Microsoft's mechanism.
type xoauth2 struct{ user, token string }

func (x *xoauth2) Start() (mechanism string, initial []byte, err error) {
	return string(XOAUTH2), []byte("user=" + x.user + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next answers the challenge that carries the server's reason, in JSON, with
// an empty response; the 535 follows.
func (x *xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }
