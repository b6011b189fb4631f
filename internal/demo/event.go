package demo

import "time"

// Schema names the shape of Event.
const Schema = "posthouse.demo/1"

// Kind says what happened.
type Kind string

const (
	Opened   Kind = "opened"   // the servers listen
	Copying  Kind = "copying"  // how far the first copy is; again and again
	Copied   Kind = "copied"   // the first copy is done and was compared
	Switched Kind = "switched" // the MX records
	Killed   Kind = "killed"   // the service was killed and everything it had in hand was delivered
	Moved    Kind = "moved"    // the last mailboxes got a new home
	Day      Kind = "day"      // what one day brought
	Passing  Kind = "passing"  // time, with what came so far; again and again
	Late     Kind = "late"     // the last late message was taken
	Waiting  Kind = "waiting"  // what the verdict waits for; again and again
	Ready    Kind = "ready"    // the verdict
	Verified Kind = "verified" // what posthouse's own verification found
	Compared Kind = "compared" // what the comparison beside it found: the end
	Holding  Kind = "holding"  // everything stays up
)

// Event is one thing that the demonstration tells. Only the fields of its kind are set.
type Event struct {
	Schema string    `json:"schema"`
	Kind   Kind      `json:"event"`
	At     time.Time `json:"at"`  // on the demonstration's clock
	Day    int       `json:"day"` // days since its beginning
	// Real is how many seconds of real time have passed.
	Real float64 `json:"real_seconds"`

	Opened   *Servers    `json:"servers,omitempty"`
	Copy     *Copy       `json:"copy,omitempty"`
	Crash    *Crash      `json:"crash,omitempty"`
	Traffic  *Traffic    `json:"traffic,omitempty"`
	Sender   string      `json:"sender,omitempty"`
	Verdict  *Verdict    `json:"verdict,omitempty"`
	Verify   *Verify     `json:"verify,omitempty"`
	Compared *Comparison `json:"compared,omitempty"`
	Logins   []Login     `json:"logins,omitempty"`
	Failed   string      `json:"failed,omitempty"` // why it did not come to its end
}

// Servers is where everything is reached, and how much there is.
type Servers struct {
	OldIMAP      string `json:"old_imap"`
	OldSMTP      string `json:"old_smtp"`
	NewIMAP      string `json:"new_imap"`
	NewSMTP      string `json:"new_smtp"`
	OldDAV       string `json:"old_dav"` // calendars and address books
	NewDAV       string `json:"new_dav"`
	Listener     string `json:"listener"`
	Program      string `json:"program"`
	Config       string `json:"config"`
	Mailboxes    int    `json:"mailboxes"`
	Messages     int    `json:"messages"`
	Events       int    `json:"events"`
	Contacts     int    `json:"contacts"`
	Octets       int64  `json:"octets"`
	Senders      int    `json:"senders"`
	HoursASecond int    `json:"hours_a_second"`
}

// Copy is how far the first copy is. Missing is set by Copied only.
type Copy struct {
	Done    int `json:"done"`
	Total   int `json:"total"`
	Missing int `json:"missing"`
}

// Crash tells of the kill.
type Crash struct {
	InHand    int     `json:"in_hand"`   // messages that were promised and not yet safe
	Accepted  int     `json:"accepted"`  // of them by the new server, whose reply was lost
	Restarted float64 `json:"restarted"` // seconds until the service answered again
	Delivered int     `json:"delivered"`
	Twice     int     `json:"twice"`
}

// Traffic counts messages: in all of the demonstration so far, or of one day.
type Traffic struct {
	Listener int `json:"listener"` // taken by posthouse's listener
	Old      int `json:"old"`      // delivered into the old mailboxes, past it
	Sent     int `json:"sent"`     // sent by people on the old side
	New      int `json:"new"`      // came by the new MX records
	Logins   int `json:"logins"`   // on the old server
	Unwanted int `json:"unwanted"` // attempts that the listener refused
}

// Verdict is what the service says.
type Verdict struct {
	Server  string   `json:"server"`  // may the mailbox server stop?
	Address string   `json:"address"` // may the old address go silent?
	Reasons []string `json:"reasons,omitempty"`
	// Quiet is how many hours of silence were watched, Needed how many are asked for.
	Quiet  int `json:"quiet_hours"`
	Needed int `json:"needed_hours"`
}

// Verify is what posthouse's own verification found.
type Verify struct {
	Mailboxes int `json:"mailboxes"`
	Equal     int `json:"equal"`
	Missing   int `json:"missing"`
	Extra     int `json:"extra"`
	// Findings names the first of them.
	Findings []string `json:"findings,omitempty"`
}

// Login is how to look around.
type Login struct {
	User        string `json:"user"`
	OldPassword string `json:"old_password"`
	NewPassword string `json:"new_password"`
}
