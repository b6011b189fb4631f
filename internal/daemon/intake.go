package daemon

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"posthouse/config"
	"posthouse/cutover"
	"posthouse/internal/control"
	"posthouse/internal/web"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/listener"
)

// intake adapts the relay's intake to the listener.
type intake struct {
	relay   *relay.Intake
	feed    *feed
	metrics *web.Metrics
	// allow are the networks that may use a devices listener; nil on other listeners, which anybody may use.
	allow []netip.Prefix
	// senders is what is done about senders.
	senders senders
	// rights are what the client may do beyond that.
	rights rights
	// greeted is told of who comes; may be nil.
	greeted func(listener.Session)
}

func (d *Daemon) intakeOf(l config.Listener) intake {
	return intake{d.intake, &d.feed, d.metrics, l.Allow, d.senders(l), d.rights(l), d.greeted}
}

// rights adds to a peer what his session allows him.
type rights func(listener.Session, *relay.Peer)

func (i intake) peer(s listener.Session, utf8 bool) relay.Peer {
	p := protocolPeer(s, utf8)
	if i.rights != nil {
		i.rights(s, &p)
	}
	return p
}

func (i intake) Recipient(ctx context.Context, s listener.Session, rcpt string) error {
	if i.greeted != nil {
		i.greeted(s)
	}
	if s.Role == cutover.Devices && !inNetworks(s.Remote.Addr().Unmap(), i.allow) {
		return &listener.Refusal{Code: 550, Enhanced: [3]int{5, 7, 1}, Text: "Your address is not in this listener's list of devices"}
	}
	if !isPostmaster(rcpt) {
		if err := i.senders.client(ctx, s); err != nil {
			return err
		}
	}
	return refusal(i.relay.Recipient(ctx, i.peer(s, false), rcpt))
}

func (i intake) Begin(ctx context.Context, s listener.Session, e listener.Envelope) (listener.Message, error) {
	env := ledger.Envelope{From: e.From, Body: e.Body, UTF8: e.SMTPUTF8, Return: e.Return, EnvelopeID: e.EnvelopeID, RequireTLS: e.RequireTLS}
	for _, r := range e.Recipients {
		env.Recipients = append(env.Recipients, ledger.Recipient{Address: cutover.Address(r.Address), Notify: r.Notify, ORcpt: r.ORcpt})
	}
	strict := i.senders.of(e)
	if err := strict.envelope(ctx, s, e.From); err != nil {
		return nil, err
	}
	p := i.peer(s, e.SMTPUTF8)
	p.Checks = i.senders.checks
	arrival, err := i.relay.Begin(ctx, p, env)
	if err != nil {
		return nil, refusal(err)
	}
	return strict.message(ctx, s, e.From, &message{Arrival: arrival, feed: i.feed, metrics: i.metrics, session: s, envelope: e}), nil
}

func inNetworks(ip netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(ip) })
}

// message adapts one arrival.
type message struct {
	*relay.Arrival
	feed     *feed
	metrics  *web.Metrics
	session  listener.Session
	envelope listener.Envelope
	size     int64
}

func (m *message) Write(p []byte) (int, error) {
	n, err := m.Arrival.Write(p)
	m.size += int64(n)
	return n, err
}

func (m *message) Commit(ctx context.Context) (string, error) {
	begun := time.Now()
	id, err := m.Arrival.Commit(ctx)
	if err == nil {
		m.metrics.Accepted(string(m.session.Role), m.size, time.Since(begun))
		m.feed.tell(func() control.Event {
			e := event(control.MailTaken, m.session)
			e.Capture, e.From, e.Size = string(id), m.envelope.From, m.size
			for _, r := range m.envelope.Recipients {
				e.To = append(e.To, r.Address)
			}
			return e
		})
	}
	return string(id), refusal(err)
}

func protocolPeer(s listener.Session, utf8 bool) relay.Peer {
	c := ledger.Client{Name: s.Helo, User: s.User}
	if s.Remote.IsValid() {
		c.Addr = s.Remote.Addr().Unmap().String()
	}
	if s.TLS.Version != "" {
		c.TLS = s.TLS.Version + " " + s.TLS.Cipher
	}
	if s.TLS.Client != "" {
		c.TLS += ", client " + s.TLS.Client
	}
	return relay.Peer{Listener: s.Listener, Hostname: s.Hostname, Route: s.Role, Protocol: s.With(utf8), From: s.From, Client: c}
}

// refusal turns the relay's decision into the listener's.
func refusal(err error) error {
	var r *relay.Refusal
	if errors.As(err, &r) {
		return &listener.Refusal{Code: r.Code, Enhanced: r.Enhanced, Text: r.Text}
	}
	return err
}
