package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/relay"
)

// mailbox is a mailbox of the cutover with the configuration line it came from, which holds its passwords.
type mailbox struct {
	cutover.Mailbox
	line config.Mailbox
}

// mailboxes turns the configuration's lines into the cutover's nouns.
func mailboxes(cfg *config.Config) ([]mailbox, error) {
	all := make([]mailbox, 0, len(cfg.Mailboxes))
	for _, line := range cfg.Mailboxes {
		primary, err := cutover.ParseAddress(line.Address)
		if err != nil {
			return nil, fmt.Errorf("mailbox of line %d: %w", line.Line, err)
		}
		m := cutover.Mailbox{
			ID: cutover.MailboxID(primary.Fold()), Primary: primary, Kind: cutover.MailboxKind(line.Kind), Home: cutover.Side(line.Home), Wave: line.Wave,
			Legacy: cutover.Account{Server: line.Legacy.Server, Login: line.Legacy.Login},
			Cloud:  cutover.Account{Server: line.Cloud.Server, Login: line.Cloud.Login},
		}
		for _, alias := range line.Aliases {
			a, err := cutover.ParseAddress(alias)
			if err != nil {
				return nil, fmt.Errorf("alias of %s: %w", primary, err)
			}
			m.Aliases = append(m.Aliases, a)
		}
		all = append(all, mailbox{Mailbox: m, line: line})
	}
	return all, nil
}

func nouns(all []mailbox) []cutover.Mailbox {
	list := make([]cutover.Mailbox, len(all))
	for i, m := range all {
		list[i] = m.Mailbox
	}
	return list
}

// directory is what the relay knows of addresses.
func directory(cfg *config.Config, all []mailbox) *relay.Directory {
	byGroup, others := groups(cfg.Recipients.Groups), catchAll(cfg.Recipients.CatchAll)
	listed(cfg.Recipients.Listed, byGroup, others)
	return relay.NewDirectory(relay.DirectoryConfig{
		Mailboxes:    nouns(all),
		Domains:      cfg.Domains,
		AliasDomains: cfg.AliasDomains,
		Groups:       byGroup,
		Extra:        addressMap(cfg.Recipients.Extra),
		CatchAll:     others,
		Postmaster:   cutover.Address(cfg.Recipients.Postmaster),
		PlusTags:     cfg.Recipients.PlusAddressing,
		SendAs:       groups(cfg.Submission.SendAs),
		Complete:     cfg.Recipients.Complete,
	})
}

func groups(in map[string][]string) map[cutover.Address][]cutover.Address {
	out := make(map[cutover.Address][]cutover.Address, len(in))
	for group, members := range in {
		out[cutover.Address(group)] = addresses(members)
	}
	return out
}

func addresses(in []string) []cutover.Address {
	out := make([]cutover.Address, len(in))
	for i, a := range in {
		out[i] = cutover.Address(a)
	}
	return out
}

func addressMap(in map[string]string) map[cutover.Address]cutover.Address {
	out := make(map[cutover.Address]cutover.Address, len(in))
	for from, to := range in {
		out[cutover.Address(from)] = cutover.Address(to)
	}
	return out
}

// catchAll takes the @ off the configuration's "@domain".
func catchAll(in map[string]string) map[string]cutover.Address {
	out := make(map[string]cutover.Address, len(in))
	for domain, to := range in {
		out[domain[1:]] = cutover.Address(to)
	}
	return out
}

// listed adds the lines of the list of recipients. They are groups; a domain's catch-all is one as well, by the name that the file has for it, which is nobody's address.
func listed(lines map[string][]string, groups map[cutover.Address][]cutover.Address, catchAll map[string]cutover.Address) {
	for address, targets := range lines {
		groups[cutover.Address(address)] = addresses(targets)
		if domain, all := strings.CutPrefix(address, "@"); all {
			catchAll[domain] = cutover.Address(address)
		}
	}
}

// plans are the routes as the relay understands them.
func plans(cfg *config.Config) map[cutover.Route]relay.Plan {
	return map[cutover.Route]relay.Plan{
		cutover.Arriving:   plan(cfg, cfg.Routes.Arriving),
		cutover.Submission: submissionPlan(cfg),
		cutover.Devices:    plan(cfg, cfg.Routes.Devices),
	}
}

func plan(cfg *config.Config, r config.Route) relay.Plan {
	p := relay.Plan{Tee: r.Tee, TeeNever: addresses(r.TeeNever), Via: config.ViaSMTP}
	if len(r.To) > 0 {
		p.Via = r.To[0].Via
		p.To = side(r.To[0].Where)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Servers)) {
		if s := cfg.Servers[name]; s.Side == config.Cloud && s.Sends() && p.Outward == "" {
			p.Outward = destinationName(name, config.ViaSMTP)
		}
	}
	if cfg.Relay.Outside == config.OutsideMX {
		p.Outward = outsideName
	}
	return p
}

// side is the side that a destination's "where" names, "" for the home.
func side(where string) cutover.Side {
	if where == config.Home {
		return ""
	}
	return cutover.Side(where)
}

func destinationName(server, via string) string { return server + ":" + via }
