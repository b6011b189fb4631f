package control

import (
	"time"

	"posthouse/evidence"
)

// Status is everything at a glance.
type Status struct {
	Schema       string    `json:"schema"` // "posthouse.status/1"
	At           time.Time `json:"at"`
	Version      string    `json:"version"`
	Organisation string    `json:"organisation,omitempty"`
	Domains      []string  `json:"domains"`
	Since        time.Time `json:"since"` // when this process started

	Server  evidence.Verdict `json:"server"`  // may the mailbox server stop?
	Address evidence.Verdict `json:"address"` // may the old address go silent?

	Arriving  Arriving    `json:"arriving"`
	Copy      Copy        `json:"copy"`
	Queue     Queue       `json:"queue"`
	Mailboxes []Mailbox   `json:"mailboxes"`
	Sources   []Source    `json:"sources"`
	Unknown   []Unknown   `json:"unknown_recipients,omitempty"`
	Listeners []Listening `json:"listeners"`
	Config    Loaded      `json:"config"`
}

// StatusSchema names the shape of Status.
const StatusSchema = "posthouse.status/1"

// Listening is a listener and where it is reached.
type Listening struct {
	Name    string `json:"name"`
	Role    string `json:"role"`
	Address string `json:"address"`
}

// Loaded tells which configuration is in use.
type Loaded struct {
	File string    `json:"file"`
	At   time.Time `json:"at"`
}

// Arriving counts captured mail.
type Arriving struct {
	Today int       `json:"today"` // since midnight UTC
	Week  int       `json:"week"`  // in the last 7 days
	Last  time.Time `json:"last,omitzero"`
}

// Copy sums up the mailboxes.
type Copy struct {
	Mailboxes int   `json:"mailboxes"`
	Caught    int   `json:"caught_up"` // have settled everything at least once
	Following int   `json:"following"`
	Problems  int   `json:"problems"`
	Messages  int   `json:"messages"` // with a disposition
	Total     int   `json:"total"`    // on the old server when last listed
	Bytes     int64 `json:"bytes"`    // of the messages with a disposition
	// BytesTotal is an estimate while the copy runs: the average size so far, times Total.
	BytesTotal int64 `json:"bytes_total"`
}

// Queue is what was captured and is not settled.
type Queue struct {
	Due      int       `json:"due"`
	Sending  int       `json:"sending"`
	InDoubt  int       `json:"in_doubt"`
	Accepted int       `json:"accepted"` // by the next hop, not yet seen in the mailbox
	Held     int       `json:"held"`
	Settled  int       `json:"settled"`
	Waiting  []Waiting `json:"waiting,omitempty"` // the oldest, at most 20
	// Unseen are accepted deliveries that nobody saw in the mailbox for too long: look into quarantine and rules.
	Unseen []Waiting `json:"unseen,omitempty"`
}

// Waiting is one delivery that is not settled.
type Waiting struct {
	Capture     string    `json:"capture"`
	At          time.Time `json:"at"`
	From        string    `json:"from"`
	To          string    `json:"to"`
	Size        int64     `json:"size"`
	Destination string    `json:"destination"`
	State       string    `json:"state"`
	Attempts    int       `json:"attempts"`
	Next        time.Time `json:"next,omitzero"`
	Why         string    `json:"why"`
}

// Mailbox is one mailbox's copy.
type Mailbox struct {
	Address string           `json:"address"`
	Home    string           `json:"home"`
	State   string           `json:"state"`
	Folders int              `json:"folders"`
	Done    int              `json:"done"`
	Total   int              `json:"total"`
	Bytes   int64            `json:"bytes"`
	Folder  string           `json:"folder,omitempty"` // being worked on
	Error   string           `json:"error,omitempty"`
	Next    time.Time        `json:"next,omitzero"`
	Caught  time.Time        `json:"caught_up_at,omitzero"`
	Skipped []Skipped        `json:"skipped,omitempty"`
	Items   map[string]int   `json:"items,omitempty"` // by disposition
	Octets  map[string]int64 `json:"octets,omitempty"`
}

// Skipped is a folder that is listed and not copied.
type Skipped struct {
	Folder string `json:"folder"`
	Why    string `json:"why"`
}

// Source is one source of evidence.
type Source struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"`
	Required bool      `json:"required"`
	Fresh    bool      `json:"fresh"` // being watched now
	LastRead time.Time `json:"last_read,omitzero"`
	LastLine time.Time `json:"last_line,omitzero"`
	Blind    string    `json:"blind,omitempty"` // why, if it is
}

// Unknown is an address in our domains that somebody wrote to and no list knows.
type Unknown struct {
	Address string    `json:"address"`
	Count   int       `json:"count"`
	Last    time.Time `json:"last"`
}

// Verified is the result of verifying one mailbox: one line of the answer's stream.
type Verified struct {
	Schema  string    `json:"schema"` // "posthouse.verify/1"
	Mailbox string    `json:"mailbox"`
	At      time.Time `json:"at"`
	Equal   int       `json:"equal"`
	Skipped int       `json:"skipped"`
	Moved   int       `json:"moved"`
	Missing []Finding `json:"missing,omitempty"`
	Extra   []Finding `json:"extra,omitempty"`
	Error   string    `json:"error,omitempty"` // the mailbox could not be read
}

// VerifySchema names the shape of Verified.
const VerifySchema = "posthouse.verify/1"

// Finding names one item.
type Finding struct {
	Folder    string `json:"folder"`
	Ref       string `json:"ref"`
	MessageID string `json:"message_id,omitempty"`
	Why       string `json:"why"`
}

// Error is what a failed request is answered with.
type Error struct {
	Schema string `json:"schema"` // "posthouse.error/1"
	Text   string `json:"error"`
}

// ErrorSchema names the shape of Error.
const ErrorSchema = "posthouse.error/1"
