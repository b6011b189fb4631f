package evidence

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Bounds of a Testimony's memory.
const (
	repeatDays  = 14     // days in which a repeated observation is recognised
	repeatsADay = 50_000 // identities remembered for each of them
	noiseUses   = 5_000  // senders of only unwanted mail that are kept apart; the rest is counted together
)

// Others is the sender under which unwanted mail is counted once there are too many such senders to name.
const Others = "(others)"

// Testimony is what all sources said so far, in aggregates. The zero Testimony knows nothing and is ready to use.
//
// It is a value: Fold, Cover, Switch and WithWork return a new Testimony and leave the old one as it was. Both may be used afterwards, from
// different goroutines too. What they share is never written again.
type Testimony struct {
	uses     map[UseKey]*Use     // a Use is replaced, never changed, once it left the Fold that made it
	tracks   map[TrackKey]*Track // likewise
	sessions map[sessionKey]session
	repeats  map[int64]map[uint64]struct{} // by UTC day
	coverage map[string]Spans
	contacts map[string]time.Time // latest arrival by source, wanted or not
	noise    int                  // uses without a wanted observation
	switched time.Time
	work     OpenWork
}

// session names a login that has not ended.
type session struct {
	key   UseKey
	since time.Time
}

type sessionKey struct{ source, id string }

// Cover adds a span in which a source was watched.
func (t Testimony) Cover(coverage ...Coverage) Testimony {
	t.coverage = cloned(t.coverage)
	for _, c := range coverage {
		if c.Span.Length() > 0 {
			t.coverage[c.Source] = t.coverage[c.Source].Add(c.Span)
		}
	}
	return t
}

// Withdraw takes back the coverage of a source from an instant on: it turned out that nothing was to be seen there.
func (t Testimony) Withdraw(source string, from time.Time) Testimony {
	t.coverage = cloned(t.coverage)
	t.coverage[source] = t.coverage[source].Between(time.Time{}, from)
	return t
}

// Switch notes when the MX records were switched: quiet of the old address counts only from then on.
func (t Testimony) Switch(at time.Time) Testimony {
	t.switched = at
	return t
}

// WithWork replaces what is known of open work.
func (t Testimony) WithWork(w OpenWork) Testimony {
	t.work = w.clone()
	return t
}

// Switched is when the MX records were switched, the zero time if that is not known.
func (t Testimony) Switched() time.Time { return t.switched }

// Work is the open work last set.
func (t Testimony) Work() OpenWork { return t.work.clone() }

// Coverage returns a source's merged spans, oldest first. The caller must not change them.
func (t Testimony) Coverage(source string) Spans { return t.coverage[source] }

// Sources names every source that was ever watched or heard, in order.
func (t Testimony) Sources() []string {
	names := make(map[string]bool)
	for name := range t.coverage {
		names[name] = true
	}
	for key := range t.uses {
		names[key.Source] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// Contact is when mail last arrived at a source from outside, wanted or not; the zero time if never.
func (t Testimony) Contact(source string) time.Time { return t.contacts[source] }

// Uses returns every use, the latest first.
func (t Testimony) Uses() []Use {
	uses := make([]Use, 0, len(t.uses))
	for _, u := range t.uses {
		uses = append(uses, *u)
	}
	slices.SortFunc(uses, func(a, b Use) int {
		return cmp.Or(b.Last.Compare(a.Last), compareKeys(a.UseKey, b.UseKey))
	})
	return uses
}

// Open returns the beginning of each use's oldest session that has not ended.
func (t Testimony) Open() map[UseKey]time.Time {
	open := make(map[UseKey]time.Time)
	for _, s := range t.sessions {
		if since, ok := open[s.key]; !ok || s.since.Before(since) {
			open[s.key] = s.since
		}
	}
	return open
}

func compareKeys(a, b UseKey) int {
	return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Source, b.Source))
}

// cloned copies a map one level deep; unlike maps.Clone it makes one of nil.
func cloned[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m)+1)
	maps.Copy(c, m)
	return c
}
