package destination

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"posthouse/cutover"
	"posthouse/relay"
	"posthouse/relay/delivery"
)

// smtp adapts the delivery client.
type smtp struct {
	client *delivery.Client
	sender sender
	// forward tells a next hop that wants to know who the true client was: the old server's filters are to judge it, not us.
	forward bool
}

// Deliver hands the message over for all recipients in one transaction. A tee goes with the null reverse path and asks for no notifications.
func (s smtp) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
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
func (s smtp) envelope(c relay.Consignment) delivery.Envelope {
	e := envelope(c, s.sender(c))
	e.ID = string(c.Capture.ID)
	for _, d := range c.Deliveries {
		e.ID += " " + strconv.FormatInt(int64(d.ID), 10)
	}
	return e
}

// next is what the next hop is told of.
func (s smtp) next(c *relay.Consignment) (delivery.Next, bool) {
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
