package daemon

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"posthouse/config"
	"posthouse/relay"
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

// outsideName is the way to addresses outside, where it is not a cloud server's.
const outsideName = "outside:mx"

// outside is the way to whatever host takes mail for a recipient's domain.
type outside struct {
	hello  string
	hosts  func(domain string) func(context.Context) ([]delivery.Host, error)
	sender sender
}

// outside is treated as a cloud that knows nothing of us.
func (d *Daemon) outside() (relay.Destination, error) {
	stranger := config.Server{Side: config.Cloud}
	hosts := func(domain string) func(context.Context) ([]delivery.Host, error) {
		return d.hostsOf(domain, cmp.Or(d.opts.MXPort, 25))
	}
	return d.sealed(stranger, outside{d.hostname(), hosts, d.senderFor(stranger)})
}

// Deliver has a conversation for each domain. There is little mail that goes this way, and seldom two in a row to one domain: no connection is kept.
func (o outside) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	result := make([]relay.Outcome, len(c.Deliveries))
	places := map[string][]int{}
	for i, d := range c.Deliveries {
		domain := d.Recipient.Domain()
		places[domain] = append(places[domain], i)
	}
	for domain, at := range places {
		one := c
		one.Deliveries, one.Next = nil, nil // what is next may go elsewhere, and is nobody's business here
		for _, i := range at {
			one.Deliveries = append(one.Deliveries, c.Deliveries[i])
		}
		for n, outcome := range o.deliver(ctx, domain, one) {
			result[at[n]] = outcome
		}
	}
	return result
}

// deliver hands over to one domain. That nobody answers there is its own trouble and says nothing of others.
func (o outside) deliver(ctx context.Context, domain string, c relay.Consignment) []relay.Outcome {
	client, err := delivery.New(delivery.Config{
		Destination: delivery.Destination{Name: outsideName, Address: domain, TLS: delivery.TLS{Mode: delivery.Opportunistic}},
		Hello:       o.hello, Find: o.hosts(domain), Dial: connect,
	})
	if err != nil {
		return all(len(c.Deliveries), relay.Outcome{Kind: relay.Deferred, Reply: fmt.Sprint(err)})
	}
	defer client.Stop(ctx)
	outcomes := smtpDestination{client, o.sender, false}.Deliver(ctx, c)
	for i := range outcomes {
		if outcomes[i].Busy = false; outcomes[i].Kind == relay.Unreachable {
			outcomes[i].Kind = relay.Deferred
		}
	}
	return outcomes
}

func all(n int, o relay.Outcome) []relay.Outcome {
	outcomes := make([]relay.Outcome, n)
	for i := range outcomes {
		outcomes[i] = o
	}
	return outcomes
}
