package dnswatch

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// delegationFor is how long what a zone above said is believed: those are not ours to be asked every few minutes.
const delegationFor = time.Hour

// Delegation is what two zones say of a zone's servers. Both lead senders there.
type Delegation struct {
	Above string   // the zone above; "" if it could not be asked
	There []string // the servers that it names
	Own   []string // those that the zone names itself
}

// delegation is what the zone above said, with the addresses that it gave along.
type delegation struct {
	at    time.Time
	above string
	names map[string][]netip.Addr
}

// delegated asks the servers of the zone above whom they send to for a zone. Where they cannot be asked, which may take its time and is not tried each time, it is those whom they named
// before, or nobody.
func (w *Watcher) delegated(ctx context.Context, resolvers []server, zone string) delegation {
	now := w.cfg.Now()
	w.mu.Lock()
	known, ok := w.delegations[zone]
	w.mu.Unlock()
	if age := now.Sub(known.at); ok && age >= 0 && age < delegationFor {
		return known
	}
	_, parent, _ := strings.Cut(zone, ".")
	d := known // which stands where there is no answer
	d.at = now
	above, names, err := w.zoneFrom(ctx, resolvers, parent, 0)
	for _, name := range names[:min(len(names), 2)] {
		if found := w.referral(ctx, resolvers, name, zone); err == nil && len(found) > 0 {
			d.above, d.names = above, found
			break
		}
	}
	if ctx.Err() != nil {
		return d
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delegations[zone] = d
	return d
}

// referral asks one server of the zone above, at its first address.
func (w *Watcher) referral(ctx context.Context, resolvers []server, name, zone string) map[string][]netip.Addr {
	at, err := w.addresses(ctx, resolvers, name)
	if err != nil || len(at) == 0 {
		return nil
	}
	reply, err := w.exchange(ctx, server{name: name, address: netip.AddrPortFrom(at[0], w.cfg.Port).String(), authoritative: true}, zone, dns.TypeNS)
	if err != nil || reply.Rcode != dns.RcodeSuccess {
		return nil
	}
	found := map[string][]netip.Addr{}
	for _, r := range slices.Concat(reply.Answer, reply.Ns) { // it answers itself where it has both zones
		if ns, ok := r.(*dns.NS); ok && host(r.Header().Name) == zone {
			found[host(ns.Ns)] = nil
		}
	}
	for _, r := range reply.Extra {
		name := host(r.Header().Name)
		if addresses, ok := found[name]; ok {
			if ip, err := netip.ParseAddr(value(r)); err == nil {
				found[name] = append(addresses, ip)
			}
		}
	}
	return found
}

func (d delegation) servers() []string { return slices.Sorted(maps.Keys(d.names)) }
