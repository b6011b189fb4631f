package relay

import (
	"cmp"
	"strings"

	"posthouse/ledger"
	"posthouse/relay/reason"
)

// Why is what a delivery that is not settled waits for: what we ourselves put it aside for, by our own words, or else what it was refused for at last.
func Why(d ledger.Delivery) reason.Class {
	if ours := putAside(d); ours != reason.None {
		return ours
	}
	// What was refused before refusals had classes, and errors of our own, have words only.
	class := cmp.Or(reason.Class(d.Class), reason.Text(d.Reply), reason.Text(d.Reason))
	switch {
	case class != reason.None && class != reason.Other:
		return class
	case d.State == ledger.Held && strings.HasPrefix(d.Reason, "not accepted by "):
		return reason.TooLong
	case d.State == ledger.Held:
		return reason.Other
	}
	return reason.Waiting
}

// putAside tells why we hold a delivery, or ask for it; None where it is for the next hop to say.
func putAside(d ledger.Delivery) reason.Class {
	for _, known := range []struct {
		begins string
		class  reason.Class
	}{
		{"held by ", reason.ByHand}, {"may or may not have arrived", reason.Doubt}, {"no mailbox takes mail for", reason.Nowhere}, {"goes round:", reason.Loop},
		{"the cloud sent mail for", reason.UnknownThere}, {"returns to ", reason.Outside},
	} {
		if strings.HasPrefix(d.Reason, known.begins) {
			return known.class
		}
	}
	switch {
	case d.State == ledger.InDoubt:
		return reason.Doubt
	case strings.Contains(d.Reason, "is outside our domains and no cloud server sends there"):
		return reason.Outside
	case d.State == ledger.Due && (d.Attempts == 0 && d.Reply == "" || d.Since.Equal(d.Released)): // never tried, or not since a person let it go on
		return reason.Waiting
	}
	return reason.None
}
