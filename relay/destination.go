package relay

import (
	"context"
	"errors"
	"io"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay/reason"
)

// Destination is one way out.
type Destination interface {
	// Deliver makes one attempt to hand the message over for all of its deliveries, which share this destination, and returns one outcome for each, in order. It
	// is called from several goroutines at once. It blocks until the replies are there or ctx ends.
	Deliver(ctx context.Context, c Consignment) []Outcome
}

// Consignment is one message and those of its deliveries that go to one destination.
type Consignment struct {
	Capture    ledger.Capture
	Deliveries []ledger.Delivery
	Body       Body
	// Tee: a best-effort copy; it goes with the null reverse path and asks for no notifications.
	Tee bool
	// Next, if not nil, may be asked once for what is delivered next, as soon as this is done with: a destination may tell the next hop of it already. It is nil where that is not known.
	Next func() *Consignment
}

// Body is the message as it goes out: the prefix, then the octets as received but for what the capture says is cut. It may be opened several times.
type Body interface {
	Size() int64 // exact, prefix included
	Open() (io.ReadCloser, error)
}

// OutcomeKind is what an attempt came to.
type OutcomeKind string

const (
	Delivered   OutcomeKind = "delivered"   // the next hop took responsibility; Seen tells whether it is in the mailbox
	Declined    OutcomeKind = "declined"    // refused for good
	Deferred    OutcomeKind = "deferred"    // not now
	Unreachable OutcomeKind = "unreachable" // no conversation came about: it is the destination's trouble, not the message's
	Uncertain   OutcomeKind = "uncertain"   // everything was sent and the reply was not seen
	Unsuitable  OutcomeKind = "unsuitable"  // this way out cannot carry these octets
)

// Outcome is what an attempt came to for one delivery.
type Outcome struct {
	Kind  OutcomeKind
	Reply string        // the server's words or the error, for people
	Class reason.Class  // why it was refused, as far as the reply tells
	Wait  time.Duration // how long the server asked us to stay away; 0 if it did not say
	Busy  bool          // it is more than the destination takes now, whatever the message: it is best left alone, for Wait if that is given
	// Notifies: the next hop took it over to tell the sender what it asked to be told.
	Notifies bool
	Seen     string      // where it lies in the mailbox, when that is known already
	First    OutcomeKind // what the attempt by SMTP came to, where the mailbox path was tried after it
}

// ErrCannotAsk: there is no way to look into that mailbox, now or later.
var ErrCannotAsk = errors.New("the mailbox cannot be asked")

// Finder asks mailboxes. It is how in-doubt and accepted deliveries are settled.
type Finder interface {
	// Find returns, by index into wanted, where captured messages lie in the mailbox on that side; what it does not see is absent. An error that
	// matches ErrCannotAsk is final.
	Find(ctx context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]string, error)
}
