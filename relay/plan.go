package relay

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay/callout"
	"posthouse/relay/srs"
)

// Plan says how the mail of one route goes out.
type Plan struct {
	// Via is how the home is reached: "smtp" or "mailbox".
	Via string
	// To overrides the home: every message goes to this side. Empty means the mailbox's home.
	To cutover.Side
	// Tee sends a best-effort copy to the side that is not the home, never to rooms and never to those in TeeNever.
	Tee      bool
	TeeNever []cutover.Address
	// Outward is the destination for addresses outside our domains; "" holds their mail.
	Outward string
	// Foreign is that for mail of users under senders that are not theirs: the old server, which knows who may. "": Outward.
	Foreign string
}

// Way is the way out by which a message for a mailbox goes, where nothing about the message speaks against it.
func (p Plan) Way(m cutover.Mailbox) string { return p.way(m, cmp.Or(p.To, m.Home)) }

func (p Plan) way(m cutover.Mailbox, side cutover.Side) string {
	via := p.Via
	if via == "" || side == cutover.Legacy {
		via = "smtp"
	}
	return m.On(side).Server + ":" + via
}

// maxHops is how many Received lines a message may carry (RFC 5321 §6.3 asks for at least 100 or a smaller number that cannot cut honest mail).
const maxHops = 50

// planner turns a capture's recipients into deliveries. It is pure but for what it is given.
type planner struct {
	dir     *Directory
	plan    Plan
	origin  cutover.Side     // which side handed us the message; "" for everybody else
	traced  bool             // our own trace is on it
	served  map[target]bool  // whom its first capture serves in the cloud; true: it was seen there
	sources *callout.Sources // tell who knows an address that is in no list; may be nil
	srs     *srs.Rewriter    // reads the senders that we rewrote; may be nil
	looped  string           // too many hops: why, for people
	now     time.Time
	// outside: the sender may write to addresses outside. foreign: he writes under an address that is not his.
	outside, foreign bool
}

// target is whom a delivery is for: a mailbox of ours by its ID, anybody else by address.
type target string

func targetOf(d ledger.Delivery) target {
	if d.Mailbox != "" {
		return target(d.Mailbox)
	}
	return target(d.Recipient)
}

// deliveries plans every recipient; several that lead to one mailbox, or to one address outside, are one delivery.
func (p planner) deliveries(recipients []ledger.Recipient) []ledger.Delivery {
	var all []ledger.Delivery
	have := map[target]bool{}
	add := func(t target, plan func() []ledger.Delivery) {
		if !have[t] {
			have[t] = true
			all = append(all, plan()...)
		}
	}
	for _, r := range recipients {
		to, a := p.resolve(r)
		if len(to.Mailboxes)+len(to.Others) == 0 {
			form, _ := p.known(a)
			add(target(form), func() []ledger.Delivery { return p.unlisted(r, a) })
		}
		for _, other := range to.Others {
			add(target(other), func() []ledger.Delivery { return p.outward(r, other) })
		}
		for _, m := range to.Mailboxes {
			add(target(m.ID), func() []ledger.Delivery { return p.forMailbox(r, m) })
		}
	}
	return all
}

// nowhere holds what no mailbox takes: postmaster's mail when nobody is named for it, or an address that left the directory since it was accepted.
func (p planner) nowhere(r ledger.Recipient, a cutover.Address) []ledger.Delivery {
	d := ledger.Delivery{Recipient: a, Original: r.Address, Required: true, Since: p.now, Next: p.now}
	return held(d, fmt.Sprintf("no mailbox takes mail for %s: name one (recipients.postmaster, recipients.extra)", a))
}

// outward sends to an address that is no mailbox of ours: a member of a group, or the sender of what we forwarded.
func (p planner) outward(r ledger.Recipient, member cutover.Address) []ledger.Delivery {
	if p.dir.ours(member) {
		return p.nowhere(r, member)
	}
	d := ledger.Delivery{
		Recipient: member, Original: r.Address, Side: cutover.Cloud, Required: true, Destination: p.plan.Outward,
		State: ledger.Due, Next: p.now, Since: p.now,
	}
	if p.plan.Foreign != "" && (p.foreign || p.plan.Outward == "") {
		d.Side, d.Destination = cutover.Legacy, p.plan.Foreign
	}
	if d.Destination == "" {
		return held(d, p.noWayOut(r, member))
	}
	return p.cut(d)
}

func (p planner) forMailbox(r ledger.Recipient, m cutover.Mailbox) []ledger.Delivery {
	required := p.delivery(r, m, p.side(m))
	if planned := p.cut(required); len(planned) == 0 || planned[0].State == ledger.Held || !p.tees(m, required.Side) {
		return planned
	}
	tee := p.delivery(r, m, cutover.Legacy)
	tee.Required = false
	return []ledger.Delivery{required, tee}
}

// side is where the message goes. What the legacy handed us, or what was here before whole or in part, would only come back from the legacy: the cloud mailbox keeps it safe.
func (p planner) side(m cutover.Mailbox) cutover.Side {
	if p.traced || p.origin == cutover.Legacy {
		return cutover.Cloud
	}
	return cmp.Or(p.plan.To, m.Home)
}

// cut ends loops. What came back to us is not sent a second time while the first is on its way or there; what the cloud hands us it does not know, and is never given
// back to it; what went through too many hands waits for a person.
func (p planner) cut(d ledger.Delivery) []ledger.Delivery {
	seen, served := p.served[targetOf(d)]
	switch {
	case served && (seen || p.origin != cutover.Cloud):
		return nil
	case p.looped != "":
		return held(d, p.looped)
	case d.Side == cutover.Cloud && p.origin == cutover.Cloud && !returns(p.srs, d.Original):
		return held(d, fmt.Sprintf("the cloud sent mail for %s to us: it does not know the address; add it there", d.Recipient))
	}
	return []ledger.Delivery{d}
}

func held(d ledger.Delivery, why string) []ledger.Delivery {
	d.State, d.Reason = ledger.Held, why
	return []ledger.Delivery{d}
}

// tees reports whether a copy for the legacy is wanted and harmless.
func (p planner) tees(m cutover.Mailbox, to cutover.Side) bool {
	return p.plan.Tee && to == cutover.Cloud && m.Kind != cutover.Room && m.Legacy.Server != "" && !p.traced && p.origin != cutover.Legacy &&
		!slices.ContainsFunc(p.plan.TeeNever, func(a cutover.Address) bool { return owns(m, a.Fold()) })
}

func owns(m cutover.Mailbox, a cutover.Address) bool {
	return m.Primary.Fold() == a || slices.ContainsFunc(m.Aliases, func(alias cutover.Address) bool { return alias.Fold() == a })
}

func (p planner) delivery(r ledger.Recipient, m cutover.Mailbox, side cutover.Side) ledger.Delivery {
	return ledger.Delivery{
		Recipient: m.Primary, Original: r.Address, Mailbox: m.ID, Side: side, Required: true,
		Destination: p.plan.way(m, side), State: ledger.Due, Next: p.now, Since: p.now,
	}
}
