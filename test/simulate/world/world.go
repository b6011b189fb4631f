package world

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// After is how many days after the switch a world goes on.
const After = 155

// Kind is one of the ways to use a mail server.
type Kind int

// The ways.
const (
	Mail    Kind = iota // from outside
	Sending             // by a device of the house
	Login               // of a user
)

// Who uses a server, as a server sees him.
type Who struct {
	Kind   Kind
	Host   string // by which a sender of mail greets
	From   string // envelope sender
	Client string // IP address
	User   string // or device
}

// Event is one use.
type Event struct {
	Who
	ID      int // of who it is, the same in all of his events; negative for spam
	At      time.Time
	Old     bool // of the old side
	Wanted  bool // in truth
	Taken   bool // for wanted, by whoever looks at it
	Noticed bool // by anybody
}

// World is one move of an organisation.
type World struct {
	dice
	p             Parameters
	switched      time.Time // midnight of the day of the switch
	senders       []*sender
	services      [][]float64
	blind         []span
	day           int
	organisations int
	systems       int // of the latest organisation
	births        float64
	tests         map[int][]int // test messages by day
	spam          int
}

// New makes a world with a number of sending systems, and with users and devices as there go with them.
func New(p Parameters, seed uint64, senders int) *World {
	w := &World{dice: dice{rand.New(rand.NewPCG(seed, uint64(senders)))}, p: p, tests: make(map[int][]int), day: -p.History}
	w.switched = time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC).AddDate(0, 0, w.IntN(364))
	for range p.Moves.Services {
		move := w.between(0, p.Moves.TTL)
		if w.chance(p.Moves.Stubborn) {
			move = w.exponential(p.Moves.StretchedDays)
		}
		w.services = append(w.services, []float64{move})
	}
	for i := range senders {
		w.senders = append(w.senders, w.sender(i, -float64(p.History)))
	}
	for i := range int(float64(senders) * p.People.Users / 100) {
		w.senders = append(w.senders, w.person(Login, i))
	}
	for i := range int(float64(senders) * p.People.Devices / 100) {
		w.senders = append(w.senders, w.person(Sending, i))
	}
	w.births = float64(senders) / p.Life
	for at := w.exponential(p.Seen.Spells); at < After; at += w.exponential(p.Seen.Spells) {
		w.blind = append(w.blind, span{at, at + w.lognormal(p.Seen.SpellHours, p.Seen.SpellSigma)/24})
	}
	return w
}

// Switched is when the MX record was switched.
func (w *World) Switched() time.Time { return w.instant(0) }

// switchHour is when on its day.
const switchHour = 18

func (w *World) midnight(day int) time.Time { return w.switched.AddDate(0, 0, day) }

func (w *World) instant(days float64) time.Time {
	return w.switched.Add(switchHour*time.Hour + time.Duration(days*24*float64(time.Hour)))
}

// days from the switch to an instant.
func (w *World) days(at time.Time) float64 { return at.Sub(w.instant(0)).Hours() / 24 }

// Blind are the spells in which nobody watches the old side.
func (w *World) Blind() [][2]time.Time {
	var all [][2]time.Time
	for _, s := range w.blind {
		all = append(all, [2]time.Time{w.instant(s.from), w.instant(s.to)})
	}
	return all
}

// Day is the midnight of the day that Next tells of.
func (w *World) Day() time.Time { return w.midnight(w.day) }

// Next is what happens on the next day; since the switch, in order of time. The first is that on which history begins; ok is false when the world ends.
func (w *World) Next() (events []Event, ok bool) {
	if w.day >= After {
		return nil, false
	}
	for range w.poisson(w.births) {
		w.senders = append(w.senders, w.sender(len(w.senders), float64(w.day)))
	}
	for id, s := range w.senders {
		for range w.uses(s, w.day) {
			events = append(events, w.event(id, s, w.hour()))
		}
	}
	for _, id := range w.tests[w.day] {
		events = append(events, w.event(id, w.senders[id], w.hour()))
	}
	if w.day >= 0 {
		for range w.poisson(w.p.Seen.Spam) {
			events = append(events, w.junk())
		}
	}
	if w.day >= 0 {
		slices.SortStableFunc(events, func(a, b Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	}
	w.day++
	return events, true
}

// hour of an office.
func (w *World) hour() time.Time {
	return w.midnight(w.day).Add(time.Duration(w.between(7, 19) * float64(time.Hour)))
}

func (w *World) event(id int, s *sender, at time.Time) Event {
	e := Event{Who: s.Who, ID: id, At: at, Wanted: true, Taken: true}
	days := w.days(at)
	e.Old = days < s.moves[w.IntN(len(s.moves))]
	if e.Old {
		e.Noticed = !within(w.blind, days)
	} else {
		e.Noticed = s.Kind == Mail && w.chance(w.p.Seen.Cloud)
	}
	return e
}

func (w *World) junk() Event {
	w.spam++
	domain := fmt.Sprintf("spam%d.example", w.spam)
	at := w.midnight(w.day).Add(time.Duration(w.between(0, 24) * float64(time.Hour)))
	return Event{
		Who: Who{Kind: Mail, Host: "bot." + domain, From: "win@" + domain, Client: "203.0.113.9"}, ID: -w.spam, At: at, Old: true,
		Taken: w.chance(w.p.Seen.Leaked), Noticed: !within(w.blind, w.days(at)),
	}
}

// Ask has somebody ask a sender to move, on the day that Next told of last. Who answers moves all of his machines after some days; test tells whether he then
// sends a test message.
func (w *World) Ask(id int) (answers bool, days int, test bool) {
	after := w.between(1, w.p.Asked.Longest)
	answers, test = w.chance(w.p.Asked.Answer), w.chance(w.p.Asked.Test)
	if id < 0 || id >= len(w.senders) || !answers {
		return false, 0, false
	}
	s, at := w.senders[id], w.days(w.midnight(w.day))+after
	s.moves = slices.Clone(s.moves)
	for i := range s.moves {
		s.moves[i] = min(s.moves[i], at)
	}
	days, test = int(after)+1, test && s.Kind == Mail
	if test {
		w.tests[w.day+days] = append(w.tests[w.day+days], id)
	}
	return true, days, test
}
