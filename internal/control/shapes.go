package control

import (
	"time"

	"posthouse/evidence"
)

// Status is everything at a glance. Instants are RFC 3339, in UTC; sizes are octets; lengths of time are nanoseconds. Lists that stand here without omitempty are
// never null.
type Status struct {
	Schema       string    `json:"schema"` // StatusSchema
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
	Mailboxes []Mailbox   `json:"mailboxes"` // by address
	Sources   []Source    `json:"sources"`
	Unknown   []Unknown   `json:"unknown_recipients,omitempty"`
	Asked     []Asked     `json:"asked_servers,omitempty"` // about recipients that no list has
	Listeners []Listening `json:"listeners"`               // by name; one that listens on several addresses stands here once for each
	Hidden    []Hidden    `json:"hidden_clients,omitempty"`
	Config    Loaded      `json:"config"`
	Trouble   []string    `json:"trouble,omitempty"` // what somebody should look at now: what this process cannot do, mail that is late or was not seen
	DNS       []Domain    `json:"dns,omitempty"`     // the domains that were looked at
	NoDNS     string      `json:"no_dns,omitempty"`  // why DNS is not watched; "" where it is
}

// StatusSchema names the shape of Status.
const StatusSchema = "posthouse.status/1"

// NewStatus is a Status that tells nothing yet.
func NewStatus() Status {
	return Status{
		Schema: StatusSchema, Domains: []string{}, Mailboxes: []Mailbox{}, Sources: []Source{}, Listeners: []Listening{},
		Server: evidence.Verdict{Reasons: []evidence.Reason{}}, Address: evidence.Verdict{Reasons: []evidence.Reason{}},
	}
}

// Listening is a listener and an address at which it is reached.
type Listening struct {
	Name        string `json:"name"`
	Role        string `json:"role"`        // mx, submission or devices
	Address     string `json:"address"`     // host:port
	Connections int    `json:"connections"` // open at the moment, at all addresses of the listener
	// Certificate is what it shows to clients that ask for no other name; nothing where there is no TLS.
	Certificate Certificate `json:"certificate,omitzero"`
}

// Certificate is one that a listener shows.
type Certificate struct {
	Names      []string  `json:"names"`
	Until      time.Time `json:"until"`
	SelfSigned bool      `json:"self_signed,omitempty"` // by us, as none is configured
}

// Hidden is a private address behind which many clients hide: who sends there cannot be named.
type Hidden struct {
	Address string    `json:"address"`
	Names   []string  `json:"names"` // unrelated ones by which they greeted, the latest first
	Last    time.Time `json:"last"`  // when the latest was seen
}

// Loaded tells which configuration is in use.
type Loaded struct {
	File string    `json:"file"`
	At   time.Time `json:"at"` // of the start or the last reload
	// Refused is the last reload, if it was refused: what runs is not what the file says.
	Refused Refused `json:"refused,omitzero"`
}

// Refused is a configuration that a reload could not take over.
type Refused struct {
	At     time.Time `json:"at"` // of the reload
	Errors int       `json:"errors"`
	First  string    `json:"first"` // of the errors, with its place
}

// Arriving counts wanted mail taken by the listeners.
type Arriving struct {
	Today int       `json:"today"` // since midnight UTC
	Week  int       `json:"week"`  // today and the six days before
	Last  time.Time `json:"last,omitzero"`
}

// Copy sums up the mailboxes.
type Copy struct {
	Mailboxes int   `json:"mailboxes"`
	Caught    int   `json:"caught_up"` // have settled everything at least once
	Following int   `json:"following"`
	Problems  int   `json:"problems"`
	Waiting   int   `json:"waiting"`  // were asked to wait by a server: nothing is wrong
	Messages  int   `json:"messages"` // with a disposition
	Total     int   `json:"total"`    // on the old server when last listed, or messages if that is more: some were deleted there since
	Bytes     int64 `json:"bytes"`    // of the messages with a disposition
	Repaired  int   `json:"repaired"` // messages among them that the cloud took only after a repair
	// Events and Contacts have a disposition, of so many on the old server.
	Events        int `json:"events,omitempty"`
	EventsTotal   int `json:"events_total,omitempty"`
	Contacts      int `json:"contacts,omitempty"`
	ContactsTotal int `json:"contacts_total,omitempty"`
	// BytesTotal is an estimate while the copy runs: the average size so far, times Total.
	BytesTotal int64 `json:"bytes_total"`
}

// Add takes one mailbox into the sum.
func (c *Copy) Add(m Mailbox) {
	c.Mailboxes++
	c.Messages += m.Done
	c.Total += m.Total
	c.Bytes += m.Bytes
	c.Repaired += m.Repaired
	if o := m.Objects; o != nil {
		c.Events, c.EventsTotal = c.Events+o.Events, c.EventsTotal+o.EventsTotal
		c.Contacts, c.ContactsTotal = c.Contacts+o.Contacts, c.ContactsTotal+o.ContactsTotal
	}
	if !m.Caught.IsZero() {
		c.Caught++
	}
	if m.State == "following" {
		c.Following++
	}
	if o := m.Objects; m.State == "problem" || o != nil && o.Error != "" {
		c.Problems++
	}
	if o := m.Objects; m.Wait != "" || o != nil && o.Wait != "" {
		c.Waiting++
	}
}

// Estimate sets BytesTotal, when all are added.
func (c *Copy) Estimate() {
	if c.Messages > 0 {
		c.BytesTotal = max(c.Bytes, int64(float64(c.Bytes)/float64(c.Messages)*float64(c.Total)))
	}
}

// Queue counts required deliveries by state and lists those that wait. Best-effort copies (the tee) are not counted.
type Queue struct {
	Due      int `json:"due"`
	Sending  int `json:"sending"`
	InDoubt  int `json:"in_doubt"` // the final reply was not seen: the mailbox is being asked
	Accepted int `json:"accepted"` // by the next hop, not yet seen in the mailbox
	Held     int `json:"held"`     // for a person
	Quiet    int `json:"quiet"`    // refused as spam or virus: kept, and nobody needs to look
	Settled  int `json:"settled"`
	NotSeen  int `json:"not_seen"` // accepted, and not seen in the mailbox for too long
	// Waiting are first the held ones, at most 100, then those due, sending or in doubt, at most 20; of both the oldest.
	Waiting []Waiting `json:"waiting,omitempty"`
	// Unseen are the oldest of NotSeen, at most 20: look into quarantine and rules.
	Unseen []Waiting `json:"unseen,omitempty"`
}

// Waiting is one delivery that is not settled.
type Waiting struct {
	Capture     string    `json:"capture"`
	At          time.Time `json:"at"`   // when it was captured
	From        string    `json:"from"` // reverse path; "" is the null sender
	To          string    `json:"to"`
	Size        int64     `json:"size"`
	Destination string    `json:"destination"` // SERVER:smtp or SERVER:mailbox
	State       string    `json:"state"`       // due, sending, in doubt, accepted, held, quiet, settled, dropped
	Attempts    int       `json:"attempts"`
	Next        time.Time `json:"next,omitzero"`       // of the next attempt or question
	SentAgain   time.Time `json:"sent_again,omitzero"` // in doubt: when, unless it shows up before; absent while its mailbox does not answer
	Why         string    `json:"why"`                 // why it is held, else the last reply
	Class       string    `json:"class,omitempty"`     // what it waits for, by name; once it does not wait, what it was refused for before it went another way
	What        string    `json:"what,omitempty"`      // what it waits for, in a few words
	Remedy      string    `json:"remedy,omitempty"`    // what a person can do about it
	Notice      string    `json:"notice,omitempty"`    // after a day: a message to its sender, ready to be sent by a person
}

// Mailbox is one mailbox's copy.
type Mailbox struct {
	Address  string    `json:"address"`
	Home     string    `json:"home"` // legacy or cloud; "" for one that is gone
	Wave     string    `json:"wave,omitempty"`
	State    string    `json:"state"` // waiting, copying, following, not followed, problem
	Folders  int       `json:"folders"`
	Done     int       `json:"done"`  // messages with a disposition
	Total    int       `json:"total"` // on the old server when last listed, or done if that is more: some were deleted there since
	Bytes    int64     `json:"bytes"`
	Repaired int       `json:"repaired,omitempty"` // messages among those done that the cloud took only after a repair
	Folder   string    `json:"folder,omitempty"`   // being worked on
	Error    string    `json:"error,omitempty"`
	Wait     string    `json:"wait,omitempty"` // while waiting because a server asked to: its name and its words
	Next     time.Time `json:"next,omitzero"`  // of the next try after an error, or the end of the wait
	Caught   time.Time `json:"caught_up_at,omitzero"`
	Gone     bool      `json:"gone,omitempty"` // a reload took it out of the configuration: it is followed until the restart, and not verified
	Skipped  []Skipped `json:"skipped,omitempty"`
	LeftOut  []LeftOut `json:"keywords_left_out,omitempty"` // by the copies, since the first; the most frequent of each folder first
	Objects  *Objects  `json:"calendars,omitempty"`         // its calendars and address books, where both sides have them
}

// Objects are a mailbox's calendars and address books. They are copied and followed beside its mail.
type Objects struct {
	State         string    `json:"state"` // as of a mailbox
	Folders       int       `json:"folders"`
	Events        int       `json:"events"`       // with a disposition
	EventsTotal   int       `json:"events_total"` // on the old server when last listed
	Contacts      int       `json:"contacts"`
	ContactsTotal int       `json:"contacts_total"`
	Repaired      int       `json:"repaired,omitempty"`
	Folder        string    `json:"folder,omitempty"`
	Error         string    `json:"error,omitempty"`
	Wait          string    `json:"wait,omitempty"`
	Next          time.Time `json:"next,omitzero"`
	Caught        time.Time `json:"caught_up_at,omitzero"`
	Skipped       []Skipped `json:"skipped,omitempty"`
}

// Left is how many of them have no disposition yet.
func (o *Objects) Left() int {
	if o == nil {
		return 0
	}
	return o.EventsTotal - o.Events + o.ContactsTotal - o.Contacts
}

// LeftOut counts the messages of a folder whose copies are without a keyword that the cloud does not take.
type LeftOut struct {
	Folder   string `json:"folder"`
	Keyword  string `json:"keyword"`
	Messages int    `json:"messages"`
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

// Asked is a server that is asked about recipients that no list has. Counts are of this process.
type Asked struct {
	Server    string    `json:"server"`
	Side      string    `json:"side"`
	Knows     []string  `json:"knows,omitempty"` // domains in which it refused an address that nobody can have
	Mute      []string  `json:"mute,omitempty"`  // domains in which it takes every address, and so knows nothing
	Questions int       `json:"questions"`
	Known     int       `json:"known"`    // addresses
	Unknown   int       `json:"unknown"`  // addresses
	Deferred  int       `json:"deferred"` // questions that it did not answer
	Limited   int       `json:"limited"`  // questions that were not put: there were too many
	Down      bool      `json:"down,omitempty"`
	Trouble   string    `json:"trouble,omitempty"` // what was the matter when it last gave no answer
	TroubleAt time.Time `json:"trouble_at,omitzero"`
}

// Verified is the result of verifying one mailbox: one line of the answer's stream.
type Verified struct {
	Schema   string    `json:"schema"` // VerifySchema
	Mailbox  string    `json:"mailbox"`
	At       time.Time `json:"at"`
	Equal    int       `json:"equal"`                       // messages of the old server that lie in the cloud
	Captured int       `json:"captured"`                    // messages that our listeners took for it and that lie in the cloud
	Skipped  int       `json:"skipped"`                     // by rule, or refused by the cloud and saved
	Moved    int       `json:"moved"`                       // in the cloud, in another folder than where they were put
	Merged   int       `json:"merged,omitempty"`            // among those equal: share a copy with an equal message, as the cloud keeps one of them
	Missing  []Finding `json:"missing,omitempty"`           // from the cloud
	Extra    []Finding `json:"extra,omitempty"`             // in the cloud more often than they should be
	Altered  []Finding `json:"altered,omitempty"`           // have another body in the cloud
	Bodies   int       `json:"bodies"`                      // were compared; 0 where the cloud renders messages anew
	Removed  []Finding `json:"removed,omitempty"`           // were seen in the cloud and are there no more: removed by a user or a rule
	LeftOut  []LeftOut `json:"keywords_left_out,omitempty"` // which is no difference
	Events   int       `json:"events,omitempty"`            // of the old server that lie in the cloud
	Contacts int       `json:"contacts,omitempty"`
	Edited   int       `json:"edited,omitempty"` // events and contacts among those equal that were changed in the cloud, and stay so
	Noted    []Finding `json:"noted,omitempty"`  // events and contacts of which somebody should know: changed on both sides, or their changes notify nobody
	Lost     []Loss    `json:"lost,omitempty"`   // events and contacts of which the cloud's server lost a part, or changed it, when it wrote them anew
	Error    string    `json:"error,omitempty"`  // the mailbox could not be read
}

// Loss is an event or contact of which the cloud's server lost a part.
type Loss struct {
	Finding
	Title      string   `json:"title,omitempty"` // what a person calls it: its SUMMARY or FN on the old side
	Properties []string `json:"properties"`      // that the copy lacks, or has with other values
}

// VerifySchema names the shape of Verified.
const VerifySchema = "posthouse.verify/1"

// Backfilled says that one mailbox is up to date, or why it is not: one line of the answer's stream.
type Backfilled struct {
	Schema   string    `json:"schema"` // BackfillSchema
	Mailbox  string    `json:"mailbox"`
	At       time.Time `json:"at"`
	Refused  int       `json:"refused"`         // messages that the cloud would not take, of all passes; each is saved as a file
	Skipped  int       `json:"skipped"`         // messages left out by rule (marked as deleted), of all passes
	Repaired int       `json:"repaired"`        // messages that it took only after a repair, of all passes; the original of each is saved as a file
	Error    string    `json:"error,omitempty"` // what kept it from being done
}

// BackfillSchema names the shape of Backfilled.
const BackfillSchema = "posthouse.backfill/1"

// Planned says where the items of one mailbox will go: one line of the answer's stream. Nothing was changed to find it out.
type Planned struct {
	Schema  string          `json:"schema"` // PlanSchema
	Mailbox string          `json:"mailbox"`
	At      time.Time       `json:"at"`
	Folders []PlannedFolder `json:"folders"`         // as the old server lists them
	Error   string          `json:"error,omitempty"` // the mailbox could not be read
}

// PlannedFolder is one folder of the old server and what will become of it.
type PlannedFolder struct {
	Folder  string   `json:"folder"`
	Kind    string   `json:"kind,omitempty"`    // what its items are: calendar (events), contacts; messages without it
	Skipped string   `json:"skipped,omitempty"` // why it is not copied; then the rest says nothing
	Items   int      `json:"items"`
	To      string   `json:"to,omitempty"`    // the folder in the cloud
	New     bool     `json:"new"`             // it is not there yet
	There   int      `json:"there"`           // items that it holds already
	Renamed bool     `json:"renamed"`         // the cloud cannot hold the name as it is, or takes it for another folder's
	Clash   []string `json:"clash,omitempty"` // other folders that go to the same one, or may: names that differ in case only
	Error   string   `json:"error,omitempty"` // what kept this folder from being looked at
}

// PlanSchema names the shape of Planned.
const PlanSchema = "posthouse.plan/1"

// Finding names one item.
type Finding struct {
	Folder    string `json:"folder"`
	Ref       string `json:"ref"` // the server's reference, by IMAP the UID
	MessageID string `json:"message_id,omitempty"`
	Why       string `json:"why"`
}

// Error is what a failed request is answered with, and the last line of a stream that could not be ended.
type Error struct {
	Schema string `json:"schema"` // ErrorSchema
	Text   string `json:"error"`
}

// ErrorSchema names the shape of Error.
const ErrorSchema = "posthouse.error/1"
