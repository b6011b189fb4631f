package evidence

import (
	"slices"
	"time"
)

// Policy says how much silence is enough, and whose.
type Policy struct {
	Verdict       string            `json:"verdict"`             // which verdict this is, for people: "the mailbox server may stop"
	Doors         []Door            `json:"doors"`               // the uses that count against quiet; without any the verdict is blind
	Required      []string          `json:"required"`            // sources that must be watched; without any the verdict is blind
	Quiet         time.Duration     `json:"quiet"`               // how long all doors must have been quiet, counted in time that all required sources were watched; more than 0
	Unseen        []Channel         `json:"unseen,omitempty"`    // what no required source tells of (Login): whoever does that is seen by nobody
	Window        time.Duration     `json:"window"`              // over which a source's share of coverage is measured; 0 is the same as Quiet
	BlindBelow    float64           `json:"blind_below"`         // the share of the window below which a source is blind, 0.9 by default
	Stale         time.Duration     `json:"stale"`               // a source that was watched until then before now is watched now
	Blinded       map[string]string `json:"blinded,omitempty"`   // sources that are known not to be watched now, whatever their coverage says, and why
	Listeners     []string          `json:"listeners,omitempty"` // the sources that the outside world must reach, where they are required
	ContactWithin time.Duration     `json:"contact_within"`      // how recently it must have reached them; 0 turns the rule off
	LedToUs       bool              `json:"led_to_us,omitempty"` // MX records that lead to our listeners keep it from being ready too, not only those that lead to the old server
	Allowed       []string          `json:"allowed,omitempty"`   // senders, devices and users that a person accepted by name: they go on, and do not block
	Horizon       time.Duration     `json:"horizon"`             // how far forecast and floor look ahead

	// By the sender book:
	Chance     float64       `json:"chance"`             // that anything wanted comes within the horizon may be this at most; 0: the book is not asked, and quiet alone decides
	Foreseen   []Door        `json:"foreseen,omitempty"` // what the book is asked about. A sender, device or user is asked about where one of its uses is behind such a door
	Unfamiliar time.Duration `json:"unfamiliar"`         // the quiet that is asked for where the past of one of these doors is not known, if that is more: strangers come seldom, and are not named
}

// Door is one channel at some sources.
type Door struct {
	Channel Channel  `json:"channel"`
	Only    []string `json:"only,omitempty"`   // sources; none is any
	Except  []string `json:"except,omitempty"` // but not these
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
		Horizon:       60 * day,
		Chance:        0.07,
	}
}

// MailboxServer is the policy by which the old mailbox server may stop: no logins, nobody sends through the old side, and nothing arrives in its
// mailboxes. Mail that our listeners take is no use of the mailbox server.
func MailboxServer(required, listeners []string) Policy {
	p := basePolicy(required, listeners)
	p.Verdict = "the mailbox server may stop"
	p.Doors = []Door{{Channel: Login}, {Channel: Sending}, {Channel: Arriving, Except: p.Listeners}}
	p.Foreseen = p.Doors[:2]
	return p
}

// OldAddress is the policy by which the old address may go silent: nothing comes to our listeners, neither from outside nor from the house's
// users and devices. The listeners themselves are the sources that must be watched.
func OldAddress(listeners []string) Policy {
	p := basePolicy(listeners, listeners)
	p.Verdict, p.LedToUs, p.Unfamiliar = "the old address may go silent", true, 30*day
	if len(listeners) > 0 {
		p.Doors = []Door{{Channel: Arriving, Only: p.Listeners}, {Channel: Sending, Only: p.Listeners}}
		p.Foreseen = []Door{{Channel: Arriving}, p.Doors[1]}
	}
	return p
}

func (p Policy) window() time.Duration {
	if p.Window > 0 {
		return p.Window
	}
	return p.Quiet
}

func (d Door) covers(c Channel, source string) bool {
	return d.Channel == c && (len(d.Only) == 0 || slices.Contains(d.Only, source)) && !slices.Contains(d.Except, source)
}
