package relay

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
)

// ViaSent is the way into the folder of what a mailbox's owner has sent: SERVER:sent.
const ViaSent = "sent"

// sentDelay is how long the copy in Sent waits: most programs put one there themselves, on the old server, from where it comes over.
const sentDelay = 2 * time.Minute

// User finds whose mailbox a login at a legacy server opens: that with this legacy login, else that with this address. Case does not matter. A login that names several names none.
func (d *Directory) User(login, server string) (cutover.Mailbox, bool) {
	login = strings.ToLower(login)
	var found []cutover.Mailbox
	for _, m := range d.cfg.Mailboxes {
		if m.Legacy.Server == server && strings.ToLower(m.Legacy.Login) == login {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		for _, m := range d.cfg.Mailboxes {
			if string(m.Primary.Fold()) == login && m.Legacy.Server == server {
				found = append(found, m)
			}
		}
	}
	if len(found) != 1 {
		return cutover.Mailbox{}, false
	}
	return found[0], true
}

// Owns reports whether an address is the mailbox's own to send as: its primary one and aliases, with plus tags and in alias domains, what alone leads to it, and what the configuration adds.
func (d *Directory) Owns(id cutover.MailboxID, from cutover.Address) bool {
	as, from := from.Fold(), d.canonical(from)
	for _, a := range []cutover.Address{as, from, d.untagged(from)} {
		if m, ok := d.byAddr[a]; ok && m.ID == id {
			return true
		}
		if to, ok := d.cfg.Extra[a]; ok {
			if m, ok := d.byAddr[d.canonical(to)]; ok && m.ID == id {
				return true
			}
		}
		if further := d.cfg.SendAs[cutover.Address(id)]; slices.ContainsFunc(further, func(f cutover.Address) bool { return f.Fold() == a || string(f.Fold()) == "@"+a.Domain() }) {
			return true
		}
	}
	return false
}

// own reports whether a user sends as himself. The null sender, of receipts, is everybody's.
func (a *Arrival) own() bool {
	if a.peer.Mailbox == "" {
		return false
	}
	from, err := cutover.ParseAddress(a.env.From)
	return a.env.From == "" || err == nil && a.in.dir.Load().Owns(a.peer.Mailbox, from)
}

// sentCopy is the sender's own copy, best effort: nobody's mail waits for it.
func (a *Arrival) sentCopy(dir *Directory) []ledger.Delivery {
	if !a.peer.FileSent || a.env.From == "" || !a.own() {
		return nil
	}
	for _, m := range dir.cfg.Mailboxes {
		if m.ID == a.peer.Mailbox && m.Cloud.Server != "" {
			return []ledger.Delivery{{
				Recipient: m.Primary, Mailbox: m.ID, Side: cutover.Cloud, Destination: m.Cloud.Server + ":" + ViaSent,
				State: ledger.Due, Next: a.at.Add(sentDelay), Since: a.at,
			}}
		}
	}
	return nil
}

// outward decides about an address outside our domains. Nobody sends there but those who may; and nobody to what is no domain: an address literal, a bare host name or a number would be
// a way to reach what stands beside us.
func (in *Intake) outward(p Peer, to cutover.Address) error {
	plan := in.cfg.Plans[p.Route]
	switch domain := to.Domain(); {
	case !p.Outward || p.Route == cutover.Arriving || plan.Outward == "" && plan.Foreign == "":
		return errNotOurs
	case !public(domain):
		return errNoRoute
	}
	return nil
}

// public reports whether a domain is one that DNS may know: of several labels, of which the last is no number.
func public(domain string) bool {
	dot := strings.LastIndexByte(domain, '.')
	if _, err := netip.ParseAddr(domain); err == nil || dot < 0 || strings.ContainsAny(domain, "[]") {
		return false
	}
	return strings.Trim(domain[dot+1:], "0123456789") != ""
}
