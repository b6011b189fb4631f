package evidence

import (
	"slices"
	"strings"
	"time"
)

// Policy says how much silence is enough, and whose.
type Policy struct {
	Verdict       string            // which verdict this is, for people: "the mailbox server may stop"
	Doors         []Door            // the uses that count against quiet; without any the verdict is blind
	Required      []string          // sources that must be watched; without any the verdict is blind
	Quiet         time.Duration     // how long all doors must have been quiet, counted in time that all required sources were watched; more than 0
	Window        time.Duration     // over which a source's share of coverage is measured; 0 is the same as Quiet
	BlindBelow    float64           // the share of the window below which a source is blind, 0.9 by default
	Stale         time.Duration     // a source that was watched until then before now is watched now
	Blinded       map[string]string // sources that are known not to be watched now, whatever their coverage says, and why
	Listeners     []string          // the sources that the outside world must reach, where they are required
	ContactWithin time.Duration     // how recently it must have reached them; 0 turns the rule off
	LedToUs       bool              // MX records that lead to our listeners keep it from being ready too, not only those that lead to the old server
	Allowed       []string          // senders, devices and users that a person accepted by name: they go on, and do not block
	Horizon       time.Duration     // how far the floor looks ahead
}

// Door is one channel at some sources.
type Door struct {
	Channel Channel
	Only    []string // sources; none is any
	Except  []string // but not these
}

const day = 24 * time.Hour

// basePolicy holds the defaults that both verdicts share.
func basePolicy(required, listeners []string) Policy {
	return Policy{
		Required:      slices.Clone(required),
		Listeners:     slices.Clone(listeners),
		Quiet:         3 * day,
		BlindBelow:    0.9,
		Stale:         5 * time.Minute,
		ContactWithin: day,
		Horizon:       30 * day,
	}
}

// MailboxServer is the policy by which the old mailbox server may stop: no logins, nobody sends through the old side, and nothing arrives in its
// mailboxes. Mail that our listeners take is no use of the mailbox server.
func MailboxServer(required, listeners []string) Policy {
	p := basePolicy(required, listeners)
	p.Verdict = "the mailbox server may stop"
	p.Doors = []Door{{Channel: Login}, {Channel: Sending}, {Channel: Arriving, Except: p.Listeners}}
	return p
}

// OldAddress is the policy by which the old address may go silent: nothing comes to our listeners, neither from outside nor from the house's
// users and devices. The listeners themselves are the sources that must be watched.
func OldAddress(listeners []string) Policy {
	p := basePolicy(listeners, listeners)
	p.Verdict, p.LedToUs = "the old address may go silent", true
	if len(listeners) > 0 {
		p.Doors = []Door{{Channel: Arriving, Only: p.Listeners}, {Channel: Sending, Only: p.Listeners}}
	}
	return p
}

func (p Policy) window() time.Duration {
	if p.Window > 0 {
		return p.Window
	}
	return p.Quiet
}

// counts tells whether a use at this door by this sender counts against quiet.
func (p Policy) counts(k UseKey) bool {
	return slices.ContainsFunc(p.Doors, func(d Door) bool { return d.covers(k) }) && !p.allows(k.Sender)
}

func (p Policy) allows(sender string) bool {
	return slices.ContainsFunc(p.Allowed, func(name string) bool { return strings.EqualFold(name, sender) })
}

func (d Door) covers(k UseKey) bool {
	return d.Channel == k.Channel && (len(d.Only) == 0 || slices.Contains(d.Only, k.Source)) && !slices.Contains(d.Except, k.Source)
}
