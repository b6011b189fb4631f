package control

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"posthouse/evidence"
)

// Proof is what the running process answers about its evidence.
type Proof interface {
	// Evidence tells of every source: how well it was watched, and what it saw.
	Evidence(ctx context.Context) (Evidence, error)
	// Export is all that the verdicts are made of.
	Export(ctx context.Context) (evidence.Export, error)
	// Accept takes missing messages for well, on the word of who, and calls yield for each. They are named by their numbers, by a mailbox, or all at once by "all".
	Accept(ctx context.Context, who string, names []string, yield func(Missing) error) error
}

// Evidence is what the verdicts rest on. Instants are UTC, lengths of time nanoseconds.
type Evidence struct {
	Schema  string        `json:"schema"` // EvidenceSchema
	At      time.Time     `json:"at"`
	Window  time.Duration `json:"window"` // over which coverage is measured
	Sources []Watched     `json:"sources"`
	Canary  Canary        `json:"canary"`
	Local   Reconciled    `json:"local_deliveries"`
	Past    Past          `json:"old_mail"`
}

// Past is what the sender book learns from what lies in the old mailboxes.
type Past struct {
	Mailboxes int  `json:"mailboxes"` // that can be read
	Read      int  `json:"read"`      // of them, to the end
	Messages  int  `json:"messages"`  // found so far that others sent
	Systems   int  `json:"systems"`   // that sent them
	Counts    bool `json:"counts"`    // in the book: from when all have been read on
}

// EvidenceSchema names the shape of Evidence.
const EvidenceSchema = "posthouse.evidence/1"

// Watched is one source and how well it was watched.
type Watched struct {
	Source
	File     string    `json:"file,omitempty"`     // being read, or the journal's units
	Since    time.Time `json:"since,omitzero"`     // when it was first watched
	Share    float64   `json:"share"`              // of the window in which it was watched, from 0 to 1; of what passed since, where it is younger
	Gaps     []Gap     `json:"gaps,omitempty"`     // in the window, the oldest first
	LastMail time.Time `json:"last_mail,omitzero"` // stamp of the last line that tells of mail
	LastOwn  time.Time `json:"last_own,omitzero"`  // stamp of the last line that shows our own traffic
	Lines    int       `json:"lines"`              // read in the last 24 hours, of which this process read
	Hour     int       `json:"lines_hour"`         // read in the last hour
	Unparsed float64   `json:"unparsed"`           // share of late lines that were not understood
	Example  string    `json:"example,omitempty"`  // the last of them
	Sessions int       `json:"sessions,omitempty"` // that have not ended
	Today    int       `json:"today"`              // wanted observations since midnight UTC
	Week     int       `json:"week"`               // today and the six days before
	LastUse  time.Time `json:"last_use,omitzero"`  // the latest of them
	Contact  time.Time `json:"contact,omitzero"`   // when the outside last reached a listener
}

// Gap is a stretch of time in which a source was not watched.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Canary is the test traffic of our own that must show up in the sources.
type Canary struct {
	Every time.Duration `json:"every"` // 0: off
	Runs  []CanaryRun   `json:"runs,omitempty"`
}

// CanaryRun is the last test of one kind.
type CanaryRun struct {
	Kind  string    `json:"kind"` // mail, login, listener
	At    time.Time `json:"at"`
	Error string    `json:"error,omitempty"`
	Seen  []string  `json:"seen,omitempty"`   // sources in which it showed up
	Await []string  `json:"await,omitempty"`  // sources in which it may still show up
	Lost  []string  `json:"unseen,omitempty"` // sources in which it did not: they are blind
}

// Reconciled is what became of messages that logs say were delivered on the old side.
type Reconciled struct {
	Open     int       `json:"open"`     // were not looked for yet
	Seen     int       `json:"seen"`     // in their mailbox, or captured; of the last 30 days
	Foreign  int       `json:"foreign"`  // for mailboxes that are none of ours; of the last 30 days
	Accepted int       `json:"accepted"` // missing, and a person said that this is well; of the last 30 days
	Missing  int       `json:"missing"`
	List     []Missing `json:"list"` // the missing ones, the latest first, at most 100
}

// Missing is a message that was delivered on the old side and lies on neither side now.
type Missing struct {
	Schema  string    `json:"schema"` // MissingSchema
	Number  int64     `json:"number"`
	At      time.Time `json:"at"` // of the delivery
	Mailbox string    `json:"mailbox"`
	Message string    `json:"message_id"`
	Source  string    `json:"source"` // the log that tells of it
	Folder  string    `json:"folder,omitempty"`
	Client  string    `json:"client,omitempty"` // who handed it over
	State   string    `json:"state"`
	Note    string    `json:"note,omitempty"`  // what became of it, as far as is known; who accepted it
	Error   string    `json:"error,omitempty"` // of a stream that ends too early
}

// MissingSchema names the shape of Missing.
const MissingSchema = "posthouse.missing/1"

// Evidence asks for it.
func (c *Client) Evidence(ctx context.Context) (Evidence, error) {
	return ask[Evidence](ctx, c, "/evidence", nil, "asking for the evidence")
}

// Export asks for all that the verdicts are made of.
func (c *Client) Export(ctx context.Context) (evidence.Export, error) {
	return ask[evidence.Export](ctx, c, "/evidence/export", nil, "asking for the testimony")
}

// Accept takes missing messages for well, and calls yield for each.
func (c *Client) Accept(ctx context.Context, names []string, yield func(Missing) error) error {
	body, err := c.do(ctx, http.MethodPost, "/evidence/accept", url.Values{"name": names})
	if err != nil {
		return fmt.Errorf("accepting: %w", err)
	}
	return wrapped("accepting", lines(body, MissingSchema, func(m Missing) (string, string) { return m.Schema, m.Error }, yield))
}

func handleProof(mux *http.ServeMux, running context.Context, s Service) {
	mux.HandleFunc("GET /evidence", guarded(s, told(s.Evidence)))
	mux.HandleFunc("GET /evidence/export", guarded(s, told(s.Export)))
	mux.HandleFunc("POST /evidence/accept", guarded(s, streamed(running, func(ctx context.Context, r *http.Request, yield func(Missing) error) error {
		by, _ := r.Context().Value(whoKey{}).(string)
		return s.Accept(ctx, by, r.URL.Query()["name"], yield)
	})))
}
