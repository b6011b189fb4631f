package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"posthouse/evidence/dnswatch"
	"posthouse/internal/control"
	"posthouse/relay/mx"
)

// startDNS watches, unless the configuration says otherwise.
func (d *Daemon) startDNS(ctx context.Context) error {
	c := d.cfg.DNS
	if !c.Watch {
		return nil
	}
	policies := mx.New(mx.Config{Servers: c.Resolvers, Now: d.opts.Clock.Now})
	d.dns = dnswatch.NewKeeper(dnswatch.KeeperConfig{
		Watch: dnswatch.Config{
			Resolvers: c.Resolvers, Servers: c.Servers, Selectors: append(selectors(d.cfg), c.Selectors...), Policy: policies.Unlisted, Now: d.opts.Clock.Now,
		},
		Domains: d.watchedDomains, Every: c.Every, Who: d.who, Told: d.toldByDNS, Facts: d.ledger, Clock: d.opts.Clock,
	})
	asked, _ := d.dns.Names()
	for _, name := range asked {
		if err := d.dns.Recall(ctx, name); err != nil {
			d.log.WithError(err).Error("watching DNS failed; it is tried again") // mail is taken all the same
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.every(ctx, "watching DNS", d.tick(), d.dns.Round)
	}()
	d.onStop(func(ctx context.Context) error {
		cancel()
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("stopping the watch on DNS: %w", ctx.Err())
		}
	})
	return nil
}

// watchedDomains are all domains of today.
func (d *Daemon) watchedDomains() []string {
	cfg := d.live.Load().cfg
	return slices.AppendSeq(slices.Clone(cfg.Domains), maps.Keys(cfg.AliasDomains))
}

// toldByDNS logs what changed.
func (d *Daemon) toldByDNS(was, is dnswatch.History) {
	for _, c := range is.New(was) {
		entry := d.log.WithField("domain", is.Domain).WithField("record", c.Key.String()).WithField("alarm", "dns change")
		entry.Warn(changeText(c))
		d.feed.tell(func() control.Event {
			return control.Event{At: c.At, What: control.DNSChanged, Route: control.RouteDNS, Client: c.Key.String(), Detail: verb(c)}
		})
	}
	if is.MX.Switched.After(was.MX.Switched) {
		d.log.WithField("domain", is.Domain).WithField("at", is.MX.Switched).Info("no MX record leads to the old side any more")
	}
}

func changeText(c dnswatch.Change) string {
	return c.Key.String() + " " + verb(c)
}

func verb(c dnswatch.Change) string {
	verb := "changed"
	if c.Back {
		verb = "was set back"
	}
	return fmt.Sprintf("%s: %s, was %s", verb, recordText(c.To), recordText(c.From))
}

func recordText(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	return strings.Join(values, ", ")
}
