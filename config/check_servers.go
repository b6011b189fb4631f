package config

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
)

func (c *checker) server(path string, s *Server) {
	c.serverName(path, s)
	if !c.given(path+".imap") && !c.given(path+".smtp") && !c.given(path+".dav") {
		c.bad(path, "", "[%s] needs imap, smtp or dav", path)
	}
	c.dav(path, s)
	c.plaintext(path+".imap_tls", s.IMAP, s.IMAPTLS, s.InsecurePlaintext)
	if _, _, byMX := s.MX(); !byMX && !c.socket(path, s) {
		c.plaintext(path+".smtp_tls", s.SMTP, s.SMTPTLS, s.InsecurePlaintext)
	}
	c.byMX(path, s)
	if s.Proxy != "none" && s.Side == Cloud {
		c.bad(path+".proxy", "", "proxy is only for the old server: a cloud takes such a header for nonsense")
	}
	c.pair(path, "client_cert", "client_key")
	c.swapped(path+".client", s.ClientCert, s.ClientKey)
	c.pair(path, "master_user", "master_password")
	c.smtpAuth(path, s)
	c.login(path, s)
	c.bandwidth(path+".bandwidth", s.Bandwidth)
}

// bandwidth: a line behind one that always holds is a mistake.
func (c *checker) bandwidth(path string, timetable []Bandwidth) {
	for i, b := range timetable {
		if b.always() && i+1 < len(timetable) {
			c.bad(fmt.Sprintf("%s[%d]", path, i+1), "put it last", "this never holds: %q before it holds always", b)
			return
		}
	}
}

func (c *checker) serverName(path string, s *Server) {
	switch {
	case s.Side == "":
	case (s.Name == string(Legacy) || s.Name == string(Cloud)) && s.Name != string(s.Side):
		c.bad(path+".side", "name the server otherwise", "server %q is of side %q", s.Name, s.Side)
	}
}

func (c *checker) plaintext(path, hostport string, tls TLS, allowed bool) {
	host, _, _ := net.SplitHostPort(hostport)
	if tls != TLSNone || hostport == "" || allowed || isLoopback(host) {
		return
	}
	c.bad(path, "use starttls or implicit, or say insecure_plaintext = true", "mail and passwords would go to %s in the clear", host)
}

// socket says that the server's mail goes to a local socket, where nobody listens in: there is no TLS.
func (c *checker) socket(path string, s *Server) bool {
	if !strings.HasPrefix(s.SMTP, socketPrefix) {
		return false
	}
	if c.given(path+".smtp_tls") && s.SMTPTLS != TLSNone {
		c.bad(path+".smtp_tls", "leave it out", "there is no TLS over a socket")
	}
	s.SMTPTLS = TLSNone
	return true
}

func (c *checker) smtpAuth(path string, s *Server) {
	if s.SMTPAuth == "" {
		s.SMTPAuth = "none"
		if s.SMTPLogin != "" {
			s.SMTPAuth = "plain"
		}
	}
	switch {
	case s.SMTPAuth == SMTPAuthXOAuth2:
		c.smtpTokens(path)
	case s.SMTPAuth != "none" && !c.given(path+".smtp_login"):
		c.bad(path+".smtp_auth", "", "smtp_auth = %q needs smtp_login and smtp_password", s.SMTPAuth)
	}
	if s.SMTPAuth != SMTPAuthXOAuth2 {
		c.pair(path, "smtp_login", "smtp_password")
	}
	if s.SMTPAuth == "none" && s.SMTPLogin != "" {
		c.bad(path+".smtp_auth", "", `smtp_login is not used with smtp_auth = "none"`)
	}
}

// smtpTokens: the token is for smtp_login, and stands in the place of a password.
func (c *checker) smtpTokens(path string) {
	if !c.given(path+".smtp_login") || !c.given(path+".oauth.kind") {
		c.bad(path+".smtp_auth", "", "smtp_auth = %q needs smtp_login and [%s.oauth] with its kind", SMTPAuthXOAuth2, path)
	}
	if c.given(path + ".smtp_password") {
		c.bad(path+".smtp_password", "", "smtp_password is not used with smtp_auth = %q", SMTPAuthXOAuth2)
	}
}

func (c *checker) login(path string, s *Server) {
	tokens := s.Login == LoginXOAuth2 || s.Login == LoginOAuthBearer
	if tokens && !c.given(path+".oauth.kind") {
		c.bad(path+".login", "", "login = %q needs [%s.oauth] with its kind", s.Login, path)
	}
	if !tokens && s.SMTPAuth != SMTPAuthXOAuth2 && c.given(path+".oauth.kind") {
		c.warning(path+".oauth", `login = "xoauth2" or smtp_auth = "xoauth2" would use it`, "[%s.oauth] is not used with login = %q", path, s.Login)
	}
	if tokens && s.MasterUser != "" {
		c.bad(path+".master_user", "", "master_user is not used with login = %q", s.Login)
	}
	if s.AuthzID && s.MasterUser == "" {
		c.bad(path+".authzid", "", "authzid needs a master_user")
	}
	c.oauth(path+".oauth", s.OAuth)
}

func (c *checker) oauth(path string, o OAuth) {
	needs := map[string][]string{
		OAuthClientCredentials: {"token_url", "client_id", "client_secret", "scope"},
		OAuthServiceAccount:    {"key_file", "scope"},
	}
	missing := slices.DeleteFunc(needs[o.Kind], func(key string) bool { return c.given(join(path, key)) })
	if len(missing) > 0 {
		c.bad(path+".kind", "", "kind = %q needs %s as well", o.Kind, strings.Join(missing, ", "))
	}
}

func (c *checker) listeners() {
	sockets, addresses := map[string]string{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Listeners)) {
		l := c.cfg.Listeners[name]
		path := "listeners." + name
		if !c.given(path+".socket") && !c.given(path+".address") {
			c.bad(path, "", "[%s] needs address or socket", path)
		}
		c.once(sockets, path+".socket", l.Socket)
		if !strings.HasSuffix(l.Address, ":0") {
			c.once(addresses, path+".address", l.Address)
		}
		c.listenerTLS(path, l)
		c.allowed(path, l)
		c.limits(path, &l)
		c.cfg.Listeners[name] = l
		c.senders(path, l)
	}
}

func (c *checker) once(seen map[string]string, path, value string) {
	if other := seen[value]; value != "" && other != "" {
		c.bad(path, "", "%q belongs to %s already", value, other)
	}
	seen[value] = path
}

func (c *checker) listenerTLS(path string, l Listener) {
	c.pair(path, "tls_cert", "tls_key")
	c.swapped(path+".tls", l.TLSCert, l.TLSKey)
	if l.TLSOld {
		c.warning(path+".tls_old", "leave it out once that client is gone", "TLS 1.0 and 1.1 can be broken by whoever sits on the line")
	}
}

// allowed keeps strangers from relaying.
func (c *checker) allowed(path string, l Listener) {
	if l.Role == RoleDevices && !c.given(path+".allow") {
		c.bad(path, "for example "+`allow = ["10.0.4.0/24"]`, "[%s] needs allow: the networks of the devices", path)
	}
	if l.Role != "" && l.Role != RoleDevices && len(l.Allow) > 0 {
		c.bad(path+".allow", "", "allow is only for the role devices")
	}
	if l.Role != "" && l.Role != RoleDevices && len(l.Devices) > 0 {
		c.bad(path+".devices", "", "devices are named only for the role devices")
	}
	for i, p := range l.Allow {
		if tooWide(p) {
			c.bad(fmt.Sprintf("%s.allow[%d]", path, i), "name the devices' own networks", "%s would make this an open relay", p)
		}
	}
}

// tooWide says that a network is larger than the largest private ones, 10.0.0.0/8 and fc00::/7.
func tooWide(p netip.Prefix) bool {
	return p.IsValid() && (p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 7)
}
