package book

import "time"

// State is where somebody was seen last since the switch.
type State string

const (
	Switched State = "switched" // on the new side
	Stale    State = "stale"    // on the old one
	Unseen   State = "unseen"   // on neither
)

// Entry is what is known of one sending system, device or user.
type Entry struct {
	Old     Series    // uses of the old side, and those known of the time before the switch
	New     Series    // on the new side
	LastOld time.Time // zero: never
	LastNew time.Time
	// Service is what carries it, where others use the same: those move together. "" is a system of its own.
	Service string
}

// Book is everybody who uses a server by one way, and how well both sides were watched.
type Book struct {
	Entries  []Entry
	Began    time.Time // from when on uses are known
	Switched time.Time // the move of the way: from then on one may be on the new side
	Old, New Clock     // in which the two sides were watched. The past before the switch counts as watched where it is known.

	standings []standing // made by the first Look
	services  map[string]*service
	moves     Moves // learned by the latest
}

// standing is an entry as the forecast sees it. What is in it at first does not depend on when one looks.
type standing struct {
	Entry
	state    State
	habit    Habit
	last     time.Time // sign of life, on either side
	stays    time.Time // until then it certainly used the old side
	left     float64   // the same in days from the switch
	found    float64   // days from the switch to the next sighting on the new side
	sights   int       // sightings on the new side since
	along    int       // sightings of its service there
	relapsed bool      // seen on the old side after it was seen on the new one
	newcomer bool      // never seen until the old records were forgotten
	worth    float64   // chance that it is a sender at all, and no spam that nobody recognised

	silence float64 // time since it was seen at all, if it still uses the old side
	here    float64 // chance of that silence if it still uses the old side
	gone    float64 // chance that it left for good within it
	grid    *grid   // of those that may have moved unseen
	moved   [points]float64
}

// points are at how many instants since the last use of the old side a silent move is thought of.
const points = 8

// stranger is what one is worth who came to the old side on a single day, after the switch, and was never seen before: whoever begins to write asks the DNS, and
// finds the new side. Spam does not.
const stranger = 0.03

// noticed is the share of what arrives on the new side that is seen there at least: some is deleted or moved away before anybody looks.
const noticed = 0.8

const hours24 = float64(24 * time.Hour)

func (b *Book) days(at time.Time) float64 { return max(0, float64(at.Sub(b.Switched))/hours24) }

// stand finds out what is known of an entry.
func (b *Book) stand(e Entry) standing {
	s := standing{Entry: e, state: Unseen, stays: b.Switched}
	s.last = later(later(e.LastOld, e.LastNew), b.Began)
	all := e.Old.Plus(e.New)
	s.habit = habitOf(all, b.Old, b.Old.At(b.Began))
	s.newcomer, s.worth = len(all) > 0 && all[0].Day >= DayOf(b.Switched.Add(settled)), 1
	if s.newcomer && len(all) == 1 && len(e.New) == 0 {
		s.worth = stranger
	}
	if !e.LastOld.IsZero() && !e.LastOld.Before(b.Switched) {
		s.state, s.left, s.stays = Stale, b.days(e.LastOld), e.LastOld
		before := e.New.Before(DayOf(e.LastOld))
		s.relapsed = len(before.From(DayOf(b.Switched))) > 0
	}
	if since := e.New.From(DayOf(s.stays)); e.LastNew.After(s.stays) && len(since) > 0 {
		s.state, s.sights = Switched, since.Total()
		s.found = max(s.left, b.days(Noon(since[0].Day)))
	}
	s.carried(b.services[e.Service])
	return s
}

// silent weighs the silence since the last sign of life, and since a move after each point of the grid.
func (s *standing) silent(b *Book, g *grid) {
	s.silence = max(0, g.now-b.Old.At(s.last))
	s.here, s.gone = s.habit.silent(s.silence), s.habit.gone(s.silence)
	if s.state == Switched || s.along > 0 {
		return
	}
	if s.state == Stale {
		g = b.gridFrom(s.stays, g.at)
	}
	last := b.Old.At(s.last)
	for i := range s.moved {
		s.moved[i] = s.habit.silent(max(0, g.old[i]-last) + g.since[i])
	}
	s.grid = g
}

// grid is the instants since somebody last used the old side at which a silent move is thought of: close together in the beginning, when most move.
type grid struct {
	at    time.Time
	now   float64 // of the old side's clock
	old   [points]float64
	since [points]float64             // how much of the time from there on would have been noticed on the new side
	share [len(kinds)][points]float64 // of a kind that move around that point, of all at the switch
}

// gridFrom lays the points from an instant to another.
func (b *Book) gridFrom(from, now time.Time) *grid {
	g := &grid{at: now, now: b.Old.At(now)}
	span, left, end := now.Sub(from), b.days(from), b.New.At(now)
	for i := range points {
		at := from.Add(time.Duration(float64(span) * partOf(float64(i)+0.5)))
		g.old[i], g.since[i] = b.Old.At(at), noticed*max(0, end-b.New.At(at))
	}
	for k := range kinds {
		before := stays(k, left)
		for i := range points {
			after := stays(k, left+span.Hours()/24*partOf(float64(i)+1))
			g.share[k][i], before = before-after, after
		}
	}
	return g
}

// partOf is the part of the span at which a point lies.
func partOf(i float64) float64 { return (i / points) * (i / points) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
