package listener

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// proxyTimeout is how long a proxy may take for its header: it sends it at once, and it is near.
const proxyTimeout = 10 * time.Second

const (
	maxProxyLine   = 107     // octets of a header of version 1, with CRLF
	maxProxyBinary = 4 << 10 // octets after the fixed part of version 2: addresses, and what a proxy may tell of TLS
)

var (
	errNoHeader   = errors.New("no header of the PROXY protocol")
	errLongHeader = errors.New("the header of the PROXY protocol is too long")
	errNoClient   = errors.New("the header of the PROXY protocol names no client with an IP address")
)

// identify learns from a proxy whom the connection is for, and counts it for that one. The connection of a proxy that does not say so is closed
// without a word: it would be taken for the client's.
func (c *conn) identify() bool {
	client, local, err := c.readProxy()
	switch {
	case errors.Is(err, errShutdown):
		c.die(EndShutdown, nil)
		return false
	case err != nil:
		c.log().WithError(err).Warn("a proxy did not say whom it speaks for")
		c.die(string(BadProxy), nil)
		c.cfg.Observer.Abused(c.info, BadProxy)
		return false
	}
	if c.local = local; !local {
		c.info.Remote = client
	}
	c.trusted = c.cfg.trusts(c.info.Remote.Addr())
	if what, ok := c.reg.count(c); !ok {
		c.turnAway(what)
		return false
	}
	return true
}

func (c *conn) readProxy() (client netip.AddrPort, local bool, err error) {
	if err := c.arm(true, false, time.Now().Add(proxyTimeout)); err != nil {
		return client, false, err
	}
	header, err := proxyHeader(c.raw)
	if c.disarm() {
		return client, false, errShutdown
	}
	if err != nil {
		return client, false, err
	}
	return parseProxy(header)
}

// proxyHeader reads a header and not one octet more: what follows may be a TLS handshake.
func proxyHeader(r io.Reader) ([]byte, error) {
	header := make([]byte, len(proxyproto.SIGV2), maxProxyLine)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	switch {
	case bytes.Equal(header, proxyproto.SIGV2):
		return proxyRest(r, header)
	case bytes.HasPrefix(header, proxyproto.SIGV1):
		return proxyLine(r, header)
	}
	return nil, errNoHeader
}

func proxyLine(r io.Reader, header []byte) ([]byte, error) {
	var octet [1]byte
	for len(header) < maxProxyLine {
		if _, err := io.ReadFull(r, octet[:]); err != nil {
			return nil, err
		}
		if header = append(header, octet[0]); octet[0] == '\n' {
			return header, nil
		}
	}
	return nil, errLongHeader
}

func proxyRest(r io.Reader, header []byte) ([]byte, error) {
	var fixed [4]byte // version and command, family, length
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return nil, err
	}
	rest := make([]byte, binary.BigEndian.Uint16(fixed[2:]))
	if len(rest) > maxProxyBinary {
		return nil, errLongHeader
	}
	_, err := io.ReadFull(r, rest)
	return append(append(header, fixed[:]...), rest...), err
}

// parseProxy says for whom a connection is. One that is local is the proxy's own: it looks whether we are there, or knows nothing of the client.
func parseProxy(header []byte) (client netip.AddrPort, local bool, err error) {
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(header), len(header)))
	if err != nil {
		return client, false, err
	}
	if h.Command.IsLocal() {
		return client, true, nil
	}
	tcp, ok := h.SourceAddr.(*net.TCPAddr)
	if client = addrPort(h.SourceAddr); !ok || !client.IsValid() || tcp.IP.IsUnspecified() {
		return netip.AddrPort{}, false, errNoClient
	}
	return client, false, nil
}
