package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/user"
	"slices"
	"strings"
	"syscall"
	"unicode"
)

// runs finds what is right by itself, and with which the service could not run, or would do nothing.
func (c *checker) runs() {
	for _, name := range c.cfg.serverNames() {
		s := c.cfg.Servers[name]
		c.toOurselves("servers."+name+".smtp", s)
		c.usualTLS("servers."+name, s)
		c.filledIn("servers."+name+".oauth", s.OAuth)
	}
	c.stateFolder()
	c.controlGroup()
	if len(c.cfg.Listeners)+len(c.cfg.Mailboxes) == 0 && !c.blind && !c.src.broken {
		c.warning("listeners", "give it a [listeners.NAME], or mailboxes", "there is neither a listener nor a mailbox: no mail is taken, and none is copied")
	}
}

// toOurselves refuses a server that is our own listener: all mail would come back, until it is held as a loop. Where systemd hands a socket over, only its unit knows the address.
func (c *checker) toOurselves(path string, s Server) {
	host, port, err := net.SplitHostPort(s.SMTP)
	if _, _, byMX := s.MX(); byMX || err != nil || strings.HasPrefix(s.SMTP, socketPrefix) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Listeners)) {
		l := c.cfg.Listeners[name]
		at, ours, err := net.SplitHostPort(l.Address)
		if err != nil || ours != port || !sameHost(at, host) {
			continue
		}
		say := c.bad
		if l.Socket != "" {
			say = c.warning
		}
		say(path, "name the other server's own address and port", "%s is where [listeners.%s] takes mail: it would be sent to ourselves", s.SMTP, name)
		return
	}
}

// isOwn reports whether an address is this machine's, as far as that is known.
func isOwn(ip netip.Addr) bool {
	own, _ := OwnAddresses()
	return slices.Contains(own, ip)
}

// sameHost says that who listens at one host is reached by the other.
func sameHost(listens, host string) bool {
	if strings.EqualFold(listens, host) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	ip = ip.Unmap()
	if strings.EqualFold(host, "localhost") {
		ip, err = netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	if err != nil {
		return false
	}
	at, err := netip.ParseAddr(listens)
	switch {
	case listens != "" && err != nil:
		return isLoopback(listens) && ip.IsLoopback()
	case listens != "" && !at.IsUnspecified():
		return at.Unmap() == ip
	}
	return ip.IsLoopback() || isOwn(ip)
}

// usualTLS warns where the port is known for the other way to begin TLS: such a connection hangs, or is closed.
func (c *checker) usualTLS(path string, s Server) {
	usual := map[string]TLS{"993": TLSImplicit, "143": TLSStartTLS, "465": TLSImplicit, "25": TLSStartTLS, "587": TLSStartTLS}
	for _, p := range []struct {
		key, hostport string
		tls           TLS
	}{{"imap", s.IMAP, s.IMAPTLS}, {"smtp", s.SMTP, s.SMTPTLS}} {
		_, port, _ := net.SplitHostPort(p.hostport)
		if want := usual[port]; strings.Contains(p.hostport, "/") || want == "" || p.tls != TLSImplicit && p.tls != TLSStartTLS || p.tls == want {
			continue
		}
		at := path + "." + p.key
		if c.given(at + "_tls") {
			at += "_tls"
		}
		c.warning(at, fmt.Sprintf("%s_tls = %q is usual there", p.key, usual[port]), "port %s with %s_tls = %q", port, p.key, p.tls)
	}
}

// exampleClientID stands in the example.
const exampleClientID = "11111111-2222-3333-4444-555555555555"

// filledIn warns of what was taken over from an example as it stood.
func (c *checker) filledIn(path string, o OAuth) {
	if u, err := url.Parse(o.TokenURL); err == nil {
		for _, part := range strings.Split(u.Path, "/") {
			if isTenantHole(part) {
				c.warning(path+".token_url", "the tenant's id, or a domain of it, stands there", "token_url: %q was never filled in", part)
			}
		}
	}
	if o.ClientID == exampleClientID {
		c.warning(path+".client_id", "the id that the application was given when it was registered", "client_id is the example's: it was never filled in")
	}
}

func isTenantHole(part string) bool {
	bare := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, part)
	return slices.Contains([]string{"tenant", "tenantid", "yourtenant", "yourtenantid", "tenantname", "yourtenantname"}, bare)
}

// stateFolder refuses a state folder that is, or lies below, something else. Whether the service's user may make it only he can tell.
func (c *checker) stateFolder() {
	info, err := os.Stat(c.cfg.State)
	switch {
	case err == nil && !info.IsDir():
		c.bad("state", "name a folder; it is made where there is none", "%s is not a folder", c.cfg.State)
	case errors.Is(err, syscall.ENOTDIR):
		c.bad("state", "name a folder; it is made where there is none", "%s cannot be made: what is above it is not a folder", c.cfg.State)
	}
}

// controlGroup refuses to begin with a group that nobody knows. It is a danger: a running service had it when it began.
func (c *checker) controlGroup() {
	name := c.cfg.Control.Group
	var unknown user.UnknownGroupError
	if name == "" {
		return
	}
	if _, err := user.LookupGroup(name); errors.As(err, &unknown) {
		at, found := c.place("control.group")
		c.src.dangers = append(c.src.dangers, finding{at: at, whole: !found, text: fmt.Sprintf("there is no group %q", name), hint: "groupadd --system " + name + ", or take group out"})
	}
}
