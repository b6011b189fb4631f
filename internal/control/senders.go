package control

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"posthouse/evidence"
)

// Book is what the running process answers about those who use the old side.
type Book interface {
	// Senders is the sender book.
	Senders(ctx context.Context) (Senders, error)
	// AcceptSenders lets those named go on as they do, on the word of who, or takes that back, and calls yield for each. A name that nobody has is refused.
	AcceptSenders(ctx context.Context, who string, names []string, undo bool, yield func(Accepted) error) error
}

// Senders is the sender book: everybody who used the old side, the likeliest to use it again first.
type Senders struct {
	Schema   string            `json:"schema"` // SendersSchema
	At       time.Time         `json:"at"`
	Domains  []string          `json:"domains"`
	Switched time.Time         `json:"switched,omitzero"` // the MX record; zero: not known
	Senders  []evidence.Sender `json:"senders"`           // never null
	Accepted []Accepted        `json:"accepted"`          // by a person, by name; never null
}

// Accepted is a name that may go on using the old side.
type Accepted struct {
	Schema string    `json:"schema"` // AcceptedSchema
	Name   string    `json:"name"`
	By     string    `json:"by"` // who said so; "configuration" for verdict.accepted
	At     time.Time `json:"at,omitzero"`
	Undone bool      `json:"undone,omitempty"`
	Error  string    `json:"error,omitempty"` // of a stream that ends too early
}

// The names of the shapes of Senders and Accepted.
const (
	SendersSchema  = "posthouse.senders/1"
	AcceptedSchema = "posthouse.accepted/1"
)

// Senders asks for the sender book.
func (c *Client) Senders(ctx context.Context) (Senders, error) {
	return ask[Senders](ctx, c, "/senders", nil, "asking for the senders")
}

// AcceptSenders lets those named go on as they do, or takes that back, and calls yield for each.
func (c *Client) AcceptSenders(ctx context.Context, names []string, undo bool, yield func(Accepted) error) error {
	query := url.Values{"name": names}
	if undo {
		query.Set("undo", "")
	}
	body, err := c.do(ctx, http.MethodPost, "/senders/accept", query)
	if err != nil {
		return fmt.Errorf("accepting senders: %w", err)
	}
	return wrapped("accepting senders", lines(body, AcceptedSchema, func(a Accepted) (string, string) { return a.Schema, a.Error }, yield))
}

func handleBook(mux *http.ServeMux, running context.Context, s Service) {
	mux.HandleFunc("GET /senders", guarded(s, told(s.Senders)))
	mux.HandleFunc("POST /senders/accept", guarded(s, streamed(running, func(ctx context.Context, r *http.Request, yield func(Accepted) error) error {
		by, _ := r.Context().Value(whoKey{}).(string)
		return s.AcceptSenders(ctx, by, r.URL.Query()["name"], r.URL.Query().Has("undo"), yield)
	})))
}
