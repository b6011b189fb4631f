package control

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Event is something that just happened to mail, or what a log, or a new item in an old mailbox, told of the old server. Instants are UTC, sizes octets, lengths of time nanoseconds.
type Event struct {
	Schema string    `json:"schema"` // TailSchema
	At     time.Time `json:"at"`
	What   Happening `json:"what"`

	Route    string   `json:"route,omitempty"`    // arriving, devices, submission
	Listener string   `json:"listener,omitempty"` // its name
	Source   string   `json:"source,omitempty"`   // the log that told of it, or mailboxes
	Channel  string   `json:"channel,omitempty"`  // arriving, sending, login, delivered
	Client   string   `json:"client,omitempty"`   // the name that the client gave
	Addr     string   `json:"addr,omitempty"`
	User     string   `json:"user,omitempty"`
	From     string   `json:"from,omitempty"` // empty: the null sender, where there is a message
	To       []string `json:"to,omitempty"`
	Size     int64    `json:"size,omitempty"`
	Capture  string   `json:"capture,omitempty"`
	Message  string   `json:"message_id,omitempty"` // as a log or an old mailbox told it

	Destination string        `json:"destination,omitempty"` // of an attempt
	Reply       string        `json:"reply,omitempty"`       // the far end's words, or ours to a client
	Took        time.Duration `json:"took,omitempty"`        // of an attempt: since the capture
	Detail      string        `json:"detail,omitempty"`
	Unwanted    bool          `json:"unwanted,omitempty"` // it does not count as use: junk, a test of our own

	// Missed is how many events before this one the reader was too slow for.
	Missed int `json:"missed,omitempty"`
}

// TailSchema names the shape of Event.
const TailSchema = "posthouse.tail/1"

// Happening is what an Event tells of.
type Happening string

const (
	MailTaken        Happening = "taken"     // a message was captured
	MailDelivered    Happening = "delivered" // an attempt was accepted
	MailWaits        Happening = "waits"     // an attempt was not, or nobody knows; it goes on by itself
	MailHeld         Happening = "held"      // it waits for a person, or is kept as spam or virus
	RecipientRefused Happening = "refused"   // a recipient was not accepted
	ClientAbused     Happening = "abused"    // a client broke the protocol or a limit
	OldServerUsed    Happening = "used"      // somebody used the old server, says a log or a new item in an old mailbox
	OldServerPut     Happening = "put"       // the old server put a message into a mailbox, says a log
	DNSChanged       Happening = "dns"       // a record of a domain: Client names it, Detail says what it is and was
)

// ChannelDelivered is the channel of what the old server puts into its mailboxes: no use by itself.
const ChannelDelivered = "delivered"

// RouteDNS is the route of what changed in the DNS.
const RouteDNS = "dns"

// Tail calls yield for everything that happens from now on, until ctx or the service ends. begun is called once nothing is missed any more.
func (c *Client) Tail(ctx context.Context, begun func(), yield func(Event) error) error {
	body, err := c.do(ctx, http.MethodGet, "/tail", nil)
	if err != nil {
		return fmt.Errorf("asking for what happens: %w", err)
	}
	begun()
	return wrapped("reading what happens", lines(body, TailSchema, func(e Event) (string, string) { return e.Schema, e.Detail }, yield))
}

// tail answers with a line for each event. The header goes out at once, so that a reader knows from when on nothing is missed.
func tail(running context.Context, s Service) http.HandlerFunc {
	return guarded(s, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Type", "application/x-ndjson")
		return streamed(running, func(ctx context.Context, _ *http.Request, yield func(Event) error) error {
			return s.Tail(ctx, func() { w.WriteHeader(http.StatusOK); flush(w) }, yield)
		})(w, r)
	})
}
