package relay

import (
	"errors"
	"fmt"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay/srs"
)

// returns reports whether mail for the address goes back to a sender that we rewrote, if it goes anywhere.
func returns(r *srs.Rewriter, a cutover.Address) bool { return r != nil && r.Owns(a) }

// returnable declines all but what we made ourselves, and not too long ago: anything else would make us an open relay.
func returnable(r *srs.Rewriter, a cutover.Address, now time.Time) error {
	_, err := r.Reverse(a, now)
	switch {
	case errors.Is(err, srs.ErrExpired):
		return errTooOld
	case err != nil:
		return errNotSigned
	}
	return nil
}

// resolve finds where a recipient leads. An SRS address leads to the sender that it was made of, who may be one of ours by now.
func (p planner) resolve(r ledger.Recipient) (Resolution, cutover.Address) {
	if !returns(p.srs, r.Address) {
		to, answer := p.dir.Resolve(r.Address)
		if answer == NotOurs && p.outside {
			to.Others = []cutover.Address{r.Address}
		}
		return to, r.Address
	}
	sender, err := p.srs.Reverse(r.Address, p.now)
	if err != nil {
		return Resolution{}, r.Address // expired since RCPT
	}
	to, answer := p.dir.Resolve(sender)
	if answer == NotOurs {
		to.Others = []cutover.Address{sender}
	}
	return to, sender
}

// noWayOut says why mail for an address outside waits.
func (p planner) noWayOut(r ledger.Recipient, outside cutover.Address) string {
	if returns(p.srs, r.Address) {
		return fmt.Sprintf("returns to %s, whose mail we forwarded, and no cloud server sends outside: deliver it by hand", outside)
	}
	return fmt.Sprintf("%s is outside our domains and no server sends there: deliver it by hand, or take it out of the group", outside)
}

// onlyReturns reports whether all recipients are senders that we rewrote: such mail is an echo of what we sent, and no use of the old route.
func (a *Arrival) onlyReturns() bool {
	for _, r := range a.env.Recipients {
		if !returns(a.in.cfg.SRS, r.Address) {
			return false
		}
	}
	return len(a.env.Recipients) > 0
}
