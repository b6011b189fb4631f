package destination

import (
	"context"

	"posthouse/relay"
	"posthouse/relay/reason"
)

// keepingTLS refuses to put what its sender demands TLS for into mailboxes that are opened without it; otherwise the server's certificate is verified in any case.
func keepingTLS(c Cloud, to relay.Destination) relay.Destination {
	if !c.Clear {
		return to
	}
	return inTheClear{to}
}

type inTheClear struct{ relay.Destination }

func (w inTheClear) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	if !c.Capture.Envelope.RequireTLS {
		return w.Destination.Deliver(ctx, c)
	}
	const why = "its sender demands TLS all the way (REQUIRETLS), and the mailbox is opened without TLS (imap_tls)"
	return all(len(c.Deliveries), relay.Outcome{Kind: relay.Unsuitable, Class: reason.TLS, Reply: why})
}
