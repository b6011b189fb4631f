package config

import (
	"fmt"
	"maps"
	"slices"
)

func (c *checker) route(path string, role Role, r Route) {
	used := slices.ContainsFunc(slices.Collect(maps.Values(c.cfg.Listeners)), func(l Listener) bool { return l.Role == role })
	for i, d := range r.To {
		at := fmt.Sprintf("%s.to[%d]", path, i)
		if slices.Index(r.To, d) < i {
			c.bad(at, "", "%q is there already", d)
			continue
		}
		if c.destination(at, d) && used {
			c.reachable(at, d)
		}
	}
	c.second(path, r)
	c.tee(path+".tee", r, used)
}

// second demands that what stands behind the first way out is what a tee is: the old server's smtp.
func (c *checker) second(path string, r Route) {
	if len(r.To) < 2 {
		return
	}
	copies := Destination{string(Legacy), ViaSMTP}
	switch {
	case !r.Tee:
		c.bad(path+".to[1]", "say tee = true if that is meant", "with a second way out each message would arrive twice")
	case len(r.To) > 2:
		c.bad(path+".to[2]", "", "there are two sides, and two ways out at most")
	case r.To[0].Where == Home:
		c.bad(path+".to[1]", "", "beside home there is no second way out: tee goes to the old server by itself")
	case r.To[1] != copies:
		c.bad(path+".to[1]", fmt.Sprintf("write %q", copies), "a copy goes to the old server by smtp")
	}
}

// destinations are the ways out that there are.
var destinations = []string{"cloud:mailbox", "cloud:smtp", "home:mailbox", "home:smtp", "legacy:smtp"}

func (c *checker) destination(at string, d Destination) bool {
	if d == (Destination{}) {
		return false // was refused while it was read
	}
	if !slices.Contains(destinations, d.String()) {
		c.bad(at, oneOf(d.String(), destinations), "unknown destination %q", d)
		return false
	}
	return true
}

// targets are the servers a destination may lead to.
func (c *checker) targets(where string) []string {
	if where == Home {
		return c.cfg.serverNames()
	}
	return c.cfg.serversOf(Side(where))
}

// reachable demands that the servers of a destination have the address it needs.
func (c *checker) reachable(at string, d Destination) {
	targets := c.targets(d.Where)
	if len(targets) == 0 {
		c.bad(at, "", "%q leads nowhere: there is no server of side %q", d, d.Where)
	}
	for _, name := range targets {
		s := c.cfg.Servers[name]
		via, need := d.Via, s.SMTP
		if s.Side == Cloud && d.Via == ViaMailbox {
			need = s.IMAP
		} else if d.Via == ViaMailbox {
			via = ViaSMTP
		}
		if need == "" {
			hint := ""
			if d.Where == Home && s.Side == Legacy { // nobody may have written that
				hint = fmt.Sprintf("or say to = [%q] if no mailbox is read there", Destination{string(Cloud), d.Via})
			}
			c.bad(at, hint, "%q needs [servers.%s] to have %s", d, name, map[string]string{ViaSMTP: "smtp", ViaMailbox: "imap"}[via])
		}
	}
}

// tee demands that there is something to copy, and old servers that take the copies.
func (c *checker) tee(at string, r Route, used bool) {
	if !r.Tee || len(r.To) == 0 {
		return
	}
	if r.To[0].Where == string(Legacy) {
		c.bad(at, "", "tee copies what goes to the cloud; this mail goes to the old server anyway")
		return
	}
	servers := c.cfg.serversOf(Legacy)
	if used && len(servers) == 0 {
		c.bad(at, "", "tee leads nowhere: there is no server of side %q", Legacy)
	}
	for _, name := range servers {
		if used && len(r.To) == 1 && c.cfg.Servers[name].SMTP == "" {
			c.bad(at, "", "tee needs [servers.%s] to have smtp", name)
		}
	}
}

func (c *checker) recipients() {
	r := c.cfg.Recipients
	owner := map[string]string{}
	var mailboxes []string
	for _, m := range c.cfg.Mailboxes {
		mailboxes = append(mailboxes, m.Address)
		for _, a := range append([]string{m.Address}, m.Aliases...) {
			owner[a] = m.Address
		}
	}
	c.mailbox("recipients.postmaster", r.Postmaster, mailboxes)
	c.ask()
	for _, address := range slices.Sorted(maps.Keys(r.Extra)) {
		c.newAddress("recipients.extra."+address, address, owner)
		c.mailbox("recipients.extra."+address, r.Extra[address], mailboxes)
	}
	list := c.readVirtual(owner)
	c.groups(owner)
	c.virtualTargets(list, owner)
	for _, at := range slices.Sorted(maps.Keys(r.CatchAll)) {
		c.inDomains("recipients.catch_all."+at, at)
		if other := owner[at]; other != "" {
			c.badKey("recipients.catch_all."+at, "", "%q belongs to %s already", at, other)
		}
		c.mailbox("recipients.catch_all."+at, r.CatchAll[at], mailboxes)
	}
	c.postmaster(owner)
}

func (c *checker) mailbox(path, address string, mailboxes []string) {
	if address != "" && !c.blind && !slices.Contains(mailboxes, address) {
		c.bad(path, didYouMean(address, mailboxes), "%q is no mailbox", address)
	}
}

// postmaster warns where RFC 5321 §4.5.1 is broken: every domain must have one.
func (c *checker) postmaster(owner map[string]string) {
	r := c.cfg.Recipients
	if !r.Complete || r.Postmaster != "" || c.blind {
		return
	}
	for _, domain := range c.cfg.Domains {
		if owner["postmaster@"+domain] == "" && owner["@"+domain] == "" && r.CatchAll["@"+domain] == "" {
			c.warning("recipients.complete", "say postmaster = ADDRESS in [recipients]", "postmaster@%s reaches nobody", domain)
		}
	}
}

func (c *checker) newAddress(path, address string, owner map[string]string) {
	if other := owner[address]; other != "" {
		c.badKey(path, "", "%q belongs to %s already", address, other)
		return
	}
	owner[address] = path
	c.inDomains(path, address)
}

func (c *checker) inDomains(path, address string) {
	if c.cfg.domainsKnown() && !c.cfg.ours(address) {
		_, domain := split(address)
		c.badKey(path, didYouMean(domain, c.cfg.Domains), "%q is in none of the domains", address)
	}
}
