package delivery

import (
	"fmt"
	"time"
)

// Kind is what became of one recipient.
type Kind int

const (
	// Unsent: nobody accepted the message for this recipient; to send it again
	// is safe. Outcome.Err says why.
	Unsent Kind = iota
	// Accepted: the next hop took responsibility.
	Accepted
	// RefusedPermanent: a 5xx reply to this recipient or to the message.
	RefusedPermanent
	// RefusedTemporary: a 4xx reply.
	RefusedTemporary
	// InDoubt: the whole message was handed to the kernel and the final reply
	// was not read. The next hop may or may not have accepted it.
	InDoubt
	// NotFit: this next hop cannot take this message or address as it is.
	// Outcome.Err is an *Unfit. Nothing was sent for the recipient.
	NotFit
)

var kindNames = [...]string{"unsent", "accepted", "refused permanently", "refused temporarily", "in doubt", "not fit"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kindNames[k]
}

// Outcome is the end of one recipient in one Send.
type Outcome struct {
	Kind Kind
	// Reply is what decided: set for Accepted and the refusals.
	Reply Reply
	// Throttled: the reply asks to slow down, it does not judge the message.
	Throttled bool
	// Backoff is the pause the reply names, zero if it names none.
	Backoff time.Duration
	// Notifies: the next hop accepted the message and offers DSN: what the
	// envelope asks to be told of is its to tell.
	Notifies bool
	// OfClient: the next hop refused the session of the client that it was told
	// of by PROXY, before it heard of the message.
	OfClient bool
	// Err is set for Unsent, InDoubt and NotFit.
	Err error
}

// Words are those of the reply, else of the error; "" where there is neither.
func (o Outcome) Words() string {
	switch {
	case o.Reply.Code != 0:
		return o.Reply.String()
	case o.Err != nil:
		return o.Err.Error()
	}
	return ""
}

// replied is the outcome that a reply decides. A reply that is neither 2xx,
// 4xx nor 5xx decides nothing; callers check that first.
func replied(r Reply) Outcome {
	o := Outcome{Kind: RefusedTemporary, Reply: r}
	switch {
	case r.Positive():
		o.Kind = Accepted
		return o
	case r.Code >= 500:
		o.Kind = RefusedPermanent
	}
	o.Throttled, o.Backoff = Throttle(r)
	return o
}

// Reason is why a message is unfit for a next hop.
type Reason string

const (
	EightBit       Reason = "8-bit text and no 8BITMIME"
	UTF8           Reason = "internationalized address or header and no SMTPUTF8"
	TooBig         Reason = "larger than the next hop takes"
	BareNewline    Reason = "bare CR or LF and no CHUNKING"
	NoFinalNewline Reason = "last line not ended and no CHUNKING"
	BadAddress     Reason = "address cannot be written in a command"
	NoRequireTLS   Reason = "its sender demands TLS all the way (REQUIRETLS), and the next hop does not offer that over TLS with a verified certificate"
	BadParameter   Reason = "parameter cannot be written in a command"
)

// Unfit is a refusal of our own: the next hop was not asked, and another try
// would end the same until it offers more or the message is repaired.
type Unfit struct {
	Reason Reason
	Detail string
}

func (u *Unfit) Error() string {
	if u.Detail == "" {
		return string(u.Reason)
	}
	return fmt.Sprintf("%s: %s", u.Reason, u.Detail)
}
