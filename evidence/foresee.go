package evidence

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"posthouse/evidence/book"
)

// familiar is how far back before the switch the past must be known.
const familiar = 21 * day

// foresight is what the sender book says about a policy's doors.
type foresight struct {
	pages   []page
	known   bool // the past is known well enough; else a long quiet decides
	others  bool // those who were never seen count: nobody accepted them
	horizon time.Duration
}

// page is the book of one door.
type page struct {
	channel Channel
	names   []string // of book.Entries
	allowed []bool   // likewise
	book    book.Book
	// watched is since when logs or listeners tell who comes. What lies in old mailboxes goes further back, but people delete mail: a book of that alone would take those for all.
	watched time.Time
}

// foresee opens the book.
func foresee(j *judgement) *foresight {
	t := j.t
	f := &foresight{horizon: j.Horizon, others: !j.allowed[Newcomers], known: len(j.Foreseen) > 0 && !t.switched.IsZero() && t.switched.Before(j.now)}
	for _, d := range j.Foreseen {
		pg := turn(j.allowed, t, d)
		if len(pg.names) == 0 {
			continue
		}
		if pg.watched.IsZero() || pg.watched.After(t.switched.Add(-familiar)) {
			f.known = false
		}
		pg.book.Switched = t.switched
		pg.setClocks(t, j.common, j.now)
		f.pages = append(f.pages, pg)
	}
	f.known = f.known && len(f.pages) > 0
	return f
}

// turn to the page of a door: everybody who used its channel, if once by this door.
func turn(a accepted, t Testimony, d Door) page {
	pg := page{channel: d.Channel}
	entries, here := make(map[string]*book.Entry), make(map[string]bool)
	for _, track := range t.tracks {
		if track.Channel != d.Channel {
			continue
		}
		e := entries[track.System]
		if e == nil {
			e = &book.Entry{}
			entries[track.System] = e
		}
		e.Old, e.New = e.Old.Or(track.Old), e.New.Or(track.New)
		e.LastOld, e.LastNew = later(e.LastOld, track.LastOld), later(e.LastNew, track.LastNew)
		if d.covers(track.Channel, track.Source) {
			here[track.System] = true
		}
		if len(track.Old) > 0 {
			first := book.Noon(track.Old[0].Day)
			if pg.book.Began.IsZero() || first.Before(pg.book.Began) {
				pg.book.Began = first
			}
			if track.Source != PastSource && (pg.watched.IsZero() || first.Before(pg.watched)) {
				pg.watched = first
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(here)) {
		pg.names = append(pg.names, name)
		pg.allowed = append(pg.allowed, a.has(name, name))
		e := entries[name]
		_, e.Service, _ = strings.Cut(name, " via ")
		pg.book.Entries = append(pg.book.Entries, *e)
	}
	return pg
}

// setClocks learns the week, and lets time pass where it was watched. The past before watching began is known from what was found later.
func (pg *page) setClocks(t Testimony, common Spans, now time.Time) {
	var all []book.Series
	for _, e := range pg.book.Entries {
		all = append(all, e.Old, e.New)
	}
	week, first := book.LearnWeek(all), book.DayOf(pg.book.Began)
	past := Span{book.Noon(first).Add(-day), earlier(common.Begin(), t.switched)}
	pg.book.Old = book.NewClock(week, first, watchedDays(common.Add(past), first, now))
	if pg.channel == Arriving { // nobody sees who logs in at the cloud, or sends by it
		pg.book.New = book.NewClock(week, first, watchedDays(t.coverage[CloudSource], first, now))
	}
}

// watchedDays are the shares of the days up to now that were watched.
func watchedDays(spans Spans, first int32, now time.Time) []float64 {
	shares := make([]float64, max(0, int(book.DayOf(now)-first)+1))
	for i := range shares {
		from := book.Noon(first + int32(i)).Add(-day / 2)
		to := earlier(from.Add(day), now)
		if length := to.Sub(from); length > 0 {
			shares[i] = float64(spans.Between(from, to).Length()) / float64(length)
		}
	}
	return shares
}

// likely is one who may still come, or all those who were never seen.
type likely struct {
	book.Share
	channel Channel
	system  string
	last    time.Time // on the old side
	unseen  book.Others
}

// look says what is to be expected as of an instant: in all, and of whom, the likeliest first. Whoever was accepted is left out.
func (f *foresight) look(at time.Time) (book.Sum, []likely) {
	var parts []book.Part
	var all []likely
	for i := range f.pages {
		pg := &f.pages[i]
		forecast := pg.book.Look(at, f.horizon)
		if f.others && pg.channel == Arriving {
			parts = append(parts, forecast.Others.Part)
			all = append(all, likely{Share: book.Share{Part: forecast.Others.Part}, channel: Arriving, system: Newcomers, unseen: forecast.Others})
		}
		for _, s := range forecast.Shares {
			if !pg.allowed[s.Index] {
				parts = append(parts, s.Part)
				all = append(all, likely{Share: s, channel: pg.channel, system: pg.names[s.Index], last: pg.book.Entries[s.Index].LastOld})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b likely) int {
		return cmp.Or(cmp.Compare(b.Chance, a.Chance), cmp.Compare(a.system, b.system))
	})
	return book.Total(parts), all
}

// longest is how far ahead it is worth looking for a day on which enough is forgotten.
const longest = 400 * day

// below is from when on the chance is small enough if nothing more is seen of anybody, not before at; the zero time if waiting alone does not help.
func (f *foresight) below(chance float64, at time.Time) time.Time {
	switch {
	case f.chance(at) <= chance:
		return at
	case f.chance(at.Add(longest)) > chance:
		return time.Time{}
	}
	days := sort.Search(int(longest/day), func(days int) bool { return f.chance(at.Add(time.Duration(days)*day)) <= chance })
	return at.Add(time.Duration(days) * day)
}

// chance that anything comes, as of an instant ahead of the last look.
func (f *foresight) chance(at time.Time) float64 {
	none := 1.0
	for i := range f.pages {
		pg := &f.pages[i]
		none *= pg.book.Quiet(at, f.horizon, f.others && pg.channel == Arriving, func(entry int) bool { return pg.allowed[entry] })
	}
	return 1 - none
}
