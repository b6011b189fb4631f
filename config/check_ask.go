package config

import (
	"fmt"
	"slices"
)

// ask demands that who is asked about recipients can be.
func (c *checker) ask() {
	servers := c.cfg.Recipients.Ask
	for i, name := range servers {
		at := fmt.Sprintf("recipients.ask[%d]", i)
		switch s, known := c.cfg.Servers[name]; {
		case slices.Index(servers, name) < i:
			c.bad(at, "", "%q is there already", name)
		case !known:
			c.bad(at, didYouMean(name, c.cfg.serverNames()), "%q is no server", name)
		case s.SMTP == "":
			c.bad(at, "", "%q is asked by SMTP: [servers.%s] needs smtp", name, name)
		}
	}
}
