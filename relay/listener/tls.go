package listener

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"time"
)

// startTLS answers STARTTLS (RFC 3207). Octets that came before the handshake were sent by somebody who could not know of it: the session ends.
func (c *conn) startTLS() *Refusal {
	switch {
	case c.cfg.TLS == nil:
		return refuseOffered
	case c.secure:
		return &Refusal{Code: 503, Enhanced: [3]int{5, 5, 1}, Text: "TLS is active already"}
	case c.cmd.arg != "":
		return refuseArgument
	case c.w > c.r:
		c.abuse(InjectedText, &Refusal{Code: 554, Enhanced: [3]int{5, 5, 1}, Text: "STARTTLS must be the last command before the handshake"})
		return nil
	}
	c.say(220, [3]int{2, 0, 0}, "Ready to start TLS")
	if c.flush(); !c.dead.Load() {
		c.handshake()
	}
	return nil
}

// handshake changes to TLS and forgets what the client said before it (RFC 3207 §4.2). go-smtp is kept from using the old transaction by the
// EHLO that has to come first, and forgets it then.
func (c *conn) handshake() {
	t := tls.Server(c.raw, c.cfg.TLS)
	err := c.arm(true, false, time.Now().Add(tlsTimeout))
	if err == nil {
		err = t.Handshake()
	}
	if c.disarm(); err != nil {
		c.log().WithError(err).Info("TLS handshake failed")
		c.out = nil // the greeting of a connection that should have begun with TLS
		c.die(EndTLS, nil)
		return
	}
	state := t.ConnectionState()
	c.nc, c.secure, c.greeted = t, true, false
	c.info.Helo, c.info.ESMTP = "", false
	c.info.TLS = TLSState{Version: tls.VersionName(state.Version), Cipher: tls.CipherSuiteName(state.CipherSuite)}
	if len(state.PeerCertificates) > 0 {
		c.info.TLS.Client = named(state.PeerCertificates[0])
	}
}

// named tells a certificate from others. Nobody checked who signed it.
func named(c *x509.Certificate) string {
	name := c.Subject.CommonName
	if len(c.DNSNames) > 0 {
		name = c.DNSNames[0]
	}
	return fmt.Sprintf("%s sha256:%x", heloName(name[:min(len(name), 100)]), sha256.Sum256(c.Raw))
}

// lingeringClose lets a client that is still sending read the last reply: closing with unread octets would reset the connection and
// take the reply with it.
func lingeringClose(nc, raw net.Conn) {
	if t, ok := nc.(*tls.Conn); ok {
		t.CloseWrite()
	}
	half, ok := raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	raw.SetReadDeadline(time.Now().Add(lastTimeout))
	io.CopyN(io.Discard, raw, 256<<10)
}
