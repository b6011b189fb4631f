package daemon

import (
	"net/netip"
	"slices"

	"posthouse/config"
	"posthouse/relay"
	"posthouse/relay/listener"
)

// device is a name for a network, most often of one address.
type device struct {
	network netip.Prefix
	name    string
}

// devices are the names of a listener's devices, the narrowest networks first.
func devices(l config.Listener) []device {
	var all []device
	for network, name := range l.Devices {
		if p, err := netip.ParsePrefix(network); err == nil { // it was checked
			all = append(all, device{p, name})
		}
	}
	slices.SortFunc(all, func(a, b device) int { return b.network.Bits() - a.network.Bits() })
	return all
}

func nameOf(all []device, addr netip.Addr) string {
	for _, d := range all {
		if d.network.Contains(addr) {
			return d.name
		}
	}
	return ""
}

// greeted notes by what names clients come. Of users who log in it does not matter from where.
func (d *Daemon) greeted(s listener.Session) {
	if s.User == "" {
		d.crowds.saw(s.Remote.Addr(), s.Helo, d.opts.Clock.Now())
	}
}

// deviceRights let devices send outside, unless somebody could hide behind their address.
func (d *Daemon) deviceRights(l config.Listener) rights {
	named, host := devices(l), config.ReadHost()
	return func(s listener.Session, p *relay.Peer) {
		addr := s.Remote.Addr().Unmap()
		p.Device = nameOf(named, addr)
		if !l.Outside || !inNetworks(addr, l.Allow) {
			return
		}
		own := addr == s.Local.Addr().Unmap() && !addr.IsLoopback()
		p.Outward = !own && !d.crowds.hidden(addr, d.opts.Clock.Now()) && host.Hides(netip.PrefixFrom(addr, addr.BitLen())) == ""
	}
}
