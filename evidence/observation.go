package evidence

import (
	"net/netip"
	"time"

	"posthouse/cutover"
)

// Channel is one of the three ways in which an old server is used.
type Channel string

const (
	Arriving Channel = "arriving" // mail comes in by the old address
	Sending  Channel = "sending"  // users or devices send through it
	Login    Channel = "login"    // users read on it
)

// Class tells wanted use from noise.
type Class string

const (
	Wanted   Class = "wanted"   // counts against quiet
	Unwanted Class = "unwanted" // refused, spam-class or probe traffic: counted, shown, never blocks
	Known    Class = "known"    // of the past, told by what lies in an old mailbox or an old log: shows rhythms, is no use
	Moved    Class = "moved"    // reached the new side without us: shows that its sender has switched, is no use of the old side
)

// Observation is one fact about use of the old server.
type Observation struct {
	At      time.Time // UTC, microseconds
	Channel Channel
	Class   Class
	Source  string            // name of the evidence source that saw it: a listener, a log, the growth of legacy mailboxes
	Sender  string            // who: sending system (host name, else IP), or user for logins and submissions
	Client  netip.Addr        // from where; the zero Addr if unknown
	From    string            // envelope sender, if mail
	Mailbox cutover.MailboxID // the mailbox concerned, "" if unknown
	Message string            // Message-ID or capture id, for reconciling two sources; "" if unknown
	Detail  string            // client software or the like, for people
	// Until is the end of a session that lasted (a login): use goes on until then. Zero: a single moment. Open: it has not ended yet.
	Until time.Time
	Open  bool
}

// Span is a stretch of time [From, To).
type Span struct{ From, To time.Time }

// Coverage says that a source was really being watched during a span.
type Coverage struct {
	Source string
	Span   Span
}
