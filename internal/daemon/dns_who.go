package daemon

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"posthouse/config"
	"posthouse/evidence/dnswatch"
)

// who tells whose an MX host is, by what the configuration says of servers and listeners.
func (d *Daemon) who() dnswatch.Who {
	var w dnswatch.Who
	w.Cloud.Names, w.Cloud.Networks = marks(d.cfg.DNS.Cloud)
	w.Old.Names, w.Old.Networks = marks(d.cfg.DNS.Old)
	for _, s := range d.cfg.Servers {
		side := &w.Cloud
		if s.Side == config.Legacy {
			side = &w.Old
		}
		for _, host := range serverHosts(s) {
			names, networks := marks(append(providerOf(host).exchangers, host))
			side.Names, side.Networks = append(side.Names, names...), append(side.Networks, networks...)
		}
	}
	for _, l := range d.cfg.Listeners {
		w.Old.Networks = append(w.Old.Networks, l.LegacyAddresses...)
		w.Cloud.Networks = append(w.Cloud.Networks, l.CloudAddresses...)
		if l.Role == config.RoleMX {
			w.Ours.Names = append(w.Ours.Names, strings.ToLower(l.Hostname))
			w.Ours.Networks = thisMachine()
		}
	}
	return w
}

// serverHosts are the names by which a server is reached, and what they belong to where MX records lead to it.
func serverHosts(s config.Server) []string {
	var all []string
	if domain, _, byMX := s.MX(); byMX {
		all = append(all, domain, "*."+domain)
	} else if host, _, err := net.SplitHostPort(s.SMTP); err == nil {
		all = append(all, host)
	}
	if host, _, err := net.SplitHostPort(s.IMAP); err == nil {
		all = append(all, host)
	}
	return all
}

// marks parts names from networks. An address of loopback is nobody's.
func marks(all []string) (names []string, networks []netip.Prefix) {
	for _, text := range all {
		if p, err := netip.ParsePrefix(text); err == nil {
			networks = append(networks, p)
		} else if ip, err := netip.ParseAddr(text); err != nil {
			names = append(names, strings.ToLower(text))
		} else if !ip.IsLoopback() {
			networks = append(networks, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
		}
	}
	return names, networks
}

// thisMachine are our own addresses, those of loopback left out.
func thisMachine() []netip.Prefix {
	all, _ := config.OwnAddresses() // without them names alone tell us, which ownAddressAlarms tells
	var found []netip.Prefix
	for _, ip := range all {
		if !ip.IsLoopback() {
			found = append(found, netip.PrefixFrom(ip, ip.BitLen()))
		}
	}
	return found
}

// provider is a cloud whose hosts have names of their own.
type provider struct{ servers, exchangers, selectors []string }

var providers = []provider{
	{[]string{"outlook.com", "office365.com", "onmicrosoft.com", "mx.microsoft"}, []string{"*.mail.protection.outlook.com", "*.mx.microsoft"}, []string{"selector1", "selector2"}},
	{[]string{"gmail.com", "google.com", "googlemail.com"}, []string{"*.google.com", "*.googlemail.com"}, []string{"google"}},
}

func providerOf(host string) provider {
	for _, p := range providers {
		if slices.ContainsFunc(p.servers, func(top string) bool { return host == top || strings.HasSuffix(host, "."+top) }) {
			return p
		}
	}
	return provider{}
}

// selectors are those of the clouds that mail goes to.
func selectors(cfg *config.Config) []string {
	var all []string
	for _, s := range cfg.Servers {
		for _, host := range serverHosts(s) {
			if s.Side == config.Cloud {
				all = append(all, providerOf(host).selectors...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
