package config

import (
	"net/netip"
	"strings"
	"time"
)

// DNS is how what DNS says of the domains is watched.
type DNS struct {
	// False: nothing is asked.
	Watch bool `toml:"watch" default:"true"`
	// How often each domain is looked at.
	Every time.Duration `toml:"every" default:"5m" min:"10s" max:"24h"`
	// Resolvers, as ADDRESS:PORT, by which the domains' own servers are found, and whose answers are compared with theirs. When not given:
	// those of /etc/resolv.conf. Reserved names (example.com, *.example, *.test) are asked only of resolvers that are given here.
	Resolvers []string `toml:"resolvers" as:"hostport" example:"192.0.2.53:53, 192.0.2.54:53"`
	// Authoritative servers of the domains, as ADDRESS:PORT, instead of those that their NS records name.
	Servers []string `toml:"servers" as:"hostport" example:"192.0.2.60:53, 192.0.2.61:53"`
	// Selectors of DKIM keys. selector1 and selector2 (Microsoft) and google are looked for by themselves where the cloud is theirs.
	Selectors []string `toml:"selectors" as:"domain" example:"mail2026"`
	// MX hosts of the old side, and networks in which they are, beside the legacy servers' names and the legacy_addresses of the listeners: a public
	// address, a filter in front. *.example.com is every host below it.
	Old []string `toml:"old" as:"hosts" example:"mail.example.com, 192.0.2.0/28"`
	// The same of the cloud, beside its servers' names and the cloud_addresses. Microsoft's and Google's MX hosts are known.
	Cloud []string `toml:"cloud" as:"hosts" example:"*.filter.example"`
}

// checkHosts wants a host, *.DOMAIN, an address or a network.
func checkHosts(text string) (string, *fault) {
	if strings.ContainsAny(text, "/:") {
		return checkNetwork(text)
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return checkNetwork(text)
	}
	domain, wild := strings.CutPrefix(text, "*.")
	domain, bad := checkDomain(domain)
	switch {
	case bad != nil:
		return "", &fault{text: text + " is neither a host nor a network", hint: "for example mail.example.com, *.filter.example, 192.0.2.0/28"}
	case wild:
		return "*." + domain, nil
	}
	return domain, nil
}

// dns warns of what is not used.
func (c *checker) dns() {
	if c.cfg.DNS.Watch {
		return
	}
	for _, key := range []string{"every", "resolvers", "servers", "selectors", "old", "cloud"} {
		if c.given("dns." + key) {
			c.warning("dns."+key, "", "%s is not used with watch = false", key)
		}
	}
}
