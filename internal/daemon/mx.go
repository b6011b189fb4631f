package daemon

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"posthouse/config"
	"posthouse/relay/delivery"
	"posthouse/relay/mx"
)

// finderOfHosts finds next hops by their MX records.
func (d *Daemon) finderOfHosts() *mx.Finder {
	cfg := mx.Config{Own: d.ownHost()}
	if r := d.cfg.Relay.Resolver; r != "" {
		cfg.Servers = []string{r}
	}
	return mx.New(cfg)
}

// ownHost tells us from others: by the names that our listeners greet with, and by an address of this machine at a port where they listen.
func (d *Daemon) ownHost() func(string, netip.AddrPort) bool {
	names := map[string]bool{strings.ToLower(d.hostname()): true}
	ports := map[uint16]bool{}
	for _, l := range d.cfg.Listeners {
		names[strings.ToLower(l.Hostname)] = true
		if at, err := netip.ParseAddrPort("0.0.0.0" + l.Address[max(strings.LastIndexByte(l.Address, ':'), 0):]); err == nil {
			ports[at.Port()] = true
		}
		for _, s := range d.opts.Sockets[l.Socket] {
			if at, err := netip.ParseAddrPort(s.Addr().String()); err == nil {
				ports[at.Port()] = true
			}
		}
	}
	return func(host string, at netip.AddrPort) bool {
		return names[host] || ports[at.Port()] && onThisMachine(at.Addr())
	}
}

func onThisMachine(ip netip.Addr) bool {
	if ip.IsLoopback() || ip.IsUnspecified() {
		return true
	}
	all, _ := config.OwnAddresses() // without them only loopback is known, which ownAddressAlarms tells
	return slices.Contains(all, ip)
}

// hostsOf finds the hosts of a domain for the delivery client.
func (d *Daemon) hostsOf(domain string, port uint16) func(context.Context) ([]delivery.Host, error) {
	return func(ctx context.Context) ([]delivery.Host, error) {
		found, err := d.mx.Find(ctx, domain, port)
		hosts := make([]delivery.Host, len(found))
		for i, h := range found {
			hosts[i] = delivery.Host{Name: h.Name, Address: h.Addr.String(), Demand: delivery.Demand{By: h.Rule.By, Verify: h.Rule.Verify, Unverified: h.Rule.Unverified}}
		}
		return hosts, err
	}
}
