package destination

import (
	"context"
	"net/netip"
	"slices"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
)

// BroughtOver is where a capture lies for which the bridge's copy stands.
const BroughtOver = "copied from the old mailbox"

// lookFirst is a way into the cloud that looks, before it delivers a capture, whether the bridge has brought the old server's own copy of it over already: a message that reached the old server
// too (it delivers and forwards to us, or a sender tried both routes) would otherwise lie in the cloud twice. The other order, capture before copy, is the bridge's to see: it joins. Each
// side writes before it looks, so one of the two sees the other.
//
// What a person let go on is looked for in the mailbox itself as well: somebody may have put it in by hand meanwhile. For what a person had sent once more the old server's copy does not stand.
type lookFirst struct {
	relay.Destination
	items  ledger.Items
	bridge *bridge.Bridge
	find   relay.Finder
	key    []byte
	legacy []netip.Prefix
}

func (l lookFirst) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	outcomes := make([]relay.Outcome, len(c.Deliveries))
	var open []int
	rest := c
	rest.Deliveries = nil
	for i, d := range c.Deliveries {
		var done bool
		if outcomes[i], done = l.putByHand(ctx, c.Capture, d); !done && !c.Capture.Again() {
			outcomes[i], done = l.look(ctx, c.Capture, d)
		}
		if !done {
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

// putByHand looks for a released message in its mailbox. One that cannot be asked does not keep it: it was refused, or never sent.
func (l lookFirst) putByHand(ctx context.Context, c ledger.Capture, d ledger.Delivery) (relay.Outcome, bool) {
	if d.Released.IsZero() || d.Mailbox == "" {
		return relay.Outcome{}, false
	}
	id := c.Identity
	id.Trace = cutover.NewTrace(l.key, c.ID)
	seen, err := l.find.Find(ctx, d.Mailbox, d.Side, []cutover.Identity{id})
	if where, there := seen[0]; err == nil && there {
		return relay.Outcome{Kind: relay.Delivered, Reply: "lies in the mailbox already", Seen: where}, true
	}
	return relay.Outcome{}, false
}

// handedOver reports whether the message came from the old server: from its address, or with our own trace on it.
func (l lookFirst) handedOver(c ledger.Capture) bool {
	if _, ours := c.Identity.Trace.Verify(l.key); ours {
		return true
	}
	addr, err := netip.ParseAddr(c.Client.Addr)
	return err == nil && slices.ContainsFunc(l.legacy, func(n netip.Prefix) bool { return n.Contains(addr.Unmap()) })
}

// look asks the ledger for a received copy that says the same and that no capture has joined. One that is being put is waited for.
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
	return relay.Outcome{Kind: relay.Delivered, Reply: "the old server's own copy of it was brought over", Seen: BroughtOver}, true
}

func (l lookFirst) copied(ctx context.Context, c ledger.Capture, m cutover.MailboxID) (item ledger.Item, found bool, err error) {
	if m == "" || c.Identity.Match().IsZero() {
		return item, false, nil
	}
	rows, err := l.items.ByKey(ctx, m, []cutover.Key{c.Identity.Match()})
	if err != nil || len(rows) == 0 {
		return item, false, err
	}
	if stands, err := l.alone(ctx, c, m); err != nil || !stands {
		return item, false, err
	}
	received, err := l.received(ctx, m)
	if err != nil {
		return item, false, err
	}
	for _, row := range rows {
		if !received[row.Folder] || row.Capture != "" || row.Date.Before(c.At.Add(-bridge.JoinWithin)) {
			continue
		}
		same := row.Disposition == cutover.Intended || row.Disposition.InCloud() && row.Digest == c.Digest
		if !same && row.Disposition.InCloud() {
			same, _ = l.bridge.Says(ctx, m, row, c.ID) // an old server that cannot be asked keeps no mail waiting
		}
		if same {
			return row, true, nil
		}
	}
	return item, false, nil
}

// alone reports whether the old server's copy may stand for the capture. Where it gets a tee, its own copy is one more message.
func (l lookFirst) alone(ctx context.Context, c ledger.Capture, m cutover.MailboxID) (bool, error) {
	if l.handedOver(c) {
		return true, nil
	}
	expected, err := l.items.Expected(ctx, m, nil, []cutover.CaptureID{c.ID})
	return !slices.ContainsFunc(expected, func(e ledger.Expected) bool { return e.Teed }), err
}

// received are the folders for what was received: a copy in Sent or Drafts is the sender's own.
func (l lookFirst) received(ctx context.Context, m cutover.MailboxID) (map[ledger.FolderID]bool, error) {
	pairs, err := l.items.Pairs(ctx, m)
	received := map[ledger.FolderID]bool{}
	for _, p := range pairs {
		received[p.ID] = p.Role != cutover.Sent && p.Role != cutover.Drafts
	}
	return received, err
}
