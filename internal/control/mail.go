package control

import (
	"context"
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Mail is what the running process answers about captured mail, and does with it.
type Mail interface {
	// Queued calls yield for each delivery that a filter selects, the oldest capture first. An error of yield ends it.
	Queued(ctx context.Context, f QueueFilter, yield func(Queued) error) error
	// Act does a deed of who to deliveries, and calls yield for each with what came of it. An error of yield ends it: what was done stays done.
	Act(ctx context.Context, who string, d Deed, yield func(Acted) error) error
	// Message writes a captured message as it goes out, its prefix and the octets as received. What is written before an error is not whole.
	Message(ctx context.Context, capture string, w io.Writer) error
	// Trace tells what became of the messages that an ID, a Message-ID or an address names.
	Trace(ctx context.Context, asked string) (Trace, error)
}

// QueueFilter selects deliveries; zero fields select all that are not settled.
type QueueFilter struct {
	Captures []string // IDs, beginnings of them, or Message-IDs
	States   []string
	Classes  []string      // that it waits for
	From, To string        // an address, or @DOMAIN
	Older    time.Duration // captured longer ago
	Limit    int
}

func (f QueueFilter) query() url.Values {
	q := url.Values{"capture": f.Captures, "state": f.States, "class": f.Classes}
	for name, value := range map[string]string{"from": f.From, "to": f.To} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Older > 0 {
		q.Set("older", f.Older.String())
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	return q
}

func queueFilter(q url.Values) (f QueueFilter, err error) {
	f = QueueFilter{Captures: q["capture"], States: q["state"], Classes: q["class"], From: q.Get("from"), To: q.Get("to")}
	if q.Has("older") {
		if f.Older, err = time.ParseDuration(q.Get("older")); err != nil {
			return f, err
		}
	}
	if q.Has("limit") {
		f.Limit, err = strconv.Atoi(q.Get("limit"))
	}
	return f, err
}

// Queued is one delivery and what it waits for: one line of the answer's stream.
type Queued struct {
	Schema   string  `json:"schema"`   // QueuedSchema
	Delivery int64   `json:"delivery"` // its number
	Original string  `json:"original"` // the recipient as the sender wrote it
	Waiting  Waiting `json:"waiting"`
	Reply    string  `json:"reply,omitempty"` // the far end's last words
	Error    string  `json:"error,omitempty"` // of a list that ends too early
}

// QueuedSchema names the shape of Queued.
const QueuedSchema = "posthouse.queued/1"

// Deed is what a person does with deliveries.
type Deed struct {
	Do         string  `json:"do"` // hold, release, retry, move, drop, resend
	Deliveries []int64 `json:"deliveries"`
	Why        string  `json:"why,omitempty"`       // of a hold; of a drop, for the sender
	Notify     bool    `json:"notify,omitempty"`    // of a drop: the sender is told
	Recipient  string  `json:"recipient,omitempty"` // of a move or a second copy: an address of ours; "" leaves it
	By         string  `json:"by,omitempty"`        // of the same: SERVER:smtp or SERVER:mailbox; "" is the usual way
}

// Acted is what came of a deed for one delivery: one line of the answer's stream.
type Acted struct {
	Schema      string `json:"schema"` // ActedSchema
	Delivery    int64  `json:"delivery"`
	Capture     string `json:"capture"`
	To          string `json:"to"`
	Destination string `json:"destination"`
	State       string `json:"state"`           // as it stands now
	Why         string `json:"why,omitempty"`   // it is held, or was dropped, and where its copy is
	Error       string `json:"error,omitempty"` // why nothing was done
	Next        string `json:"next,omitempty"`  // what to do instead
}

// ActedSchema names the shape of Acted.
const ActedSchema = "posthouse.acted/1"

// Trace is what became of messages.
type Trace struct {
	Schema   string     `json:"schema"` // TraceSchema
	At       time.Time  `json:"at"`
	Asked    string     `json:"asked"`
	Messages []Timeline `json:"messages"` // the newest first, at most 20
	More     bool       `json:"more"`     // there are older ones
	// Said is what other sources know of a Message-ID, where no message of it was captured.
	Said []Said `json:"said,omitempty"`
}

// TraceSchema names the shape of Trace.
const TraceSchema = "posthouse.trace/1"

// Timeline is the whole story of one captured message.
type Timeline struct {
	Capture    string    `json:"capture"`
	At         time.Time `json:"at"` // when it was captured
	MessageID  string    `json:"message_id,omitempty"`
	From       string    `json:"from"` // reverse path; "" is the null sender
	Recipients []string  `json:"recipients"`
	Size       int64     `json:"size"`
	SHA256     string    `json:"sha256,omitempty"` // of the octets as received, while they are kept
	Route      string    `json:"route"`
	Listener   string    `json:"listener"`
	Client     string    `json:"client"` // IP address
	Name       string    `json:"name"`   // as the client called itself
	TLS        string    `json:"tls,omitempty"`
	Checks     string    `json:"checks,omitempty"`   // what was found out about the sender, as Authentication-Results says it
	Unwanted   bool      `json:"unwanted,omitempty"` // nobody can have waited for it: it does not count as use
	Kept       bool      `json:"kept"`               // the message can be exported and sent again: its retention is not over
	Steps      []Step    `json:"steps"`              // by time
	Said       []Said    `json:"said,omitempty"`     // what logs and old mailboxes tell of the same Message-ID, by time
	Deliveries []Queued  `json:"deliveries"`         // how each stands now, copies for the old server too
	Safe       bool      `json:"safe"`               // every delivery that is waited for ended well
}

// Step is one thing that happened to one delivery.
type Step struct {
	At          time.Time `json:"at"`
	Delivery    int64     `json:"delivery"`
	To          string    `json:"to"`
	Destination string    `json:"destination"`
	State       string    `json:"state"`           // that it entered
	Act         string    `json:"act,omitempty"`   // what a person did
	Reply       string    `json:"reply,omitempty"` // the far end's words
	Reason      string    `json:"reason,omitempty"`
	Class       string    `json:"class,omitempty"`   // what the far end refused it for
	Rescued     bool      `json:"rescued,omitempty"` // put into the mailbox, as SMTP refused it
	Seen        string    `json:"seen,omitempty"`    // where in the mailbox
	Next        time.Time `json:"next,omitzero"`     // of the next attempt
	Copy        bool      `json:"copy,omitempty"`    // of a best-effort copy for the old server
}

// Said is what a source told of a message: a log, or an old mailbox in which it appeared.
type Said struct {
	At      time.Time `json:"at"`
	Source  string    `json:"source"`
	Channel string    `json:"channel"`          // arriving, sending, delivered
	Sender  string    `json:"sender,omitempty"` // who brought it: a sending system, or a user
	Client  string    `json:"client,omitempty"` // from where
	From    string    `json:"from,omitempty"`
	Mailbox string    `json:"mailbox,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	State   string    `json:"state,omitempty"` // of what was delivered on the old side: open, seen, missing, accepted, foreign
}

// Add takes a delivery and its steps into the story.
func (t *Timeline) Add(q Queued, steps []Step) {
	t.Deliveries = append(t.Deliveries, q)
	t.Steps = append(t.Steps, steps...)
	slices.SortStableFunc(t.Steps, func(a, b Step) int { return a.At.Compare(b.At) })
}
