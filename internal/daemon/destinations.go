package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"posthouse/bridge"
	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/login"
	"posthouse/internal/pace"
	"posthouse/relay"
	"posthouse/relay/delivery"
	"posthouse/relay/mx"
	"posthouse/relay/reason"
)

// destinations makes every way out that the servers offer: SERVER:smtp where there is SMTP (or LMTP), SERVER:mailbox where there is IMAP on the cloud side.
func (d *Daemon) destinations() (map[string]relay.Destination, error) {
	ways := map[string]relay.Destination{}
	d.nextHops = map[string]*delivery.Client{}
	for name, s := range d.cfg.Servers {
		if s.SMTP != "" {
			client, err := d.smtpClient(name, s)
			if err != nil {
				return nil, fmt.Errorf("server %s: %w", name, err)
			}
			d.onStop(client.Stop)
			d.nextHops[destinationName(name, config.ViaSMTP)] = client
			out, err := d.sealed(s, smtpDestination{client, d.senderFor(s), s.Side == config.Legacy})
			if err != nil {
				return nil, err
			}
			ways[destinationName(name, config.ViaSMTP)] = d.looking(s, d.rescuing(s, out))
		}
		if s.IMAP != "" && s.Side == config.Cloud {
			ways[destinationName(name, config.ViaMailbox)] = d.looking(s, d.mailbox(s))
			ways[destinationName(name, relay.ViaSent)] = keepingTLS(s, sentDestination{d.bridge})
		}
	}
	if d.cfg.Relay.Outside == config.OutsideMX {
		out, err := d.outside()
		if err != nil {
			return nil, err
		}
		ways[outsideName] = out
	}
	return ways, nil
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

// rescuing puts the mailbox path behind a way into the cloud by SMTP.
func (d *Daemon) rescuing(s config.Server, to relay.Destination) relay.Destination {
	if s.Side != config.Cloud || s.IMAP == "" || !d.cfg.Relay.Rescue {
		return to
	}
	return relay.Rescue{Destination: to, Mailbox: d.mailbox(s), After: d.cfg.Relay.RescueAfter, Clock: d.opts.Clock}
}

// looking makes a way into the cloud look first.
func (d *Daemon) looking(s config.Server, to relay.Destination) relay.Destination {
	if s.Side != config.Cloud {
		return to
	}
	return lookFirst{to, d.ledger, d.bridge, d.finder(), d.traceKey, networks(d.cfg, func(l config.Listener) []netip.Prefix { return l.LegacyAddresses })}
}

func (d *Daemon) smtpClient(name string, s config.Server) (*delivery.Client, error) {
	c, err := d.smtpConfig(name, s)
	if err != nil {
		return nil, err
	}
	return delivery.New(c)
}

func (d *Daemon) smtpConfig(name string, s config.Server) (c delivery.Config, err error) {
	to := delivery.Destination{
		Name: destinationName(name, config.ViaSMTP), Address: s.SMTP, MaxConnections: max(1, min(d.cfg.Relay.Workers, s.MaxConnections)),
		Protocol: delivery.Protocol(s.SMTPProtocol),
		TLS:      delivery.TLS{Mode: delivery.TLSMode(s.SMTPTLS), CAFile: s.CAFile},
		Proxy:    map[string]delivery.ProxyVersion{config.ProxyV1: delivery.ProxyV1, config.ProxyV2: delivery.ProxyV2}[s.Proxy],
	}
	if s.Fingerprint != "" {
		to.TLS.Fingerprints = []string{s.Fingerprint}
	}
	if s.ClientCert != "" {
		identity, err := d.tlsFor(s, s.SMTP)
		if err != nil {
			return c, err
		}
		to.TLS.ClientCertificate = identity.GetClientCertificate
	}
	if s.SMTPAuth != "" && s.SMTPAuth != "none" {
		to.Auth = smtpAuth(s, d.stores.servers[name].tokens)
	}
	c = delivery.Config{Destination: to, Hello: d.hostname(), Dial: connect}
	if domain, port, byMX := s.MX(); byMX {
		c.Find = d.hostsOf(domain, port)
	}
	return c, nil
}

// smtpAuth is our login. A token that was refused is fetched anew, unless it was just fetched.
func smtpAuth(s config.Server, tokens login.TokenSource) delivery.Auth {
	auth := delivery.Auth{Mechanism: delivery.Mechanism(strings.ToUpper(s.SMTPAuth)), Username: s.SMTPLogin, WithoutTLS: s.SMTPTLS == config.TLSNone}
	if s.SMTPAuth != config.SMTPAuthXOAuth2 {
		auth.Password = func(context.Context) (string, error) { return s.SMTPPassword.Reveal() }
		return auth
	}
	auth.Token = func(ctx context.Context, refused string) (string, error) {
		if refused != "" {
			tokens.Invalidate(s.SMTPLogin, refused)
		}
		return tokens.Token(ctx, s.SMTPLogin)
	}
	return auth
}

// smtpDestination adapts the delivery client.
type smtpDestination struct {
	client *delivery.Client
	sender sender
	// forward tells a next hop that wants to know who the true client was: the old server's filters are to judge it, not us.
	forward bool
}

// Deliver hands the message over for all recipients in one transaction. A tee goes with the null reverse path and asks for no notifications.
func (s smtpDestination) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	e := s.envelope(c)
	if s.forward && c.Capture.Route != cutover.Submission { // for a user we vouch ourselves: his address has no rights there
		e.Origin = &delivery.Origin{Addr: c.Capture.Client.Addr, Helo: c.Capture.Client.Name, ID: string(c.Capture.ID)}
	}
	if c.Next != nil && !s.forward {
		e.Next = func() (delivery.Next, bool) { return s.next(c.Next()) }
	}
	outcomes, err := s.client.Send(ctx, e, c.Body)
	result := make([]relay.Outcome, len(c.Deliveries))
	for i := range c.Deliveries {
		if i < len(outcomes) {
			result[i] = outcome(outcomes[i], err)
		} else {
			result[i] = relay.Outcome{Kind: relay.Unreachable, Reply: fmt.Sprint(err)}
		}
	}
	return result
}

// envelope names the message and all who are to get it.
func (s smtpDestination) envelope(c relay.Consignment) delivery.Envelope {
	e := envelope(c, s.sender(c))
	e.ID = string(c.Capture.ID)
	for _, d := range c.Deliveries {
		e.ID += " " + strconv.FormatInt(int64(d.ID), 10)
	}
	return e
}

// next is what the next hop is told of.
func (s smtpDestination) next(c *relay.Consignment) (delivery.Next, bool) {
	if c == nil {
		return delivery.Next{}, false
	}
	return delivery.Next{Envelope: s.envelope(*c), Size: c.Body.Size()}, true
}

func envelope(c relay.Consignment, from string) delivery.Envelope {
	e := delivery.Envelope{
		From: from, UTF8: c.Capture.Envelope.UTF8, EightBit: c.Capture.EightBit, BareNewline: c.Capture.Bare, RequireTLS: c.Capture.Envelope.RequireTLS,
		Ret: c.Capture.Envelope.Return, EnvID: relay.Unxtext(c.Capture.Envelope.EnvelopeID),
	}
	if c.Tee {
		e.Ret, e.EnvID = "", ""
	}
	for _, d := range c.Deliveries {
		r := delivery.Recipient{Address: string(d.Recipient)}
		for _, original := range c.Capture.Envelope.Recipients {
			if original.Address != d.Original {
				continue
			}
			r.ORcpt = relay.OriginalRecipient(original.ORcpt)
			if original.Notify != "" {
				r.Notify = strings.Split(original.Notify, ",")
			}
		}
		if c.Tee {
			r.Notify, r.ORcpt = []string{"NEVER"}, ""
		}
		e.Recipients = append(e.Recipients, r)
	}
	return e
}

func outcome(o delivery.Outcome, err error) relay.Outcome {
	r := relay.Outcome{Reply: reply(o, err), Notifies: o.Notifies, Wait: o.Backoff, Class: reason.Of(o.Reply.Code, o.Reply.Enhanced, o.Reply.Text)}
	switch o.Kind {
	case delivery.Accepted:
		r.Kind = relay.Delivered
	case delivery.RefusedPermanent:
		r.Kind = relay.Declined
	case delivery.RefusedTemporary:
		r.Kind = relay.Deferred
	case delivery.InDoubt:
		r.Kind = relay.Uncertain
	case delivery.NotFit:
		r.Kind, r.Class = relay.Unsuitable, unfit(o.Err)
	default:
		return unsent(r, err)
	}
	// x.2.y speaks of the mailbox, and a session refused to a client of that one: for others there may be time.
	r.Busy = r.Class == reason.Throttled && !o.OfClient && !strings.HasPrefix(o.Reply.Enhanced, "4.2.") && !strings.HasPrefix(o.Reply.Enhanced, "5.2.")
	return r
}

// unfit is the class of a refusal of our own.
func unfit(err error) reason.Class {
	var u *delivery.Unfit
	switch {
	case errors.As(err, &u) && u.Reason == delivery.TooBig:
		return reason.Size
	case errors.As(err, &u) && u.Reason == delivery.NoRequireTLS:
		return reason.TLS
	}
	return reason.Form
}

// unsent tells trouble with the connection, which is the destination's, from trouble with this message.
func unsent(r relay.Outcome, err error) relay.Outcome {
	var session *delivery.SessionError
	var misfit *delivery.Unfit
	var unmet *delivery.Unmet
	r.Kind = relay.Deferred
	switch {
	case errors.Is(err, mx.ErrNull): // as RFC 7505 §4.2 answers it
		r.Kind, r.Class = relay.Declined, reason.Recipient
	case errors.As(err, &misfit):
		r.Kind, r.Class = relay.Unsuitable, unfit(err)
	case errors.Is(err, context.Canceled), errors.Is(err, delivery.ErrStopped):
		// We are being stopped: that is nobody's fault.
	case errors.As(err, &session):
		r.Kind, r.Class = relay.Unreachable, reason.Of(session.Reply.Code, session.Reply.Enhanced, session.Reply.Text)
		_, r.Wait = session.Throttled()
		if errors.As(err, &unmet) {
			r.Class = reason.TLS
		}
		if errors.Is(err, login.ErrRefused) { // by the token endpoint
			r.Class = reason.Login
		}
	}
	return r
}

func reply(o delivery.Outcome, err error) string {
	switch {
	case o.Reply.Code != 0:
		return o.Reply.String()
	case o.Err != nil:
		return o.Err.Error()
	case err != nil:
		return err.Error()
	}
	return ""
}

// mailboxDestination puts messages into the cloud mailbox itself.
type mailboxDestination struct {
	bridge *bridge.Bridge
	key    []byte
}

func (d *Daemon) mailbox(s config.Server) relay.Destination {
	return keepingTLS(s, mailboxDestination{d.bridge, d.traceKey})
}

func (m mailboxDestination) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	result := make([]relay.Outcome, len(c.Deliveries))
	for i, d := range c.Deliveries {
		id := c.Capture.Identity
		id.Trace = cutover.NewTrace(m.key, c.Capture.ID)
		seen, err := m.bridge.Deposit(ctx, d.Mailbox, id, c.Capture.At, content{c.Body})
		result[i] = deposited(seen, err)
	}
	return result
}

func deposited(seen bridge.Sighting, err error) relay.Outcome {
	var busy *bridge.Busy
	switch {
	case err == nil:
		return relay.Outcome{Kind: relay.Delivered, Reply: "put into the mailbox", Seen: seen.String()}
	case errors.Is(err, bridge.ErrUnknown):
		return relay.Outcome{Kind: relay.Uncertain, Reply: err.Error()}
	case errors.Is(err, bridge.ErrTooLarge):
		return relay.Outcome{Kind: relay.Declined, Class: reason.Size, Reply: err.Error()}
	case errors.Is(err, bridge.ErrRefused):
		return relay.Outcome{Kind: relay.Declined, Class: reason.Form, Reply: err.Error()}
	case errors.As(err, &busy) && busy.Kind == bridge.Full:
		return relay.Outcome{Kind: relay.Deferred, Class: reason.Full, Reply: err.Error()}
	case errors.As(err, &busy) && !errors.Is(err, bridge.ErrLogin): // one mailbox, not the server
		return relay.Outcome{Kind: relay.Deferred, Class: reason.Throttled, Wait: busy.Wait, Reply: err.Error()}
	case errors.Is(err, bridge.ErrBusy):
	case errors.Is(err, bridge.ErrConnection):
		return relay.Outcome{Kind: relay.Unreachable, Reply: err.Error()}
	case errors.Is(err, bridge.ErrLogin):
		// That of one mailbox, which says nothing of the server: others' mail goes on.
		return relay.Outcome{Kind: relay.Deferred, Class: reason.Login, Reply: err.Error()}
	}
	return relay.Outcome{Kind: relay.Deferred, Reply: err.Error()}
}

// content is a capture's body as the bridge wants it; the ledger owns it, so there is nothing to give back.
type content struct{ relay.Body }

func (content) Close() error { return nil }

func (d *Daemon) startCourier(ctx context.Context) error {
	var err error
	if d.srs, err = rewriter(d.cfg.Relay.SRS); err != nil {
		return err
	}
	d.mx = d.finderOfHosts()
	ways, err := d.destinations()
	if err != nil {
		return err
	}
	d.courier, err = relay.NewCourier(ctx, relay.CourierConfig{
		Ledger: d.ledger, Destinations: ways, Finder: d.finder(), Askable: d.stores.askable,
		Retry: pace.Schedule{Steps: d.cfg.Relay.Retry}, HoldAfter: d.cfg.Relay.HoldAfter, SettleTime: d.cfg.Relay.SettleTime,
		Workers: d.cfg.Relay.Workers, Notifications: d.cfg.Relay.Notifications, Attempted: d.attempted, Scan: d.real(time.Second), Pauses: pauses(d),
		Clock: d.opts.Clock, Log: d.log, Alive: d.beat("courier", time.Minute),
	})
	if err != nil {
		return err
	}
	if err := d.courier.Start(ctx); err != nil {
		return err
	}
	d.onStop(d.courier.Stop)
	if d.reconciled != nil {
		// Everything due is durably in doubt by now, and the bridge always asks before it puts.
		return d.reconciled(ctx)
	}
	return nil
}

// pauses is how long a destination that cannot be reached is left alone.
func pauses(d *Daemon) pace.Schedule {
	steps := []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute}
	for i := range steps {
		steps[i] = d.real(steps[i])
	}
	return pace.Schedule{Steps: steps}
}
