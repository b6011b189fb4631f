package evidence

import (
	"hash/maphash"
	"maps"
	"time"
)

// Fold adds observations to a testimony. Give many at once where there are many: each call copies the index of senders once.
//
// The order does not matter for anything that Judge looks at, as long as the observations of one source and session or message lie within
// two weeks. Two observations of the same source, channel, sender, class, time and Message, the Message not empty, count once; without a
// Message nobody can tell a repeat from a second use, and both count. The two observations of a session (Open, then Until) carry the same
// source and Message; they count as one use, and it lasts from the first to the second. Of the sessions without Message
// a user has one by each channel at a time.
func Fold(t Testimony, observations ...Observation) Testimony {
	if len(observations) == 0 {
		return t
	}
	f := folding{t: t, fresh: make(map[UseKey]bool), days: make(map[int64]bool)}
	f.t.uses = cloned(t.uses)
	f.t.sessions = cloned(t.sessions)
	f.t.repeats = cloned(t.repeats)
	f.t.contacts = cloned(t.contacts)
	for _, o := range observations {
		f.add(o)
	}
	f.forget()
	return f.t
}

// folding is one call of Fold: it may change what it copied itself.
type folding struct {
	t     Testimony
	fresh map[UseKey]bool // uses copied or made by this call
	days  map[int64]bool  // days of repeats copied or made by this call
	// tracks copied or made by this call; nil: not even their index is
	tracks map[TrackKey]bool
}

func (f *folding) add(o Observation) {
	if o.Class == Known || o.Class == Moved {
		if o.Message == "" || !f.repeated(identity(o, "message", o.At), o.At) {
			f.track(o.tally(1), o.At)
		}
		return
	}
	if o.Channel == Arriving {
		f.t.contacts[o.Source] = later(f.t.contacts[o.Source], o.At)
	}
	if o.Open || !o.Until.IsZero() {
		f.addSession(o)
		return
	}
	f.count(o, o.Message == "" || !f.repeated(identity(o, "message", o.At), o.At))
}

// addSession joins the two halves of a session, whichever comes first.
func (f *folding) addSession(o Observation) {
	key, named := sessionOf(o), o.Message != ""
	begin, end := identity(o, "begin", time.Time{}), identity(o, "end", time.Time{})
	if o.Open {
		known := named && (f.known(end) || f.known(begin))
		if named {
			f.repeated(begin, o.At)
		}
		f.count(o, !known)
		if !known && o.Class == Wanted {
			f.t.sessions[key] = session{keyOf(o), o.At}
		}
		return
	}
	_, open := f.t.sessions[key]
	delete(f.t.sessions, key)
	known := open || named && (f.known(begin) || f.known(end))
	if named {
		f.repeated(end, o.Until)
	}
	f.count(o, !known)
}

func sessionOf(o Observation) sessionKey {
	id := o.Message
	if id == "" {
		id = string(o.Channel) + " " + keyOf(o).Sender
	}
	return sessionKey{o.Source, id}
}

func (f *folding) count(o Observation, counted bool) {
	key := f.keyFor(o)
	u := f.t.uses[key]
	switch {
	case u == nil:
		u = &Use{UseKey: key}
		f.t.noise++
	case !f.fresh[key]:
		copied := *u
		u = &copied
	}
	f.fresh[key] = true
	f.t.uses[key] = u
	noise, n := u.LastUse.IsZero(), uint32(0)
	if counted {
		n = 1
	}
	u.add(o, counted)
	if o.Class == Wanted {
		f.track(o.tally(n), endOf(o))
	}
	if noise && !u.LastUse.IsZero() {
		f.t.noise--
	}
}

// keyFor counts unwanted mail of yet another unknown sender together with others', so that years of spam do not fill the memory.
func (f *folding) keyFor(o Observation) UseKey {
	key := keyOf(o)
	if _, known := f.t.uses[key]; !known && o.Class != Wanted && f.t.noise >= noiseUses {
		key.Sender = Others
	}
	return key
}

// repeated notes an identity under a day and tells whether it was known.
func (f *folding) repeated(id uint64, at time.Time) bool {
	if f.known(id) {
		return true
	}
	day := dayOf(at)
	if !f.days[day] {
		f.t.repeats[day] = cloned(f.t.repeats[day])
		f.days[day] = true
	}
	if len(f.t.repeats[day]) < repeatsADay {
		f.t.repeats[day][id] = struct{}{}
	}
	return false
}

func (f *folding) known(id uint64) bool {
	for _, day := range f.t.repeats {
		if _, ok := day[id]; ok {
			return true
		}
	}
	return false
}

// forget drops the identities of days long before the newest.
func (f *folding) forget() {
	newest := int64(-1 << 62)
	for day := range f.t.repeats {
		newest = max(newest, day)
	}
	maps.DeleteFunc(f.t.repeats, func(day int64, _ map[uint64]struct{}) bool { return day <= newest-repeatDays })
}

// seed makes identities unguessable: nobody can send mail that hides another's by a collision.
var seed = maphash.MakeSeed()

func identity(o Observation, kind string, at time.Time) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, part := range []string{kind, o.Source, string(o.Channel), keyOf(o).Sender, string(o.Class), o.Message} {
		_, _ = h.WriteString(part)
		_ = h.WriteByte(0)
	}
	maphash.WriteComparable(&h, at.UnixMicro())
	return h.Sum64()
}
