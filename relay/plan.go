package relay

import (
	"fmt"
	"slices"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
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
	// Outward is the destination for members of groups that are outside our domains; "" holds their mail.
	Outward string
}

// maxHops is how many Received lines a message may carry (RFC 5321 §6.3 asks for at least 100 or a smaller number that cannot cut honest mail).
const maxHops = 50

// planner turns a capture's recipients into deliveries. It is pure but for what it is given.
type planner struct {
	dir    *Directory
	plan   Plan
	origin cutover.Side               // which side handed us the message; "" for everybody else
	served map[cutover.MailboxID]bool // our own trace is on it, and that capture's cloud copy is on its way to these already
	again  bool                       // our own trace is on it
	looped string                     // too many hops: why, for people
	now    time.Time
}

// deliveries plans every recipient; several that lead to one mailbox are one delivery.
func (p planner) deliveries(recipients []ledger.Recipient) []ledger.Delivery {
	var all []ledger.Delivery
	have := map[cutover.MailboxID]bool{}
	for _, r := range recipients {
		to, _ := p.dir.Resolve(r.Address)
		if len(to.Mailboxes)+len(to.Others) == 0 {
			all = append(all, p.nowhere(r, r.Address))
		}
		for _, other := range to.Others {
			all = append(all, p.outward(r, other))
		}
		for _, m := range to.Mailboxes {
			if !have[m.ID] {
				have[m.ID] = true
				all = append(all, p.forMailbox(r, m)...)
			}
		}
	}
	return all
}

// nowhere holds what no mailbox takes: postmaster's mail when nobody is named for it, or an address that left the directory since it was accepted.
func (p planner) nowhere(r ledger.Recipient, a cutover.Address) ledger.Delivery {
	return ledger.Delivery{
		Recipient: a, Original: r.Address, Required: true, State: ledger.Held, Since: p.now, Next: p.now,
		Reason: fmt.Sprintf("no mailbox takes mail for %s: name one (recipients.postmaster, recipients.extra), then release", a),
	}
}

// outward sends to a member of a group that is no mailbox of ours.
func (p planner) outward(r ledger.Recipient, member cutover.Address) ledger.Delivery {
	if p.dir.ours(member) || p.plan.Outward == "" || p.looped != "" {
		return p.nowhere(r, member)
	}
	return ledger.Delivery{
		Recipient: member, Original: r.Address, Side: cutover.Cloud, Required: true, Destination: p.plan.Outward,
		State: ledger.Due, Next: p.now, Since: p.now,
	}
}

func (p planner) forMailbox(r ledger.Recipient, m cutover.Mailbox) []ledger.Delivery {
	if p.served[m.ID] {
		return nil // it came back to us; its cloud copy is that of the first time
	}
	side := p.plan.To
	if side == "" {
		side = m.Home
	}
	required := p.delivery(r, m, side)
	switch {
	case p.looped != "":
		required.State, required.Reason = ledger.Held, p.looped
	case side == cutover.Legacy && (p.again || p.origin == cutover.Legacy):
		// The legacy handed it to us: it would only come back. The cloud mailbox keeps it safe.
		required = p.delivery(r, m, cutover.Cloud)
	case side == cutover.Cloud && p.origin == cutover.Cloud:
		required.State = ledger.Held
		required.Reason = fmt.Sprintf("the cloud sent mail for %s to us: it does not know the address; add it there, then release", m.Primary)
	}
	if required.State == ledger.Held || !p.tees(m, required.Side) {
		return []ledger.Delivery{required}
	}
	tee := p.delivery(r, m, cutover.Legacy)
	tee.Required = false
	tee.Destination = m.Legacy.Server + ":smtp"
	return []ledger.Delivery{required, tee}
}

// tees reports whether a copy for the legacy is wanted and harmless.
func (p planner) tees(m cutover.Mailbox, to cutover.Side) bool {
	return p.plan.Tee && to == cutover.Cloud && m.Kind != cutover.Room && m.Legacy.Server != "" && !p.again && p.origin != cutover.Legacy &&
		!slices.ContainsFunc(p.plan.TeeNever, func(a cutover.Address) bool { return a.Fold() == m.Primary.Fold() })
}

func (p planner) delivery(r ledger.Recipient, m cutover.Mailbox, side cutover.Side) ledger.Delivery {
	via := p.plan.Via
	if via == "" || side == cutover.Legacy {
		via = "smtp"
	}
	return ledger.Delivery{
		Recipient: m.Primary, Original: r.Address, Mailbox: m.ID, Side: side, Required: true,
		Destination: m.On(side).Server + ":" + via, State: ledger.Due, Next: p.now, Since: p.now,
	}
}
