package destination

import (
	"context"
	"errors"
	"fmt"

	"posthouse/bridge"
	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
)

// finder asks mailboxes for the courier.
type finder struct {
	bridge *bridge.Bridge
	ledger ledger.Items
	key    []byte
}

// Finder asks mailboxes on both sides for captured messages.
func (w Ways) Finder() relay.Finder { return finder{bridge: w.Bridge, ledger: w.Items, key: w.Key} }

func (f finder) Find(ctx context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]string, error) {
	seen, err := f.bridge.Find(ctx, m, side, wanted)
	where := make(map[int]string, len(seen))
	for i, s := range seen {
		where[i] = s.String()
	}
	if errors.Is(err, bridge.ErrNoServer) {
		return nil, fmt.Errorf("%w: %w", relay.ErrCannotAsk, err)
	}
	if err != nil || side != cutover.Legacy || len(where) == len(wanted) {
		return where, err
	}
	return where, f.returned(ctx, m, wanted, where)
}

// returned adds what the old server gave back to us, because it forwards the domain: it will never lie there. A later capture carries the trace of the first, and goes
// to the cloud.
func (f finder) returned(ctx context.Context, m cutover.MailboxID, wanted []cutover.Identity, where map[int]string) error {
	keys := make([]cutover.Key, len(wanted))
	for i, want := range wanted {
		keys[i] = want.Match()
	}
	expected, err := f.ledger.Expected(ctx, m, keys, nil)
	if err != nil {
		return err
	}
	later := map[cutover.CaptureID]cutover.CaptureID{}
	for _, e := range expected {
		if first, ours := e.Identity.Trace.Verify(f.key); ours {
			later[first] = e.Capture
		}
	}
	for i, want := range wanted {
		first, _ := want.Trace.Verify(f.key)
		if capture, back := later[first]; back && where[i] == "" {
			where[i] = "given back by the old server, as " + string(capture)
		}
	}
	return nil
}
