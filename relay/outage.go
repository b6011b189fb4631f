package relay

import (
	"slices"
	"strings"
	"sync"
	"time"

	"posthouse/internal/pace"
)

// Outage is a destination that takes nothing: it cannot be reached, or asked to be left alone.
type Outage struct {
	Destination string
	Since       time.Time // of the first attempt that told so
	Words       string    // of the last one
	Retry       time.Time // when it is tried again
}

// outage is what a lane knows of it.
type outage struct {
	mu    sync.Mutex
	since time.Time // zero: there is none
	words string
}

func (o *outage) note(words string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.since = now
	}
	o.words = words
}

func (o *outage) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.since, o.words = time.Time{}, ""
}

// stale is how long after the time for its next attempt a destination without one is told of no more: nothing waits for it, so that nobody knows whether it is back.
const stale = 5 * time.Minute

// Outages are the destinations that are left alone at present, by name.
func (c *Courier) Outages(now time.Time) []Outage {
	var all []Outage
	for _, l := range c.allLanes() {
		l.outage.mu.Lock()
		o := Outage{Destination: l.name, Since: l.outage.since, Words: l.outage.words, Retry: c.shown(l.breaker.Retry())}
		l.outage.mu.Unlock()
		if !o.Since.IsZero() && l.breaker.State() != pace.Closed && now.Sub(o.Retry) < stale {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b Outage) int { return strings.Compare(a.Destination, b.Destination) })
	return all
}
