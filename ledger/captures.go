package ledger

import (
	"context"
	"io"
	"time"

	"posthouse/cutover"
	"posthouse/evidence"
)

// Capture is one message taken by the listener: a permanent row.
type Capture struct {
	ID       cutover.CaptureID
	At       time.Time
	Route    cutover.Route
	Listener string
	Client   Client
	Envelope Envelope
	// Prefix is what we prepend to the stored body on the way out: the Received and trace fields, CRLF-terminated, and what Checked put before them. It is not part of the body.
	Prefix   []byte
	Size     int64          // octets of the body as received, Prefix not counted
	Sum      cutover.Digest // the same for bodies of the same octets, and for no others (cutover.BodyDigester.Octets); none for captures of before ledger version 13
	Repeat   cutover.Digest // SHA-256 over envelope and octets: the same transaction sent again has the same. None: Again
	Digest   cutover.Digest // of the message body, line ends normalised: what identity compares
	Identity cutover.Identity
	Hops     int  // Received lines found
	Bare     bool // holds a bare CR or LF: never leaves by DATA
	EightBit bool // holds octets above 127
	// MessageID is the header field as it was, for people who ask by it; "" where there is none, or one too long to be asked for.
	MessageID string
	// Cut are the parts of the body that are left out on the way out, in order: header fields that claim to be ours. The body itself stays as received.
	Cut []Range
	// Results is what was found out about the sender, "" where nothing is known; Unwanted, that nobody can have waited for the message. Checked writes both.
	Results  string
	Unwanted bool
}

// Again reports whether it is one that a person had sent once more: it repeats no transaction, and nothing that lies in a mailbox stands for it.
func (c Capture) Again() bool { return c.Repeat == cutover.Digest{} }

// Client is the sender as the listener saw it.
type Client struct {
	Addr string // IP address
	Name string // EHLO name, as given
	TLS  string // version and cipher, "" for plain text
	User string // authenticated user, "" if none
}

// Envelope is the SMTP envelope as received.
type Envelope struct {
	From       string // reverse path without <>; "" is the null sender
	Body       string // BODY= parameter: "", "7BIT", "8BITMIME", "BINARYMIME"
	UTF8       bool   // SMTPUTF8
	Return     string // RET=
	EnvelopeID string // ENVID=
	RequireTLS bool   // REQUIRETLS
	Recipients []Recipient
}

// Recipient is one accepted RCPT.
type Recipient struct {
	Address cutover.Address
	Notify  string // NOTIFY=
	ORcpt   string // ORCPT=
}

// DeliveryState is where a delivery stands.
type DeliveryState string

const (
	Due      DeliveryState = "due"      // waits for its next attempt
	Sending  DeliveryState = "sending"  // an attempt is under way, or was when we were killed
	InDoubt  DeliveryState = "in doubt" // the final reply was not seen: ask before sending again
	Accepted DeliveryState = "accepted" // the next hop said 250; not yet seen in the mailbox
	Settled  DeliveryState = "settled"  // seen in the mailbox, or accepted where no mailbox can be asked
	Held     DeliveryState = "held"     // parked for a person
	Quiet    DeliveryState = "quiet"    // refused for spam or virus: kept, counted, no alarm
	Dropped  DeliveryState = "dropped"  // given up by a person, who keeps a copy
)

// Told is the Delivery.Tell of one whose sender was told all.
const Told = "told"

// DeliveryID names a delivery.
type DeliveryID int64

// Delivery is one recipient of one capture to one destination.
type Delivery struct {
	ID          DeliveryID
	Capture     cutover.CaptureID
	Recipient   cutover.Address   // the address to send to, after aliases and groups
	Original    cutover.Address   // the recipient of the envelope that led to it
	Mailbox     cutover.MailboxID // "" when it leads to no mailbox of ours
	Destination string            // name of the way out: "SERVER:smtp" or "SERVER:mailbox"
	Side        cutover.Side      // where it leads; a delivery to the cloud makes the message expected there
	Required    bool              // a best-effort delivery (the tee) never keeps a capture pending and is never held
	State       DeliveryState
	Attempts    int
	Next        time.Time // earliest next attempt, or next question when in doubt or accepted
	Since       time.Time // when the state was entered
	Reply       string    // last reply or error, for people
	Reason      string    // why held, or why a doubt goes on, for people
	Class       string    // why the last attempt was refused, one of package relay/reason's; "" where it was not
	Seen        string    // folder and reference where it was seen
	// Tell is what the sender is still to be told, "" where nothing was ever to be said, Told when all was. Update and Act write it unless it is "".
	Tell     string
	Released time.Time // when a person last let it go on: for how long it is tried counts from then; zero if nobody did
}

// Body is a place for one message that is being received. Exactly one of Commit and Abort ends it; Abort after Commit does nothing. Not safe for
// concurrent use.
type Body interface {
	io.Writer
	// Commit makes body, capture, deliveries and observation durable together and returns the deliveries with their IDs. After an error nothing is stored.
	// The capture's Size must be the octets written: half a message is refused. ErrExists when there is a capture of this ID. A zero observation is none.
	Commit(ctx context.Context, c Capture, deliveries []Delivery, o evidence.Observation) ([]Delivery, error)
	Abort()
}

// Bodies gives back what was captured.
type Bodies interface {
	// OpenBody opens the octets as received, at their start. The caller closes it. ErrNotFound also when the body was pruned.
	OpenBody(ctx context.Context, id cutover.CaptureID) (io.ReadSeekCloser, error)
}

// Captures is what the listener and the courier need.
type Captures interface {
	Bodies
	// NewBody opens a place for a message. ErrNoSpace when the disk's reserve is reached.
	NewBody(ctx context.Context) (Body, error)
	// TraceKey is this ledger's secret for traces: 32 octets, the same for ever.
	TraceKey(ctx context.Context) ([]byte, error)
	// Repeated returns the capture whose Repeat is the same and that was taken at or after since.
	Repeated(ctx context.Context, repeat cutover.Digest, since time.Time) (cutover.CaptureID, bool, error)
	// Checked records what was found out about senders, in one change; where that makes a capture unwanted, so is the observation of its arrival. Fields go before the prefix only if
	// every delivery is Due and was never begun; then all of them are due now, and what was read of them before cannot be begun any more. ErrNotFound, and nothing written, when
	// there is no such capture.
	Checked(ctx context.Context, now time.Time, checks ...Check) error
	Capture(ctx context.Context, id cutover.CaptureID) (Capture, error)
	// Captured returns those of the captures that there are, with one question.
	Captured(ctx context.Context, ids []cutover.CaptureID) (map[cutover.CaptureID]Captured, error)

	// DueDeliveries returns one destination's deliveries in a state (Due, InDoubt, Accepted) whose Next is not after now, or after latest: a clock that was wrong wrote it. It returns at most limit,
	// those never tried first, then by Next; and the earliest Next among the rest (zero if none). However much waits for one destination, another's are found at once.
	DueDeliveries(ctx context.Context, destination string, state DeliveryState, now, latest time.Time, limit int) ([]Delivery, time.Time, error)
	// Destinations names the destinations of all deliveries that are not settled, sorted.
	Destinations(ctx context.Context) ([]string, error)
	// Update writes state, attempts, next, since, reply, reason, class and seen of the given deliveries, all in one change. A state entered, Sending apart, is a step of the delivery's
	// history in the same change. ErrNotFound, and nothing written, when one of them does not exist.
	Update(ctx context.Context, deliveries ...Delivery) error
	// Begin makes Sending, since now, those of the deliveries that still stand as given (Due, and recipient, destination, attempts, next and since the same), and returns them as they stand
	// then, in order. What an earlier attempt was refused for is forgotten: one that is killed was not.
	Begin(ctx context.Context, now time.Time, deliveries ...Delivery) ([]Delivery, error)
	// Act is Update on a person's word: it writes recipient, mailbox, destination, side and released too, and what was done stands in the history of each.
	Act(ctx context.Context, done string, deliveries ...Delivery) error
	// Tell changes what the sender of a delivery is to be told, and nothing else, unless it is not what it was meanwhile.
	Tell(ctx context.Context, id DeliveryID, was, is string) error
	Delivery(ctx context.Context, id DeliveryID) (Delivery, error)
	// History is every step of a capture's deliveries, by delivery and in order.
	History(ctx context.Context, id cutover.CaptureID) ([]Event, error)
	// FindCaptures lists captures by filter, the newest first. It may read every capture.
	FindCaptures(ctx context.Context, f CaptureFilter) ([]Capture, error)
	// Reopen turns every Sending delivery into InDoubt: called once at start, before the courier runs. It returns how many.
	Reopen(ctx context.Context, now time.Time) (int, error)
	// Deliveries lists deliveries by filter, in the order in which they were stored: the oldest capture first.
	Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error)
	// CountDeliveries is how many a filter selects, whatever its Limit.
	CountDeliveries(ctx context.Context, f DeliveryFilter) (int, error)
	// Backlog counts required deliveries by state.
	Backlog(ctx context.Context) (map[DeliveryState]int, error)

	// NoteUnknown records that an unknown address in one of our domains was asked for, folded to lower case. The number kept is bounded.
	NoteUnknown(ctx context.Context, a cutover.Address, at time.Time) error
	UnknownRecipients(ctx context.Context) ([]UnknownRecipient, error)

	// Prune removes the bodies of captures settled before the given time and returns how many; rows stay.
	Prune(ctx context.Context, settledBefore time.Time) (int, error)
}

// Captured is a capture as read together with others.
type Captured struct {
	Capture
	Octets []byte // of a body of at most MaxOctets; nil: to be opened
}

// MaxOctets is how large a body may be to be read along with its capture.
const MaxOctets = 16 << 10

// DeliveryFilter selects deliveries; zero fields select all.
type DeliveryFilter struct {
	Capture  cutover.CaptureID
	States   []DeliveryState
	Mailbox  cutover.MailboxID
	Required bool      // only those that keep a capture pending
	Before   time.Time // only those that entered their state before it
	Limit    int
	From     string    // the capture's reverse path: an address, or @DOMAIN
	To       string    // the recipient, as sent to or as the sender wrote it: an address, or @DOMAIN
	Captured time.Time // only those of captures taken before it
	ToTell   bool      // only those whose sender is to be told something
	Untold   bool      // only those whose sender was never to be told anything
	After    Delivery  // only those behind this one in the order
}

// CaptureFilter selects captures; zero fields select all.
type CaptureFilter struct {
	Prefix    string // of the ID
	MessageID string // with or without its angle brackets
	Address   string // a sender or a recipient
	Limit     int
}

// Event is one step of a delivery's history: the state that it entered, and what was so when it left that again, or is so now.
type Event struct {
	Delivery    DeliveryID
	At          time.Time
	State       DeliveryState
	Act         string // what a person did; "" for the courier's own steps
	Recipient   cutover.Address
	Destination string
	Attempts    int
	Next        time.Time
	Reply       string
	Reason      string
	Class       string
	Seen        string
}

// UnknownRecipient is an address of ours that somebody wrote to and no list knows.
type UnknownRecipient struct {
	Address     cutover.Address
	Count       int
	First, Last time.Time
}
