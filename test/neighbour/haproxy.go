package neighbour

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"
)

// HAProxy is a running HAProxy in front of a mail server, which it tells of clients by the PROXY protocol.
type HAProxy struct {
	*process
	SMTP   string // where it listens
	Source string // its address towards the server
}

// StartHAProxy starts one in front of server, once that listens. send is send-proxy or send-proxy-v2. It looks every second whether the server is there.
func StartHAProxy(t testing.TB, source, server, send string) *HAProxy {
	t.Helper()
	program := Require(t, "haproxy")
	h := &HAProxy{SMTP: net.JoinHostPort(Address(), "2525"), Source: source}
	file := filepath.Join(folder(t, "haproxy"), "haproxy.cfg")
	write(t, file, fmt.Sprintf(`global
	log stdout format raw daemon
defaults
	mode tcp
	log global
	timeout connect 5s
	timeout client 1m
	timeout server 1m
listen mail
	bind %s
	source %s
	server old %s %s check check-send-proxy inter 1s
`, h.SMTP, source, server, send), 0o600)
	h.process = newProcess(t, "haproxy", program, "-db", "-f", file)
	h.start(h.SMTP)
	return h
}
