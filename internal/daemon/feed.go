package daemon

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/evidence"
	"posthouse/internal/control"
	"posthouse/ledger"
	"posthouse/relay/listener"
)

// feed tells whoever listens what happens. Mail never waits for a listener: one that is too slow misses events, and is told how many. The zero value is ready for use.
type feed struct {
	listening atomic.Int32 // so that with nobody there an event costs nothing

	mu      sync.Mutex
	readers map[*reader]bool
}

// slack is how many events a reader may be behind.
const slack = 1000

type reader struct {
	events chan control.Event
	missed int
}

// tell has make called only if somebody listens.
func (f *feed) tell(make func() control.Event) {
	if f.listening.Load() == 0 {
		return
	}
	e := make()
	e.Schema = control.TailSchema
	if e.Channel == "" {
		e.Channel = channelOf(e.Route)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for r := range f.readers {
		e.Missed = r.missed
		select {
		case r.events <- e:
			r.missed = 0
		default:
			r.missed++
		}
	}
}

func (f *feed) listen() *reader {
	r := &reader{events: make(chan control.Event, slack)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers == nil {
		f.readers = map[*reader]bool{}
	}
	f.readers[r] = true
	f.listening.Add(1)
	return r
}

func (f *feed) leave(r *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.readers, r)
	f.listening.Add(-1)
}

// Tail tells what happens from now on.
func (d *Daemon) Tail(ctx context.Context, begun func(), yield func(control.Event) error) error {
	r := d.feed.listen()
	defer d.feed.leave(r)
	begun()
	for {
		select {
		case e := <-r.events:
			if err := yield(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// event is one that a client caused.
func event(what control.Happening, s listener.Session) control.Event {
	e := control.Event{At: time.Now().UTC(), What: what, Route: string(s.Role), Listener: s.Listener, Client: s.Helo, User: s.User}
	if s.Remote.IsValid() {
		e.Addr = s.Remote.Addr().Unmap().String()
	}
	return e
}

// observed tells what logs and new items in old mailboxes told of. What our listeners take is told by themselves.
func (d *Daemon) observed(observations []evidence.Observation, delivered []evidence.LocalDelivery) {
	for _, o := range observations {
		if _, ofLog := d.cfg.Evidence[o.Source]; ofLog || o.Source == bridge.GrowthSource {
			d.feed.tell(func() control.Event { return used(o) })
		}
	}
	for _, l := range delivered {
		d.feed.tell(func() control.Event { return put(l) })
	}
}

// used is an observation of the old server.
func used(o evidence.Observation) control.Event {
	e := control.Event{At: o.At, What: control.OldServerUsed, Route: string(o.Channel), Channel: string(o.Channel), Source: o.Source, Client: o.Sender, From: o.From, Detail: o.Detail, Unwanted: o.Class != evidence.Wanted}
	if o.Client.IsValid() {
		e.Addr = o.Client.String()
	}
	if o.Mailbox != "" {
		e.To = []string{string(o.Mailbox)}
	}
	if strings.HasPrefix(o.Message, "<") {
		e.Message = o.Message
	}
	if !o.Until.IsZero() {
		e.At, e.Detail = o.Until, o.Detail+" ended"
	}
	return e
}

// put is a delivery to one of the old server's mailboxes.
func put(l evidence.LocalDelivery) control.Event {
	e := control.Event{At: l.At, What: control.OldServerPut, Channel: control.ChannelDelivered, Source: l.Source, To: []string{l.Mailbox}, Message: l.Message, Detail: cmp.Or(l.Lost, l.Folder)}
	if l.Client.IsValid() {
		e.Addr = l.Client.String()
	}
	return e
}

// channelOf is the channel by which mail of a route uses the old side.
func channelOf(route string) string {
	switch cutover.Route(route) {
	case cutover.Submission, cutover.Devices:
		return string(evidence.Sending)
	case cutover.Arriving:
		return string(evidence.Arriving)
	}
	return ""
}

// attempted tells how a delivery stands.
func (d *Daemon) attempted(c ledger.Capture, to ledger.Delivery) {
	d.metrics.Attempted(to.Destination, string(to.State))
	d.feed.tell(func() control.Event {
		now := d.opts.Clock.Now()
		return control.Event{
			At: now, What: happened(to.State), Route: string(c.Route), Listener: c.Listener, Client: c.Client.Name, Addr: c.Client.Addr, User: c.Client.User,
			From: c.Envelope.From, To: []string{string(to.Recipient)}, Size: c.Size, Capture: string(c.ID),
			Destination: to.Destination, Reply: to.Reply, Took: now.Sub(c.At), Detail: to.Reason,
		}
	})
}

func happened(s ledger.DeliveryState) control.Happening {
	switch s {
	case ledger.Settled, ledger.Accepted:
		return control.MailDelivered
	case ledger.Held, ledger.Quiet:
		return control.MailHeld
	}
	return control.MailWaits
}
