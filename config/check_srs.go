package config

import (
	"fmt"
	"slices"
)

// srs demands what rewriting senders needs, and warns where it would do nothing or bounces would get lost.
func (c *checker) srs() {
	c.pair("relay.srs", "domain", "secret")
	for _, r := range []struct {
		path  string
		route Route
	}{{"routes.arriving", c.cfg.Routes.Arriving}, {"routes.submission", c.cfg.Routes.Submission}, {"routes.devices", c.cfg.Routes.Devices}} {
		if r.route.SRS {
			c.rewrites(r.path + ".srs")
		}
	}
	if domain := c.cfg.Relay.SRS.Domain; domain != "" && c.cfg.ours("x@"+domain) {
		c.warning("relay.srs.domain", fmt.Sprintf("for example domain = \"srs.%s\"", domain),
			"%s moves: when its MX record leads to the cloud, bounces to rewritten senders go there; a domain of its own does not", domain)
	}
}

func (c *checker) rewrites(path string) {
	if !c.given("relay.srs.domain") {
		c.bad(path, "", "srs = true needs [relay.srs] with domain and secret")
	}
	if c.cfg.Relay.Outside == OutsideMX {
		return
	}
	open := func(name string) bool { return c.cfg.Servers[name].Sends() && !c.cfg.Servers[name].Connector }
	if !slices.ContainsFunc(c.cfg.serversOf(Cloud), open) {
		c.warning(path, "", "srs changes nothing: no cloud server takes mail by smtp without being a connector")
	}
}
