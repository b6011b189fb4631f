package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/relay"
	"posthouse/relay/callout"
	"posthouse/relay/delivery"
	"posthouse/relay/reason"
)

// askSessions is how many sessions there are with a server for questions, beside those for mail.
const askSessions = 2

// askedPerSession is how many questions one session bears: each refused recipient is an error, after ten of which Postfix answers slowly and after twenty hangs up
// (smtpd_soft_error_limit, smtpd_hard_error_limit), and each RSET one of ten commands that Exim takes beside mail (smtp_accept_max_nonmail).
const askedPerSession = 8

// startAsking makes a source of each server that is asked about recipients.
func (d *Daemon) startAsking() error {
	var all []*callout.Source
	r := d.cfg.Recipients
	for _, name := range r.Ask {
		s := d.cfg.Servers[name]
		client, err := d.askingClient(name, s)
		if err != nil {
			return fmt.Errorf("server %s: %w", name, err)
		}
		d.onStop(client.Stop)
		all = append(all, callout.NewSource(callout.Config{
			Name: name, Side: cutover.Side(s.Side), Way: destinationName(name, config.ViaSMTP), Ask: question(client),
			Rate: r.AskRate, Timeout: r.AskTimeout, Pauses: pauses(d), Clock: d.opts.Clock,
		}))
	}
	d.callouts = callout.Join(all...)
	d.onStop(func(context.Context) error { d.callouts.Stop(); return nil })
	return nil
}

func (d *Daemon) askingClient(name string, s config.Server) (*delivery.Client, error) {
	c, err := d.smtpConfig(name, s)
	if err != nil {
		return nil, err
	}
	c.Destination.MaxConnections, c.Destination.MaxMessages = askSessions, askedPerSession
	return delivery.New(c)
}

// question is what a client's reply says of an address.
func question(client *delivery.Client) func(context.Context, cutover.Address) callout.Heard {
	return func(ctx context.Context, a cutover.Address) callout.Heard {
		reply, err := client.Ask(ctx, string(a))
		return heard(reply, err)
	}
}

// heard takes for a no only what says that there is no such recipient. That a mailbox is full says that there is one. Whatever is about us, or about mail as such, says
// nothing of the address.
func heard(reply delivery.Reply, err error) callout.Heard {
	var unfit *delivery.Unfit
	switch {
	case errors.As(err, &unfit):
		return callout.Heard{Answer: callout.Later, Said: err.Error()}
	case err != nil:
		return callout.Heard{Answer: callout.Later, Said: err.Error(), Down: true}
	case reply.Positive():
		return callout.Heard{Answer: callout.Yes}
	}
	class := reason.Of(reply.Code, reply.Enhanced, reply.Text)
	switch {
	case class == reason.Full:
		return callout.Heard{Answer: callout.Yes}
	case class == reason.Recipient && reply.Code >= 500 && !aboutDomain(reply):
		return callout.Heard{Answer: callout.No}
	}
	return callout.Heard{Answer: callout.Later, Said: reply.String()}
}

// aboutDomain reports whether a refusal may be for the domain, whoever is asked for in it (5.1.2; 553 as qmail says it), or names another address (551). A server that does not serve a
// domain refuses the address that nobody can have as well, so it would seem to be able to say no.
func aboutDomain(r delivery.Reply) bool {
	return r.Code == 551 || r.Code == 553 && r.Enhanced == "" || r.Enhanced == "5.1.2"
}

// askedServers are the servers that are asked, for the status.
func (d *Daemon) askedServers() []control.Asked {
	var all []control.Asked
	for _, s := range d.callouts.States() {
		all = append(all, control.Asked{
			Server: s.Name, Side: string(s.Side), Knows: s.Knows, Mute: s.Mute, Questions: s.Asked, Known: s.Known, Unknown: s.Unknown,
			Deferred: s.Deferred, Limited: s.Limited, Down: s.Down, Trouble: s.Trouble, TroubleAt: s.TroubleAt,
		})
	}
	return all
}

// gaps are addresses that the old server knows, the cloud does not, and no list has now: when the old server ends nobody will know them.
func (d *Daemon) gaps() []alarm {
	var open []string
	for _, a := range d.callouts.Gaps() {
		if _, answer := d.live.Load().directory.Resolve(a); answer == relay.Unknown {
			open = append(open, string(a))
		}
	}
	if len(open) == 0 {
		return nil
	}
	const shown = 3
	names, more := strings.Join(open[:min(len(open), shown)], ", "), ""
	if len(open) > shown {
		more = fmt.Sprintf(" and %d more", len(open)-shown)
	}
	text := fmt.Sprintf("known to the old server alone, which gets their mail: %s%s; create them in the cloud, or name who gets it (mailboxes.csv, [recipients])", names, more)
	return []alarm{{"gap", "addresses", len(open), text}}
}
