package testserver

import (
	"crypto/tls"
	"fmt"
	"strings"
)

func (c *smtpSession) hello(verb, name string) bool {
	if c.s.cfg.LMTP != (verb == "LHLO") || verb == "EHLO" && !c.offers("EHLO") {
		c.reply(500, "5.5.1 Unknown command")
		return true
	}
	if name == "" {
		c.reply(501, "5.5.4 A name is needed")
		return true
	}
	return c.step(AtHelo, name, func() {
		c.helo, c.esmtp = name, verb != "HELO"
		c.resetMail()
		if !c.esmtp {
			c.reply(250, c.s.cfg.Hostname)
			return
		}
		c.reply(250, append([]string{c.s.cfg.Hostname + " greets " + name}, c.keywords()...)...)
	})
}

// keywords are the lines of the EHLO answer, as things stand in this session.
func (c *smtpSession) keywords() []string {
	var list []string
	for _, e := range []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "ENHANCEDSTATUSCODES"} {
		if c.offers(e) {
			list = append(list, e)
		}
	}
	if c.offers("SIZE") {
		list = append(list, fmt.Sprintf("SIZE %d", c.s.cfg.MaxSize))
	}
	if c.canStartTLS() {
		list = append(list, "STARTTLS")
	}
	if c.tls && c.offers("REQUIRETLS") {
		list = append(list, "REQUIRETLS")
	}
	if c.canAuth() {
		list = append(list, "AUTH "+strings.Join(c.mechanisms(), " "))
	}
	return list
}

func (c *smtpSession) canStartTLS() bool {
	return c.s.cfg.TLS != nil && !c.tls && c.offers("STARTTLS")
}

func (c *smtpSession) canAuth() bool { return len(c.mechanisms()) > 0 && c.offers("AUTH") }

func (c *smtpSession) mechanisms() (list []string) {
	if len(c.s.cfg.Users) > 0 {
		list = append(list, "PLAIN", "LOGIN")
	}
	if c.s.cfg.Token != nil {
		list = append(list, "XOAUTH2")
	}
	return list
}

func (c *smtpSession) startTLS() bool {
	if !c.canStartTLS() {
		c.reply(502, "5.5.1 STARTTLS is not available")
		return true
	}
	return c.step(AtStartTLS, "", func() {
		c.reply(220, "2.0.0 Go ahead")
		_ = c.out.Flush()
		conn := tls.Server(c.conn, c.s.cfg.TLS)
		if err := conn.Handshake(); err != nil {
			c.over = true
			return
		}
		// RFC 3207 §4.2: everything known before is forgotten.
		c.tls, c.helo, c.user, c.esmtp = true, "", "", false
		c.attach(conn)
		c.resetMail()
	})
}
