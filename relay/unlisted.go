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
	found := in.ask(ctx, p, d, a)
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

// ask asks for each form of the address until one is known.
func (in *Intake) ask(ctx context.Context, p Peer, d *Directory, a cutover.Address) (found callout.Found) {
	if !askable(a) {
		return found
	}
	for _, form := range d.forms(a) {
		f := in.cfg.Sources.Ask(ctx, form, in.asker(p))
		found.Known, found.No, found.Later = f.Known, found.No || f.No, found.Later || f.Later
		if found.Known {
			break
		}
	}
	return found
}

// forms are the addresses of one mailbox that servers may know it by: as it was written, in the real domain, and without its plus tag.
func (d *Directory) forms(a cutover.Address) []cutover.Address {
	a = d.canonical(a)
	if bare := d.untagged(a); bare != a {
		return []cutover.Address{a, bare}
	}
	return []cutover.Address{a}
}

// askable reports whether a server may be asked. To one that trusts us a local part with routing in it (x%outside.example@example.com) can be an address outside: its yes
// would make us an open relay. One that begins with | or / may be a program or a file to it.
func askable(a cutover.Address) bool {
	local := a.Local()
	return !strings.ContainsAny(local, `@%!"\`) && !strings.HasPrefix(local, "|") && !strings.HasPrefix(local, "/")
}

// asker is the side of a client that asks about an address and has no mail for it, as far as can be told: by the null sender, as Exim does it, or by Postfix's own.
func (in *Intake) asker(p Peer) cutover.Side {
	if local, _, _ := strings.Cut(p.From, "@"); local != "" && !strings.EqualFold(local, "double-bounce") {
		return ""
	}
	return in.origin(p.Client.Addr)
}

// unlisted plans for who is in no list: a server that knows the address takes its mail, by SMTP.
func (p planner) unlisted(r ledger.Recipient, a cutover.Address) []ledger.Delivery {
	a, ways := p.known(a)
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

// known is the first form of the address that a server knew, and who did.
func (p planner) known(a cutover.Address) (form cutover.Address, ways []callout.Way) {
	for _, form := range p.dir.forms(a) {
		if ways := p.sources.Recall(form); len(ways) > 0 {
			return form, ways
		}
	}
	return p.dir.canonical(a), nil
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
