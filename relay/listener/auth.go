package listener

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"posthouse/cutover"
)

// Authenticator says whether a user's password is right. It is called from many goroutines at once, and never but for a session inside TLS.
type Authenticator interface {
	// Authenticate returns nil for a yes and an error that matches ErrPassword for a definite no. Anything else is nobody's fault: the client is told to try again. The
	// password is wiped when it returns; it must not be kept, nor stand in an error.
	Authenticate(ctx context.Context, s Session, user string, password []byte) error
}

// ErrPassword is the definite no: there is no such user, or another password.
var ErrPassword = errors.New("wrong name or password")

var (
	refuseStranger   = &Refusal{Code: 530, Enhanced: [3]int{5, 7, 0}, Text: "Log in first"}                                 // RFC 4954 §6
	refuseUnsecured  = &Refusal{Code: 530, Enhanced: [3]int{5, 7, 0}, Text: "Say STARTTLS first"}                           // RFC 3207 §4
	refuseClearAuth  = &Refusal{Code: 538, Enhanced: [3]int{5, 7, 11}, Text: "Logging in needs TLS: say STARTTLS first"}    // RFC 4954 §6
	refuseAuthAgain  = &Refusal{Code: 503, Enhanced: [3]int{5, 5, 1}, Text: "No login now"}                                 // RFC 4954 §4
	refuseMechanism  = &Refusal{Code: 504, Enhanced: [3]int{5, 5, 4}, Text: "Mechanism not offered here"}                   // RFC 4954 §4
	refuseResponse   = &Refusal{Code: 501, Enhanced: [3]int{5, 5, 2}, Text: "Response not understood"}                      // RFC 4954 §4
	refuseCancelled  = &Refusal{Code: 501, Enhanced: [3]int{5, 7, 0}, Text: "Login cancelled"}                              // RFC 4954 §4
	refusePassword   = &Refusal{Code: 535, Enhanced: [3]int{5, 7, 8}, Text: "Name or password is wrong"}                    // RFC 4954 §6
	refuseUndecided  = &Refusal{Code: 454, Enhanced: [3]int{4, 7, 0}, Text: "Passwords cannot be checked now, try again"}   // RFC 4954 §6
	refuseImpatience = &Refusal{Code: 454, Enhanced: [3]int{4, 7, 0}, Text: "Too many attempts to log in, try again later"} // RFC 4954 §6
)

const maxUserName = 255

// withhold takes what follows the mechanism of an AUTH command out of its line: a secret that must get neither into the command nor stay in the buffer.
func withhold(line []byte) (rest, secret []byte) {
	verb, arg, _ := bytes.Cut(line, []byte(" "))
	if upper(string(verb)) != "AUTH" {
		return line, nil
	}
	mechanism, initial, _ := bytes.Cut(bytes.TrimLeft(arg, " "), []byte(" "))
	if initial = bytes.Trim(initial, " "); len(initial) == 0 { // blanks at the end are no response (RFC 5321 §4.1.1)
		return line, nil
	}
	secret = bytes.Clone(initial)
	clear(initial)
	return fmt.Appendf(nil, "AUTH %s", mechanism), secret
}

// auth is the whole dialog of a login (RFC 4954). nil means that it was dealt with.
func (c *conn) auth() *Refusal {
	initial := c.secret
	c.secret = nil
	defer clear(initial)
	switch {
	case c.cfg.Auth == nil:
		return refuseOffered
	case !c.greeted || !c.info.ESMTP:
		return refuseUngreeted
	case !c.secure:
		return refuseClearAuth
	case c.info.User != "" || c.txn.open:
		return refuseAuthAgain
	}
	var l login
	defer l.wipe()
	var refusal *Refusal
	switch upper(c.cmd.arg) {
	case "PLAIN":
		refusal = c.plain(&l, initial)
	case "LOGIN":
		refusal = c.login(&l, initial)
	case "":
		return refuseArgument
	default:
		return refuseMechanism
	}
	switch {
	case c.dead.Load():
		return nil
	case refusal != nil:
		return refusal
	}
	return c.decide(&l)
}

// stranger refuses those who may not send before they have logged in.
func (c *conn) stranger() *Refusal {
	switch {
	case c.cfg.Role != cutover.Submission || c.info.User != "":
		return nil
	case !c.secure:
		return refuseUnsecured
	}
	return refuseStranger
}

// login is what a client says of itself.
type login struct {
	name     string
	password []byte
	raw      [][]byte // decoded responses, to be wiped
}

func (l *login) wipe() {
	for _, r := range l.raw {
		clear(r)
	}
}

// plain is RFC 4616: nobody may log in for somebody else.
func (c *conn) plain(l *login, initial []byte) *Refusal {
	if initial == nil {
		var refusal *Refusal
		if initial, refusal = c.challenge(""); refusal != nil {
			return refusal
		}
		defer clear(initial)
	}
	said, refusal := l.decode(initial)
	if refusal != nil {
		return refusal
	}
	parts := bytes.Split(said, []byte{0})
	if len(parts) != 3 {
		return refuseResponse
	}
	l.name, l.password = string(parts[1]), parts[2]
	if len(parts[0]) > 0 && !bytes.Equal(parts[0], parts[1]) {
		return refusePassword
	}
	return nil
}

// login is the older mechanism, which is described nowhere but known everywhere.
func (c *conn) login(l *login, initial []byte) *Refusal {
	var said [2][]byte
	for i, question := range []string{"Username:", "Password:"} {
		answer := initial
		if i > 0 || initial == nil {
			var refusal *Refusal
			if answer, refusal = c.challenge(question); refusal != nil {
				return refusal
			}
			defer clear(answer)
		}
		var refusal *Refusal
		if said[i], refusal = l.decode(answer); refusal != nil {
			return refusal
		}
	}
	l.name, l.password = string(said[0]), said[1]
	return nil
}

// challenge asks and returns the answer as it came; after a failure the session is over.
func (c *conn) challenge(question string) ([]byte, *Refusal) {
	c.out = fmt.Appendf(c.out, "334 %s\r\n", base64.StdEncoding.EncodeToString([]byte(question)))
	line, err := c.readLine()
	if err != nil {
		return nil, refuseCancelled
	}
	answer := bytes.Clone(line)
	clear(line)
	if string(answer) == "*" {
		return nil, refuseCancelled
	}
	return answer, nil
}

// decode reads a response; "=" is an empty one.
func (l *login) decode(response []byte) ([]byte, *Refusal) {
	if string(response) == "=" {
		return nil, nil
	}
	said := make([]byte, base64.StdEncoding.DecodedLen(len(response)))
	l.raw = append(l.raw, said)
	n, err := base64.StdEncoding.Decode(said, response)
	if err != nil {
		return nil, refuseResponse
	}
	return said[:n], nil
}

// decide asks who knows. An empty password is never asked about: there are servers that take it for a stranger's visit, and say yes.
func (c *conn) decide(l *login) *Refusal {
	if !nameLike(l.name) || len(l.password) == 0 || slices.Contains(l.password, 0) {
		return refusePassword
	}
	client := c.info.Remote.Addr()
	if c.cfg.attempts.ask(client, l.name) > 0 {
		return refuseImpatience
	}
	err := c.authenticate(l)
	c.cfg.attempts.note(client, l.name, attemptOf(err))
	switch {
	case errors.Is(err, ErrPassword):
		return refusePassword
	case err != nil:
		c.log().WithError(err).Warn("a password could not be checked; answered " + refuseUndecided.Error())
		return refuseUndecided
	}
	c.info.User = l.name
	c.say(235, [3]int{2, 7, 0}, "Logged in")
	return nil
}

func attemptOf(err error) attempt {
	switch {
	case err == nil:
		return loggedIn
	case errors.Is(err, ErrPassword):
		return mistaken
	}
	return undecided
}

// authenticate makes an error of a panic.
func (c *conn) authenticate(l *login) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.cfg.Auth.Authenticate(c.ctx, c.info, l.name, l.password)
}

func nameLike(name string) bool {
	return name != "" && len(name) <= maxUserName && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}
