package relay

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay/callout"
)

// unlisted decides about an address of ours that no list has. Servers are asked, if there are any; the lists say no only where they are complete. It is refused for good when
// somebody says no and nobody may still say yes.
func (in *Intake) unlisted(ctx context.Context, p Peer, d *Directory, a cutover.Address) error {
	var found callout.Found
	if askable(a) {
		found = in.cfg.Sources.Ask(ctx, d.canonical(a), in.asker(p))
	}
	switch {
	case found.Known:
		return nil
	case found.Later:
		return errAskLater
	case found.No || d.cfg.Complete:
		return errNoSuch
	}
	if err := in.cfg.Ledger.NoteUnknown(ctx, a.Fold(), in.cfg.Clock.Now()); err != nil {
		return err
	}
	return errNotSure
}

// askable reports whether a server may be asked. To one that trusts us a local part with routing in it (x%outside.example@example.com) can be an address outside: its yes
// would make us an open relay.
func askable(a cutover.Address) bool { return !strings.ContainsAny(a.Local(), `@%!"\`) }

// asker is the side of a client that asks about an address and has no mail for it, as far as can be told: by the null sender, as Exim does it, or by Postfix's own.
func (in *Intake) asker(p Peer) cutover.Side {
	if local, _, _ := strings.Cut(p.From, "@"); local != "" && !strings.EqualFold(local, "double-bounce") {
		return ""
	}
	return in.origin(p.Client.Addr)
}

// unlisted plans for who is in no list: a server that knows the address takes its mail, by SMTP.
func (p planner) unlisted(r ledger.Recipient, a cutover.Address) []ledger.Delivery {
	a = p.dir.canonical(a)
	ways := p.sources.Recall(a)
	if len(ways) == 0 {
		return p.nowhere(r, a)
	}
	way := p.preferred(ways)
	d := ledger.Delivery{
		Recipient: a, Original: r.Address, Side: way.Side, Required: true, Destination: way.Destination, State: ledger.Due, Next: p.now, Since: p.now,
	}
	if way.Side == cutover.Legacy && (p.traced || p.origin == cutover.Legacy) {
		return held(d, fmt.Sprintf("came from the old server, which alone knows %s: create the address in the cloud, or give it a mailbox", a))
	}
	return p.cut(d)
}

// preferred is the side that the route names, where that one knows the address. Else it is the old server, where a mailbox that nobody has listed was read up to now; but not for
// what came from there.
func (p planner) preferred(ways []callout.Way) callout.Way {
	first := p.side(cutover.Mailbox{Home: cutover.Legacy})
	if i := slices.IndexFunc(ways, func(w callout.Way) bool { return w.Side == first }); i >= 0 {
		return ways[i]
	}
	return ways[0]
}
