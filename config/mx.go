package config

import (
	"net"
	"strconv"
	"strings"
)

// mxPrefix marks a domain whose MX records lead to the server.
const mxPrefix = "mx:"

// The ways of mail to addresses outside.
const (
	OutsideCloud = "cloud"
	OutsideMX    = "mx"
)

// MX is the domain whose MX records lead to the server for SMTP, and the port there; ok is false where its address is fixed.
func (s Server) MX() (domain string, port uint16, ok bool) {
	rest, ok := strings.CutPrefix(s.SMTP, mxPrefix)
	if !ok {
		return "", 0, false
	}
	domain, digits, given := strings.Cut(rest, ":")
	if !given {
		return domain, 25, true
	}
	n, _ := strconv.ParseUint(digits, 10, 16)
	return domain, uint16(n), true
}

// checkNextHop wants host:port, unix:/path, or mx:DOMAIN with or without a port.
func checkNextHop(text string) (string, *fault) {
	if strings.HasPrefix(text, socketPrefix) {
		return checkSocket(text)
	}
	rest, ok := strings.CutPrefix(text, mxPrefix)
	if !ok {
		text, bad := checkHostPort(text)
		if bad != nil && bad.hint != "" {
			bad.hint = "for example mail.example.com:25, or mx:example.com"
		}
		return text, bad
	}
	domain, port, given := strings.Cut(rest, ":")
	if given {
		if _, bad := checkHostPort(net.JoinHostPort("x", port)); bad != nil {
			return "", bad
		}
		port = ":" + port
	}
	domain, bad := checkDomain(domain)
	return mxPrefix + domain + port, bad
}

// byMX: what is found by DNS is not whom we trust with a password, unless it proves its name.
func (c *checker) byMX(path string, s *Server) {
	domain, _, ok := s.MX()
	if !ok {
		if s.SMTPTLS == TLSOpportunistic {
			c.bad(path+".smtp_tls", "", `smtp_tls = "opportunistic" is only for smtp = "mx:DOMAIN"`)
		}
		return
	}
	if !c.given(path + ".smtp_tls") {
		s.SMTPTLS = TLSOpportunistic
	}
	if s.SMTPProtocol == SMTPProtocolLMTP {
		c.bad(path+".smtp_protocol", "", "MX hosts speak SMTP; LMTP is for a server that is named")
	}
	switch {
	case s.SMTPTLS == TLSImplicit:
		c.bad(path+".smtp_tls", "write opportunistic or starttls", "the MX hosts of %s speak no TLS from the first octet", domain)
	case s.SMTPTLS == TLSNone && !s.InsecurePlaintext:
		c.bad(path+".smtp_tls", "use starttls or opportunistic, or say insecure_plaintext = true", "mail would go to the MX hosts of %s in the clear", domain)
	case s.SMTPTLS != TLSStartTLS && s.SMTPLogin != "":
		c.bad(path+".smtp_login", `say smtp_tls = "starttls"`, "the password would go to whatever host the MX records of %s name", domain)
	}
}
