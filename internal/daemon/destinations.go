package daemon

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/destination"
	"posthouse/relay"
	"posthouse/relay/delivery"
)

// destinations makes every way out that the servers offer: SERVER:smtp where there is SMTP (or LMTP), SERVER:mailbox where there is IMAP on the cloud side.
func (d *Daemon) destinations() (map[string]relay.Destination, error) {
	made, all := d.ways(), map[string]relay.Destination{}
	d.nextHops = map[string]*delivery.Client{}
	var err error
	if made.Seal, err = d.seal(); err != nil {
		return nil, err
	}
	for name, s := range d.cfg.Servers {
		cloud := destination.Cloud{Rewrite: s.Sends() && !s.Connector, Rescue: s.IMAP != "" && d.cfg.Relay.Rescue, Clear: s.IMAPTLS == config.TLSNone}
		if s.SMTP != "" {
			client, err := d.smtpClient(name, s)
			if err != nil {
				return nil, fmt.Errorf("server %s: %w", name, err)
			}
			d.onStop(client.Stop)
			by := destinationName(name, config.ViaSMTP)
			d.nextHops[by] = client
			if cloud.Client = client; s.Side == config.Cloud {
				all[by] = made.ToCloud(cloud)
			} else {
				all[by] = made.ToOld(client)
			}
		}
		if s.IMAP != "" && s.Side == config.Cloud {
			all[destinationName(name, config.ViaMailbox)] = made.IntoMailboxes(cloud)
			all[destinationName(name, relay.ViaSent)] = made.IntoSent(cloud)
		}
	}
	if d.cfg.Relay.Outside == config.OutsideMX {
		all[outsideName] = made.Outside(d.outside())
	}
	return all, nil
}

// ways is what the ways out share.
func (d *Daemon) ways() destination.Ways {
	w := destination.Ways{
		Bridge: d.bridge, Items: d.ledger, Key: d.traceKey, Legacy: networks(d.cfg, func(l config.Listener) []netip.Prefix { return l.LegacyAddresses }),
		RescueAfter: d.cfg.Relay.RescueAfter, Clock: d.opts.Clock, Log: d.log,
	}
	if d.srs != nil {
		r := d.cfg.Routes
		w.SRS = &destination.SRS{
			Rewriter: d.srs, Routes: map[cutover.Route]bool{cutover.Arriving: r.Arriving.SRS, cutover.Submission: r.Submission.SRS, cutover.Devices: r.Devices.SRS},
			Ours: func(a cutover.Address) bool { return d.live.Load().directory.Ours(a) },
		}
	}
	return w
}

// outsideName is the way to addresses outside, where it is not a cloud server's.
const outsideName = "outside:mx"

func (d *Daemon) outside() destination.Outside {
	hosts := func(domain string) func(context.Context) ([]delivery.Host, error) {
		return d.hostsOf(domain, cmp.Or(d.opts.MXPort, 25))
	}
	return destination.Outside{Name: outsideName, Hello: d.hostname(), Hosts: hosts, Dial: connect}
}

// passesDSN reports whether what a sender asks for about notifications is done: by us, or by every next hop that we have met.
func (d *Daemon) passesDSN() bool {
	if d.cfg.Relay.Notifications {
		return true
	}
	met := false
	for _, hop := range d.nextHops {
		offers, known := hop.Offers("DSN")
		if known && !offers {
			return false
		}
		met = met || known
	}
	return met
}
