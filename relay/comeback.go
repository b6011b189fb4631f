package relay

import (
	"context"
	"errors"

	"posthouse/cutover"
	"posthouse/ledger"
)

// comeback is what our own trace on a message says of it. The zero value is a message that we never had.
type comeback struct {
	traced bool            // the field is there: the message, or what it was made of, was here before
	same   bool            // it is that capture's message itself, not a new one that kept the field, as lists and help desks do
	served map[target]bool // whom that capture serves in the cloud; true: it was seen there
}

// comeback looks at a message that carries our own trace. The MAC covers the capture's id alone, so what the message is has to be compared.
func (in *Intake) comeback(ctx context.Context, c ledger.Capture) (comeback, error) {
	id, ours := c.Identity.Trace.Verify(in.key)
	if !ours {
		return comeback{}, nil
	}
	first, err := in.cfg.Ledger.Capture(ctx, id)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return comeback{traced: true, same: true}, nil // lost with its ledger: there is nothing to compare, and nobody whom it is known to serve
	case err != nil:
		return comeback{}, err
	case !sameMessage(first, c):
		return comeback{traced: true}, nil
	}
	served, err := in.served(ctx, id)
	return comeback{traced: true, same: true, served: served}, err
}

// sameMessage compares by key, which survives a changed body, and by digest, which survives a changed header.
func sameMessage(a, b ledger.Capture) bool {
	return a.Digest == b.Digest || !a.Identity.Key.IsZero() && a.Identity.Key == b.Identity.Key
}

// served tells whom a capture serves in the cloud, and whether it was seen there.
func (in *Intake) served(ctx context.Context, first cutover.CaptureID) (map[target]bool, error) {
	before, err := in.cfg.Ledger.Deliveries(ctx, ledger.DeliveryFilter{Capture: first})
	if err != nil {
		return nil, err
	}
	served := map[target]bool{}
	for _, d := range before {
		if d.Side == cutover.Cloud && d.Required {
			served[targetOf(d)] = d.Seen != ""
		}
	}
	return served, nil
}
