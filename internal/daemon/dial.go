package daemon

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// ownLoopback is where our connections to servers on this very machine come from, so that its logs tell them from those of users: webmail logs in from 127.0.0.1 too.
const ownLoopback = "127.0.0.25"

// connect connects to a server. An error names the server alone: the address that we come from, whose port is not chosen yet, tells nobody anything.
func connect(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	host, _, _ := net.SplitHostPort(address) // a bad address fails below
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() && ip.IsLoopback() || host == "localhost" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(ownLoopback)}
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		op.Source = nil
	}
	return conn, err
}
