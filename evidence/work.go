package evidence

import (
	"slices"
	"time"
)

// OpenWork is what is still to be done before anything may be switched off. The daemon knows it; the observations do not.
type OpenWork struct {
	At         time.Time `json:"at"`         // when this was found out; zero: nobody looked, and nothing is ready
	Unsettled  Work      `json:"unsettled"`  // wanted captures that are not yet safe in the cloud
	Held       Work      `json:"held"`       // deliveries that wait for a person's decision
	Undisposed Work      `json:"undisposed"` // items without a disposition
	Unverified Work      `json:"unverified"` // mailboxes that were not compared on both sides, or not since they changed
	Missing    Work      `json:"missing"`    // messages that were delivered on the old side and lie on neither side now
	Problems   Work      `json:"problems"`   // mailboxes that cannot be copied or followed now
	Led        []Led     `json:"led,omitempty"`
	Crowds     []Crowd   `json:"crowds,omitempty"`
}

// Work is one kind of open work.
type Work struct {
	Count int       `json:"count"`
	Since time.Time `json:"since,omitzero"` // of the oldest
	Names []string  `json:"names,omitempty"`
}

func (w OpenWork) clone() OpenWork {
	for _, work := range []*Work{&w.Unsettled, &w.Held, &w.Undisposed, &w.Unverified, &w.Missing, &w.Problems} {
		work.Names = slices.Clone(work.Names)
	}
	w.Led, w.Crowds = cloneLed(w.Led), cloneCrowds(w.Crowds)
	return w
}
