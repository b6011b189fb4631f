package daemon

import (
	"context"
	"net/netip"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
)

// lookFirst is a way into the cloud that looks, before it delivers what the old server handed to us, whether the bridge has brought the old server's own copy of it over already: a server that
// delivers into its mailbox and forwards as well would otherwise put everything into the cloud twice. The other order, capture before copy, is the bridge's to see: it joins.
type lookFirst struct {
	relay.Destination
	items  ledger.Items
	key    []byte
	legacy []netip.Prefix
}

func (l lookFirst) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	if !l.handedOver(c.Capture) {
		return l.Destination.Deliver(ctx, c)
	}
	outcomes := make([]relay.Outcome, len(c.Deliveries))
	var open []int
	rest := c
	rest.Deliveries = nil
	for i, d := range c.Deliveries {
		var done bool
		if outcomes[i], done = l.look(ctx, c.Capture, d); !done {
			open = append(open, i)
			rest.Deliveries = append(rest.Deliveries, d)
		}
	}
	if len(open) == 0 {
		return outcomes
	}
	for i, o := range l.Destination.Deliver(ctx, rest) {
		outcomes[open[i]] = o
	}
	return outcomes
}

// handedOver reports whether the message came from the old server: from its address, or with our own trace on it.
func (l lookFirst) handedOver(c ledger.Capture) bool {
	if _, ours := c.Identity.Trace.Verify(l.key); ours {
		return true
	}
	addr, err := netip.ParseAddr(c.Client.Addr)
	return err == nil && inNetworks(addr.Unmap(), l.legacy)
}

// look asks the ledger for a received copy with the same body that no capture has joined. One that is being put is waited for.
func (l lookFirst) look(ctx context.Context, c ledger.Capture, d ledger.Delivery) (relay.Outcome, bool) {
	item, found, err := l.copied(ctx, c, d.Mailbox)
	switch {
	case err != nil:
		return relay.Outcome{Kind: relay.Deferred, Reply: "looking for the old server's own copy: " + err.Error()}, true
	case !found:
		return relay.Outcome{}, false
	case item.Disposition == cutover.Intended:
		return relay.Outcome{Kind: relay.Deferred, Reply: "the old server's own copy of it is being brought over"}, true
	}
	item.Capture = c.ID
	if _, err := l.items.Settle(ctx, item.Folder, []ledger.Item{item}, nil); err != nil {
		return relay.Outcome{Kind: relay.Deferred, Reply: err.Error()}, true
	}
	return relay.Outcome{Kind: relay.Delivered, Reply: "the old server's own copy of it was brought over", Seen: "copied from the old mailbox"}, true
}

func (l lookFirst) copied(ctx context.Context, c ledger.Capture, m cutover.MailboxID) (item ledger.Item, found bool, err error) {
	if m == "" {
		return item, false, nil
	}
	rows, err := l.items.ByKey(ctx, m, []cutover.Key{c.Identity.Match()})
	if err != nil || len(rows) == 0 {
		return item, false, err
	}
	pairs, err := l.items.Pairs(ctx, m)
	if err != nil {
		return item, false, err
	}
	received := map[ledger.FolderID]bool{}
	for _, p := range pairs {
		received[p.ID] = p.Role != cutover.Sent && p.Role != cutover.Drafts
	}
	for _, row := range rows {
		if !received[row.Folder] || row.Capture != "" {
			continue
		}
		if row.Disposition == cutover.Intended || row.Disposition.InCloud() && row.Digest == c.Digest {
			return row, true, nil
		}
	}
	return item, false, nil
}
