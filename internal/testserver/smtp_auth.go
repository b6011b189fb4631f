package testserver

import (
	"encoding/base64"
	"slices"
	"strings"
)

// auth serves AUTH PLAIN, LOGIN (RFC 4954) and XOAUTH2, with or without an initial response.
func (c *smtpSession) auth(arg string) bool {
	mechanism, initial, _ := strings.Cut(arg, " ")
	mechanism = strings.ToUpper(mechanism)
	switch {
	case !c.canAuth():
		c.reply(502, "5.5.1 AUTH is not available")
	case c.helo == "" || c.mail || c.user != "":
		c.reply(503, "5.5.1 Not now")
	case !slices.Contains(c.mechanisms(), mechanism):
		c.reply(504, "5.5.4 Unknown mechanism")
	default:
		return c.step(AtAuth, mechanism, func() { c.login(mechanism, initial) })
	}
	return true
}

func (c *smtpSession) login(mechanism, initial string) {
	var user, password string
	var ok bool
	if mechanism == "XOAUTH2" {
		c.bearer(initial)
		return
	}
	if mechanism == "PLAIN" {
		var response string
		response, ok = c.challenge("", initial)
		parts := strings.Split(response, "\x00")
		if ok = ok && len(parts) == 3; ok {
			user, password = parts[1], parts[2]
		}
	} else if user, ok = c.challenge("Username:", initial); ok {
		password, ok = c.challenge("Password:", "")
	}
	switch expected, known := c.s.cfg.Users[user]; {
	case !ok:
		c.reply(501, "5.5.2 Malformed response")
	case !known || !same(expected, password):
		c.reply(535, "5.7.8 Authentication credentials invalid")
	default:
		c.loggedIn(user)
	}
}

func (c *smtpSession) loggedIn(user string) {
	c.user = user
	c.resetMail()
	c.reply(235, "2.7.0 Authenticated")
}

// bearer refuses as Google and Microsoft do: with a challenge that says why, whose answer is looked at by nobody, and then the code.
func (c *smtpSession) bearer(initial string) {
	response, ok := c.challenge("", initial)
	user, token, err := parseXOAUTH2([]byte(response))
	switch {
	case !ok || err != nil:
		c.reply(501, "5.5.2 Malformed response")
	case !c.s.cfg.Token(user, token):
		_, _ = c.challenge(`{"status":"401","schemes":"bearer"}`, "")
		c.reply(535, "5.7.3 Authentication unsuccessful")
	default:
		c.loggedIn(user)
	}
}

// challenge asks for a response unless the client sent it already, and decodes it.
func (c *smtpSession) challenge(prompt, given string) (string, bool) {
	if given == "" {
		c.reply(334, base64.StdEncoding.EncodeToString([]byte(prompt)))
		line, err := c.readLine()
		if err != nil {
			c.over = true
			return "", false
		}
		given = line
	}
	if given == "=" { // RFC 4954 §4: an empty initial response
		return "", true
	}
	decoded, err := base64.StdEncoding.DecodeString(given)
	return string(decoded), err == nil
}
