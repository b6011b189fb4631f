package daemon

import (
	"slices"
	"strings"

	"posthouse/config"
	"posthouse/cutover"
)

// keepsTLS asks whether what a listener takes may be promised verified TLS all the way (RFC 8689): every first way out of its route was seen to keep it. Where one later does not, the message is held.
func (d *Daemon) keepsTLS(l config.Listener) func() bool {
	plan := plans(d.cfg)[route(l.Role)]
	var ways []string
	if l.Role == config.RoleSubmission || l.Role == config.RoleDevices && l.Outside {
		ways = append(ways, plan.Outward)
	}
	return func() bool {
		ways := slices.Clone(ways)
		for _, m := range d.live.Load().kinds {
			ways = append(ways, plan.Way(m))
		}
		return len(ways) > 0 && !slices.ContainsFunc(ways, func(w string) bool { return !d.wayKeepsTLS(w) })
	}
}

func (d *Daemon) wayKeepsTLS(way string) bool {
	if hop, known := d.nextHops[way]; known {
		offers, _ := hop.Offers("REQUIRETLS")
		return offers
	}
	server, mailbox := strings.CutSuffix(way, ":"+config.ViaMailbox)
	return mailbox && d.cfg.Servers[server].IMAPTLS != config.TLSNone
}

// kinds are mailboxes of which one stands for all that have the same home on the same servers.
func kinds(all []mailbox) []cutover.Mailbox {
	type kind struct {
		home          cutover.Side
		legacy, cloud string
	}
	have := map[kind]bool{}
	var list []cutover.Mailbox
	for _, m := range all {
		k := kind{m.Home, m.Legacy.Server, m.Cloud.Server}
		if !have[k] {
			have[k] = true
			list = append(list, m.Mailbox)
		}
	}
	return list
}
