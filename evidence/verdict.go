package evidence

import "time"

// State is what a verdict comes to.
type State string

const (
	Ready  State = "ready"
	NotYet State = "not yet"
	Blind  State = "blind"
)

// Code names the kind of a reason, for programs.
type Code string

// In order of weight.
const (
	Unrequired Code = "unrequired" // no source is required: nobody watches
	Unseen     Code = "unseen"     // no required source tells of a use that counts
	Unwatched  Code = "unwatched"  // a required source is not watched now
	Uncovered  Code = "uncovered"  // a required source was watched too little
	NoContact  Code = "no contact" // the outside world does not reach a listener
	Unknown    Code = "unknown"    // nobody looked whether work is open
	Unsettled  Code = "unsettled"
	Held       Code = "held"
	Undisposed Code = "undisposed"
	Missing    Code = "missing" // delivered on the old side, and on neither side now
	Unverified Code = "unverified"
	Problem    Code = "problem"
	MXRecord   Code = "mx record" // it still leads mail to the old side
	Session    Code = "session"   // somebody is logged in now
	Used       Code = "used"      // wanted use within the quiet period
	Hidden     Code = "hidden"    // clients hide behind one address: who sends there cannot be named
	Expected   Code = "expected"  // too much may still come, by the sender book
	Likely     Code = "likely"    // somebody who may still come
	Unheard    Code = "unheard"   // somebody may come who was never seen
	Short      Code = "short"     // quiet, but not yet for long enough, or not watched for long enough
)

// Reason is one thing that keeps a verdict from being ready.
type Reason struct {
	Code    Code      `json:"code"`
	Text    string    `json:"text"`              // one line for people, without times that go stale
	Channel Channel   `json:"channel,omitempty"` // of a use
	Sources []string  `json:"sources,omitempty"`
	Senders []string  `json:"senders,omitempty"` // senders, devices, users or mailboxes
	Since   time.Time `json:"since,omitzero"`    // of the last use, or of the beginning of a state
	Help    string    `json:"help,omitempty"`    // what would help
}

// Verdict is the answer of Judge.
type Verdict struct {
	About   string    `json:"about"` // Policy.Verdict
	State   State     `json:"state"`
	At      time.Time `json:"at"`
	Reasons []Reason  `json:"reasons"` // the weightiest first; none when ready

	// Earliest is when the verdict can be ready if nothing more arrives, all open work is done by then, sessions end now, and every source is
	// watched from now on. Zero where there is no such time: no source is required, or none tells of a use that counts.
	Earliest time.Time `json:"earliest,omitzero"`

	LastUse time.Time     `json:"last_use,omitzero"` // the latest use that counts; zero if there was none
	Quiet   time.Duration `json:"quiet"`             // time since then in which all required sources were watched, nanoseconds
	Needed  time.Duration `json:"needed"`            // Policy.Quiet
	Fresh   int           `json:"fresh"`             // required sources that are watched now
	Sources int           `json:"sources"`           // required sources
	Blind   time.Duration `json:"blind"`             // time of the window in which not all required sources were watched
	Window  time.Duration `json:"window"`            // Policy.Window, or less while watching is young
	Floor   Floor         `json:"floor"`

	Leftover Leftover `json:"leftover,omitzero"` // nothing where the sender book does not know the past, or is not asked
}

// Leftover is what the sender book expects within a horizon.
type Leftover struct {
	Horizon  time.Duration `json:"horizon"`
	Chance   float64       `json:"chance"`   // that anything wanted comes
	Allowed  float64       `json:"allowed"`  // Policy.Chance
	Expected float64       `json:"expected"` // mean number of uses
	Upper    float64       `json:"upper"`    // no more in 95 of 100 such cases
	// Sooner are those after whom, were they accepted or seen on the new side, the rest would be allowed: the likeliest, as few as suffice.
	Sooner []string `json:"sooner,omitempty"`
}

// Floor is the bound that holds for any pattern of arrivals: after Quiet without one, at most Bound are to be expected within Horizon, at 95 %
// (the rule of three). It is shown; it decides nothing.
type Floor struct {
	Quiet   time.Duration `json:"quiet"`
	Horizon time.Duration `json:"horizon"`
	Bound   float64       `json:"bound"` // 3·Horizon/Quiet; meaningless while Quiet is 0
}

func floorOf(quiet, horizon time.Duration) Floor {
	f := Floor{Quiet: quiet, Horizon: horizon}
	if quiet > 0 {
		f.Bound = 3 * float64(horizon) / float64(quiet)
	}
	return f
}
