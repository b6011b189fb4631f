package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay/arc"
	"posthouse/relay/sendercheck"
)

// Resolver is DNS, as *net.Resolver asks it.
type Resolver = sendercheck.Resolver

// checks are what we find out about a message for those behind us, who cannot see any more where it came from.
type checks struct {
	dns     Resolver
	checker *sendercheck.Checker
	// inside are the addresses of both sides, and of whoever is trusted to be in front of us: what they hand over came from elsewhere.
	inside []netip.Prefix
}

// checks asks for as long as patience says, 0 being long, and these DNSBLs.
func (d *Daemon) checks(patience time.Duration, lists ...string) checks {
	dns := d.opts.DNS
	if dns == nil {
		dns = net.DefaultResolver
	}
	checker := sendercheck.New(sendercheck.Config{
		DNS: dns, Patience: patience, Lists: lists, Clock: d.opts.Clock,
		Loopback: d.opts.DNS != nil, // a world of its own, all of it on this machine
	})
	return checks{dns, checker, networks(d.cfg, func(l config.Listener) []netip.Prefix {
		return slices.Concat(l.LegacyAddresses, l.CloudAddresses, l.Limits.Trusted)
	})}
}

// lookup asks for TXT records; only that there are none is an answer.
func (c checks) lookup(ctx context.Context, name string) ([]string, error) {
	records, err := c.dns.LookupTXT(ctx, name)
	var dns *net.DNSError
	if err != nil && !(errors.As(err, &dns) && dns.IsNotFound) {
		return nil, fmt.Errorf("%w: %w", arc.ErrTemporary, err)
	}
	return records, err
}

// message is what we find out about a captured message.
func (c checks) message(ctx context.Context, m ledger.Capture, r io.Reader) sendercheck.Facts {
	return c.checker.Check(ctx, c.sender(m), r)
}

// stranger reports whether a client of a listener is one whom its mail names.
func (c checks) stranger(ip netip.Addr) bool { return !inNetworks(ip.Unmap(), c.inside) }

// sender is whom a capture came from. SPF says something of the client that handed it to us from outside, and of no other.
func (c checks) sender(m ledger.Capture) sendercheck.Sender {
	s := sendercheck.Sender{Helo: m.Client.Name, From: m.Envelope.From}
	if ip, err := netip.ParseAddr(m.Client.Addr); err == nil && m.Route == cutover.Arriving && c.stranger(ip) {
		s.Client = ip
	}
	return s
}
