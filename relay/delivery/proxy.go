package delivery

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// ProxyVersion is the version of the PROXY protocol in whose header a session
// begins, before the greeting. The next hop then takes the client whom we act
// for as the one who connected, and so each session is for one client.
type ProxyVersion byte

const (
	NoProxy ProxyVersion = 0
	ProxyV1 ProxyVersion = 1 // a line of text
	ProxyV2 ProxyVersion = 2 // binary
)

// client is whom a session is for, so that no other's message is sent by it; ""
// where all share them.
func (c *Client) client(o *Origin) string {
	if c.config.Destination.Proxy == NoProxy || o == nil {
		return ""
	}
	return o.Addr + " " + o.Helo
}

// present tells the next hop who the client is, and says EHLO in its name. Of
// one whose address is not known we say that it is us. Its port is not known.
func (c *Client) present(s *conn, o *Origin) error {
	version := c.config.Destination.Proxy
	if version == NoProxy {
		return nil
	}
	var source net.Addr
	if o != nil {
		if ip, err := netip.ParseAddr(o.Addr); err == nil {
			source = net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap().WithZone(""), 0))
			if plainWord(o.Helo) && len(o.Helo) <= maxHello {
				s.name = o.Helo
			}
		}
	}
	header := proxyproto.HeaderProxyFromAddrs(byte(version), source, s.raw.RemoteAddr())
	if err := s.raw.SetWriteDeadline(time.Now().Add(s.dest.Timeouts.Block)); err != nil {
		return s.failed(StageConnect, err)
	}
	if _, err := header.WriteTo(s.raw); err != nil {
		return s.failed(StageConnect, err)
	}
	return nil
}

// maxHello is what a domain can have (RFC 5321 §4.5.3.1.2).
const maxHello = 255

// ofClient is the outcome of a session that was refused to the client whom we
// named. It says nothing of the destination, nor of other clients.
func (c *Client) ofClient(err error) (Outcome, bool) {
	var s *SessionError
	if c.config.Destination.Proxy == NoProxy || !errors.As(err, &s) || s.Reply.Code == 0 || s.Stage != StageGreeting && s.Stage != StageHello {
		return Outcome{}, false
	}
	o := replied(s.Reply)
	o.OfClient = true
	return o, o.Kind != Accepted
}
