package evidence

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"posthouse/evidence/book"
)

// tracksKept is how many tracks are told apart; what further ones do is counted together under Others.
const tracksKept = 20_000

// CloudSource is the source that sees what reached the cloud without us. Its coverage says when that was looked for.
const CloudSource = "new side" // no name that a configuration can give

// TrackKey tells tracks apart.
type TrackKey struct {
	Channel Channel `json:"channel"`
	Source  string  `json:"source"`
	System  string  `json:"system"` // SystemOf
}

// Track is what a sending system, device or user did day by day, as one source saw it: wanted uses of the old side, uses known of its past, and sightings on the
// new side. It is a plain value.
type Track struct {
	TrackKey
	Old     book.Series `json:"old,omitempty"`
	New     book.Series `json:"new,omitempty"`
	LastOld time.Time   `json:"last_old,omitzero"`
	LastNew time.Time   `json:"last_new,omitzero"`
}

// Tally is many observations of one day at once, where nothing else than their number is needed: of old logs, and of what lies in old mailboxes.
type Tally struct {
	TrackKey
	Class Class     // Known or Moved; all others count as Known
	Last  time.Time // the latest of them
	N     uint32    // all on Last's day
}

// Tally adds what is known of the past, or was seen on the new side, by day.
func (t Testimony) Tally(tallies ...Tally) Testimony {
	f := folding{t: t}
	for _, y := range tallies {
		f.track(y, y.Last)
	}
	return f.t
}

// Tracks returns every track, in order.
func (t Testimony) Tracks() []Track {
	all := make([]Track, 0, len(t.tracks))
	for _, track := range t.tracks {
		all = append(all, *track)
	}
	slices.SortFunc(all, func(a, b Track) int { return compareTracks(a.TrackKey, b.TrackKey) })
	return all
}

func compareTracks(a, b TrackKey) int {
	return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.System, b.System), cmp.Compare(a.Source, b.Source))
}

// tally counts an observation n times: once, or not at all where it is the second half of one that was counted.
func (o Observation) tally(n uint32) Tally {
	return Tally{TrackKey: TrackKey{o.Channel, o.Source, SystemOf(o)}, Class: o.Class, Last: o.At, N: n}
}

// track counts what lasted until then. What it changes it has copied before.
func (f *folding) track(y Tally, until time.Time) {
	if y.System == "" {
		return
	}
	if f.tracks == nil {
		f.t.tracks, f.tracks = maps.Clone(f.t.tracks), make(map[TrackKey]bool)
		if f.t.tracks == nil {
			f.t.tracks = make(map[TrackKey]*Track)
		}
	}
	if f.t.tracks[y.TrackKey] == nil && len(f.t.tracks) >= tracksKept {
		y.System = Others
	}
	track := f.own(y.TrackKey)
	if day := book.DayOf(y.Last); y.Class == Moved {
		track.New, track.LastNew = track.New.Add(day, y.N), later(track.LastNew, until)
	} else {
		track.Old, track.LastOld = track.Old.Add(day, y.N), later(track.LastOld, until)
	}
}

// own is a track that may be changed.
func (f *folding) own(key TrackKey) *Track {
	track := f.t.tracks[key]
	if track != nil && f.tracks[key] {
		return track
	}
	mine := &Track{TrackKey: key}
	if track != nil {
		*mine = *track
		mine.Old, mine.New = slices.Clone(track.Old), slices.Clone(track.New)
	}
	f.t.tracks[key], f.tracks[key] = mine, true
	return mine
}
