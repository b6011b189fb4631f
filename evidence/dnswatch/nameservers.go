package dnswatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

const (
	maxServers   = 12 // of a zone are asked, each at one address
	maxAddresses = 4  // of one server's name
)

// resolvers are those of the configuration, else the machine's.
func (w *Watcher) resolvers() ([]server, error) {
	addresses := w.cfg.Resolvers
	if len(addresses) == 0 {
		conf, err := dns.ClientConfigFromFile(w.cfg.ResolvConf)
		if err != nil {
			return nil, err
		}
		for _, host := range conf.Servers {
			addresses = append(addresses, net.JoinHostPort(host, conf.Port))
		}
	}
	var all []server
	for _, a := range addresses {
		all = append(all, server{name: a, address: a})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s names no resolver", w.cfg.ResolvConf)
	}
	return all, nil
}

// resolve asks the resolvers in turn. The one that answered is the first to be asked next.
func (w *Watcher) resolve(ctx context.Context, resolvers []server, name string, kind uint16) (Answer, error) {
	err := errors.New("there is no resolver")
	for i, r := range resolvers {
		var reply *dns.Msg
		if reply, err = w.exchange(ctx, r, name, kind); err != nil {
			continue
		}
		var a Answer
		if a, err = read(r, reply, kind); err == nil {
			resolvers[0], resolvers[i] = r, resolvers[0]
			return a, nil
		}
	}
	return Answer{}, fmt.Errorf("asking resolvers for %s of %s: %w", dns.TypeToString[kind], name, err)
}

// found is where a domain stands.
type found struct {
	zone       string
	servers    []server
	complete   bool // there are no others
	delegation Delegation
}

// authoritative finds the zone in which a domain stands, and its servers: those of the configuration, else those that its NS records or those of the zone above name.
func (w *Watcher) authoritative(ctx context.Context, resolvers []server, domain string) (f found, _ error) {
	zone, own, err := w.zoneFrom(ctx, resolvers, domain, 1)
	f.zone = zone
	if len(w.cfg.Servers) > 0 {
		f.zone, f.complete = cmp.Or(zone, domain), true
		for _, a := range w.cfg.Servers {
			f.servers = append(f.servers, server{name: a, address: a, authoritative: true})
		}
		return f, nil
	}
	if err != nil {
		return f, err
	}
	above := w.delegated(ctx, resolvers, zone)
	f.delegation = Delegation{Above: above.above, There: above.servers(), Own: own}
	names := slices.Concat(own, above.servers())
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		some, err := w.addresses(ctx, resolvers, name)
		if err != nil {
			return f, err
		}
		for _, a := range distinct(append(some, above.names[name]...)) {
			f.servers = append(f.servers, server{name: name + " " + a.String(), address: netip.AddrPortFrom(a, w.cfg.Port).String(), authoritative: true})
		}
	}
	if len(f.servers) == 0 {
		return f, fmt.Errorf("no server of the zone %s has an address", zone)
	}
	f.complete = above.above != "" && len(f.servers) <= maxServers
	f.servers = f.servers[:min(len(f.servers), maxServers)]
	return f, nil
}

// distinct keeps each address once, in order.
func distinct(all []netip.Addr) []netip.Addr {
	var kept []netip.Addr
	for _, a := range all {
		if a = a.Unmap(); !slices.Contains(kept, a) {
			kept = append(kept, a)
		}
	}
	return kept
}

// zoneFrom walks up to where there are NS records, as long as a name has that many dots.
func (w *Watcher) zoneFrom(ctx context.Context, resolvers []server, domain string, dots int) (zone string, names []string, _ error) {
	for name := domain; name != "" && strings.Count(name, ".") >= dots; _, name, _ = strings.Cut(name, ".") {
		a, err := w.resolve(ctx, resolvers, name, dns.TypeNS)
		if err != nil {
			return "", nil, err
		}
		if len(a.Values) > 0 && !strings.HasPrefix(a.Values[0], "CNAME ") {
			return name, a.Values, nil
		}
	}
	return "", nil, fmt.Errorf("no zone has %s", domain)
}

// addresses of a name server, IPv4 first.
func (w *Watcher) addresses(ctx context.Context, resolvers []server, name string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		a, err := w.resolve(ctx, resolvers, name, kind)
		if err != nil {
			return nil, err
		}
		for _, v := range a.Values {
			if ip, err := netip.ParseAddr(v); err == nil {
				all = append(all, ip)
			}
		}
	}
	return all[:min(len(all), maxAddresses)], nil
}
