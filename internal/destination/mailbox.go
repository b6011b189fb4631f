package destination

import (
	"context"
	"errors"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/relay"
	"posthouse/relay/reason"
)

// mailbox puts messages into the cloud mailbox itself.
type mailbox struct {
	bridge *bridge.Bridge
	key    []byte
}

func (m mailbox) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
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
