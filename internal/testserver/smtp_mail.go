package testserver

import (
	"fmt"
	"strconv"
	"strings"
)

func (c *smtpSession) mailFrom(arg string) bool {
	addr, params, ok := parsePath(arg, "FROM:")
	switch {
	case !ok:
		c.reply(501, "5.5.4 Syntax: MAIL FROM:<address>")
	case c.helo == "" || c.mail:
		c.reply(503, "5.5.1 Not now")
	case c.s.cfg.RequireTLS && !c.tls:
		c.reply(530, "5.7.0 Must issue a STARTTLS command first")
	case c.s.cfg.RequireAuth && c.user == "":
		c.reply(530, "5.7.0 Authentication required")
	default:
		if code, text := c.checkMail(addr, params); code != 0 {
			c.reply(code, text)
			return true
		}
		return c.decide(AtMail, addr, "2.1.0 Sender OK", func() {
			c.mail = true
			c.env.From, c.env.Args = addr, params
		})
	}
	return true
}

// decide runs accept and answers 250, unless a script refuses.
func (c *smtpSession) decide(stage Stage, addr, text string, accept func()) bool {
	reply, handled, over := c.ask(stage, addr)
	if !handled {
		c.reply(250, text)
	}
	if !handled || reply.Code/100 == 2 {
		accept()
	}
	return !over && !c.over
}

// checkMail refuses parameters of extensions that were not offered (RFC 5321 §4.1.1.11) and sizes above the limit.
func (c *smtpSession) checkMail(addr string, params []string) (code int, text string) {
	utf8 := false
	for _, p := range params {
		name, value, _ := strings.Cut(strings.ToUpper(p), "=")
		extension := map[string]string{"SIZE": "SIZE", "SMTPUTF8": "SMTPUTF8", "RET": "DSN", "ENVID": "DSN", "AUTH": "AUTH", "REQUIRETLS": "REQUIRETLS"}[name]
		if name == "BODY" {
			extension = map[string]string{"7BIT": "8BITMIME", "8BITMIME": "8BITMIME", "BINARYMIME": "BINARYMIME"}[value]
		}
		if extension == "" || !c.offers(extension) || !c.esmtp || name == "REQUIRETLS" && !c.tls {
			c.s.violation()
			return 555, "5.5.4 Unsupported parameter " + p
		}
		utf8 = utf8 || name == "SMTPUTF8"
		if size, err := strconv.ParseInt(value, 10, 64); name == "SIZE" && (err != nil || c.tooLarge(size)) {
			return 552, "5.3.4 Message too large"
		}
	}
	if !utf8 && !isASCII(addr) {
		return 553, "5.6.7 Address needs SMTPUTF8"
	}
	return 0, ""
}

func (c *smtpSession) tooLarge(size int64) bool {
	return c.s.cfg.MaxSize > 0 && size > c.s.cfg.MaxSize
}

func (c *smtpSession) rcptTo(arg string) bool {
	addr, params, ok := parsePath(arg, "TO:")
	switch {
	case !ok || addr == "":
		c.reply(501, "5.5.4 Syntax: RCPT TO:<address>")
	case !c.mail || c.chunk:
		c.reply(503, "5.5.1 Not now")
	case len(params) > 0 && !c.offers("DSN"):
		c.s.violation()
		c.reply(555, "5.5.4 Unsupported parameter "+params[0])
	default:
		return c.decide(AtRcpt, addr, "2.1.5 Recipient OK", func() {
			c.env.Rcpts = append(c.env.Rcpts, Rcpt{To: addr, Args: params})
		})
	}
	return true
}

// parsePath takes "FROM:<path> params" apart. The path may be quoted: `<"a b>c"@x.example>` (RFC 5321 §4.1.2).
func parsePath(arg, prefix string) (addr string, params []string, ok bool) {
	if len(arg) < len(prefix) || !strings.EqualFold(arg[:len(prefix)], prefix) {
		return "", nil, false
	}
	rest, ok := strings.CutPrefix(arg[len(prefix):], "<")
	if !ok {
		return "", nil, false
	}
	end := pathEnd(rest)
	if end < 0 {
		return "", nil, false
	}
	return rest[:end], strings.Fields(rest[end+1:]), true
}

// pathEnd is the index of the ">" that is not in quotes, or -1.
func pathEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			return i
		}
	}
	return -1
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// DeliverEnvelope puts a message into the INBOX of each recipient who is a user of the server by the name of the full address, as a
// cloud's SMTP does; it fits SMTPConfig.Deliver. A recipient who is no user fails the whole.
func (s *IMAP) DeliverEnvelope(e *Envelope) error {
	users := make(map[string]bool)
	for _, to := range e.Recipients() {
		user := strings.ToLower(to)
		if s.account(user) == nil {
			return fmt.Errorf("%w: %s", ErrNoUser, to)
		}
		users[user] = true
	}
	data := e.Delivered("mx.cloud.example")
	for user := range users {
		if _, err := s.Deliver(user, data); err != nil {
			return err
		}
	}
	return nil
}
