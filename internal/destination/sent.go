package destination

import (
	"context"
	"io"

	"posthouse/bridge"
	"posthouse/relay"
)

// sent files what users have sent into the Sent folder of their cloud mailbox: as they sent it, as their program would.
type sent struct{ bridge *bridge.Bridge }

func (s sent) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	result := make([]relay.Outcome, len(c.Deliveries))
	for i, d := range c.Deliveries {
		seen, err := s.bridge.FileSent(ctx, d.Mailbox, c.Capture.Identity, c.Capture.At, asSent{c.Body, c.Body.Size() - c.Capture.Size})
		result[i] = deposited(seen, err)
	}
	return result
}

// asSent is a message without what we have put before it.
type asSent struct {
	body   relay.Body
	prefix int64
}

func (a asSent) Size() int64  { return a.body.Size() - a.prefix }
func (a asSent) Close() error { return nil }

func (a asSent) Open() (io.ReadCloser, error) {
	r, err := a.body.Open()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, a.prefix); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}
