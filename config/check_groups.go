package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// groups looks at the lists of members once all addresses are known: a group may be a member of another.
func (c *checker) groups(owner map[string]string) {
	groups := c.cfg.Recipients.Groups
	names := slices.Sorted(maps.Keys(groups))
	for _, name := range names {
		c.newAddress("recipients.groups."+name, name, owner)
	}
	for _, name := range names {
		path := "recipients.groups." + name
		if groups[name] != nil && len(groups[name]) == 0 { // nil was refused while it was read
			c.badKey(path, "name its members, or take it out", "%q is a group without members", name)
		}
		for i, member := range groups[name] {
			c.member(fmt.Sprintf("%s[%d]", path, i), name, member, owner)
		}
	}
}

// member finds what would leave a member without mail. Where the directory leads nowhere the mail is held: that is refused where the list of recipients is complete, and
// warned of where it is not.
func (c *checker) member(at, group, member string, owner map[string]string) {
	switch bad := c.memberFault(group, member, owner); {
	case bad == nil:
	case bad.warning:
		c.warning(at, bad.hint, "%s", bad.text)
	default:
		c.bad(at, bad.hint, "%s", bad.text)
	}
}

func (c *checker) memberFault(group, member string, owner map[string]string) *fault {
	listed := c.listed(member, owner)
	switch {
	case member == "": // was refused while it was read
	case c.reaches(listed, group, owner, map[string]bool{}):
		return &fault{text: fmt.Sprintf("%q leads back to %q", member, group), hint: "a group cannot be a member of itself"}
	case listed != "":
	case !c.cfg.ours(member):
		if !c.sendsOutside() {
			return &fault{
				text: fmt.Sprintf("%q is outside the domains and no cloud server has smtp: its mail is held", member),
				hint: "give a cloud server smtp, or take it out of the group", warning: true,
			}
		}
	case c.blind: // nobody knows
	case c.cfg.Recipients.Complete:
		return &fault{text: fmt.Sprintf("%q is no address of ours", member), hint: didYouMean(member, slices.Sorted(maps.Keys(owner)))}
	default:
		return &fault{text: fmt.Sprintf("%q is no address of ours: its mail is held", member), hint: didYouMean(member, slices.Sorted(maps.Keys(owner))), warning: true}
	}
	return nil
}

// reaches says that mail for one address gets to the group by way of groups. seen cuts rounds that others make.
func (c *checker) reaches(from, group string, owner map[string]string, seen map[string]bool) bool {
	if from == group || seen[from] {
		return from == group
	}
	seen[from] = true
	members := slices.Concat(c.cfg.Recipients.Groups[from], c.cfg.Recipients.Listed[from])
	return slices.ContainsFunc(members, func(m string) bool { return c.reaches(c.listed(m, owner), group, owner, seen) })
}

// listed is the address under which a list has one of ours: itself, without its plus tag, or with the real domain in place of an alias domain; "" if none has it.
func (c *checker) listed(address string, owner map[string]string) string {
	local, domain := split(address)
	for _, domain := range []string{domain, c.cfg.AliasDomains[domain]} {
		for _, local := range []string{local, c.untagged(local)} {
			if a := local + "@" + domain; owner[a] != "" {
				return a
			}
		}
	}
	return ""
}

func (c *checker) untagged(local string) string {
	if bare, _, tagged := strings.Cut(local, "+"); tagged && bare != "" && c.cfg.Recipients.PlusAddressing {
		return bare
	}
	return local
}

// domainsKnown is false where none is named, or one was refused while it was read: then nobody knows what is ours, and one error says it.
func (c *Config) domainsKnown() bool {
	return len(c.Domains) > 0 && !slices.Contains(c.Domains, "")
}

// ours says that an address is in one of the domains, alias domains included.
func (c *Config) ours(address string) bool {
	_, domain := split(address)
	_, alias := c.AliasDomains[domain]
	return alias || slices.Contains(c.Domains, domain)
}

func (c *checker) sendsOutside() bool {
	return c.cfg.Relay.Outside == OutsideMX || slices.ContainsFunc(c.cfg.serversOf(Cloud), func(name string) bool { return c.cfg.Servers[name].Sends() })
}

// split parts an address at its last @.
func split(address string) (local, domain string) {
	at := strings.LastIndexByte(address, '@')
	return address[:max(at, 0)], address[at+1:]
}
