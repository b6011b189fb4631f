package destination

import (
	"net/netip"
	"time"

	"github.com/sirupsen/logrus"

	"posthouse/bridge"
	"posthouse/internal/clock"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/delivery"
)

// Ways is what all ways out share.
type Ways struct {
	Bridge *bridge.Bridge
	Items  ledger.Items
	Key    []byte         // by which our traces are known
	Legacy []netip.Prefix // from where the old server hands mail over

	SRS         *SRS  // nil: no sender is rewritten
	Seal        *Seal // nil: nothing is sealed
	RescueAfter time.Duration

	Clock clock.Clock
	Log   logrus.FieldLogger
}

// Cloud is a server of the cloud.
type Cloud struct {
	Client  *delivery.Client // nil: none
	Rewrite bool             // it may ask who is allowed to send in a sender's name
	Rescue  bool             // what SMTP refuses goes into the mailbox
	Clear   bool             // its mailboxes are opened without TLS
}

// ToOld hands mail over to the old server, and tells it who the true client was: its filters are to judge him, not us.
func (w Ways) ToOld(client *delivery.Client) relay.Destination { return smtp{client, original, true} }

// ToCloud hands mail over to the cloud by SMTP or LMTP.
func (w Ways) ToCloud(c Cloud) relay.Destination {
	to := w.sealed(smtp{c.Client, w.sender(c.Rewrite), false})
	if c.Rescue {
		to = relay.Rescue{Destination: to, Mailbox: w.mailbox(c), After: w.RescueAfter, Clock: w.Clock}
	}
	return w.looking(to)
}

// IntoMailboxes puts mail into the cloud's mailboxes.
func (w Ways) IntoMailboxes(c Cloud) relay.Destination { return w.looking(w.mailbox(c)) }

func (w Ways) mailbox(c Cloud) relay.Destination { return keepingTLS(c, mailbox{w.Bridge, w.Key}) }

// IntoSent files what users have sent into their Sent folders in the cloud.
func (w Ways) IntoSent(c Cloud) relay.Destination { return keepingTLS(c, sent{w.Bridge}) }

// Outside hands mail over to whatever host takes it for a recipient's domain, which is treated as a cloud that knows nothing of us.
func (w Ways) Outside(o Outside) relay.Destination { return w.sealed(outside{o, w.sender(true)}) }

// looking makes a way into the cloud look first.
func (w Ways) looking(to relay.Destination) relay.Destination {
	return lookFirst{to, w.Items, w.Bridge, w.Finder(), w.Key, w.Legacy}
}

func all(n int, o relay.Outcome) []relay.Outcome {
	outcomes := make([]relay.Outcome, n)
	for i := range outcomes {
		outcomes[i] = o
	}
	return outcomes
}
