package world

import (
	"fmt"
	"math"
	"time"
)

// rhythm is when somebody uses a server.
type rhythm int

const (
	whenever rhythm = iota
	bursts
	weekly
	monthly
	quarterly
)

// sender is one sending system, device or user's device.
type sender struct {
	Who
	rhythm   rhythm
	rate     float64 // uses in a working day
	week     [7]float64
	on       int // weekday, or day of the month
	month    int // of the quarter
	pauses   []span
	from, to float64   // days: before and after nobody hears of it
	moves    []float64 // of each machine: from then on it uses the new side
}

type span struct{ from, to float64 }

func within(spans []span, at float64) bool {
	for _, s := range spans {
		if at >= s.from && at < s.to {
			return true
		}
	}
	return false
}

// sender makes somebody who sends mail from outside, from a day on.
func (w *World) sender(number int, from float64) *sender {
	p := w.p
	s := &sender{rate: w.lognormal(p.Rate.Median, p.Rate.Sigma), from: from, to: from + w.exponential(p.Life)}
	if w.chance(p.Rate.Tail) {
		s.rate /= 1 - w.Float64()
	}
	s.Kind = Mail
	w.name(s, number)
	w.rhythm(s)
	s.week = [7]float64{p.Rhythm.Sunday, 1, 1, 1, 1, 1, p.Rhythm.Saturday}
	if w.chance(p.Rhythm.Machines) {
		s.week = [7]float64{1, 1, 1, 1, 1, 1, 1}
	}
	s.pauses = w.pauses(p.Pauses.AYear)
	return s
}

// name gives a system its organisation and hosts, and decides how it moves.
func (w *World) name(s *sender, number int) {
	if number == 0 || w.chance(1/w.p.Organisation) {
		w.organisations++
		w.systems = 0
	}
	w.systems++
	organisation := fmt.Sprintf("org%d.example", w.organisations)
	s.From = "post@" + organisation
	s.Client = fmt.Sprintf("198.%d.%d.10", 18+number/250%2, number%250)
	if w.chance(w.p.Moves.Platforms) {
		service := w.IntN(len(w.services))
		s.Host, s.moves = fmt.Sprintf("out7.service%d.example", service), w.services[service]
		if s.from >= 0 {
			s.moves = []float64{0}
		}
		return
	}
	s.Host = []string{"mx1", "erp", "shop", "crm", "portal", "alerts"}[min(w.systems-1, 5)] + "." + organisation
	machines := 1
	if w.chance(w.p.Moves.Several) {
		machines = 2 + w.IntN(3)
	}
	for range machines {
		s.moves = append(s.moves, w.move(s.from >= 0))
	}
}

// move is when one machine follows the MX record.
func (w *World) move(newcomer bool) float64 {
	m := w.p.Moves
	if newcomer {
		if w.chance(m.Newcomer) {
			return w.exponential(m.Noticed)
		}
		return 0
	}
	switch x := w.Float64(); {
	case x < m.Never:
		return w.exponential(m.Noticed)
	case x < m.Never+m.Late:
		return w.exponential(m.LateDays)
	case x < m.Never+m.Late+m.Stretched:
		return w.exponential(m.StretchedDays)
	}
	return w.between(0, m.TTL)
}

func (w *World) rhythm(s *sender) {
	r := w.p.Rhythm
	s.on = 1 + w.IntN(5)
	switch x := w.Float64(); {
	case x < r.Bursts:
		s.rhythm = bursts
	case x < r.Bursts+r.Weekly:
		s.rhythm = weekly
	case x < r.Bursts+r.Weekly+r.Monthly:
		s.rhythm, s.on = monthly, 1+w.IntN(28)
	case x < r.Bursts+r.Weekly+r.Monthly+r.Quarterly:
		s.rhythm, s.on, s.month = quarterly, 1+w.IntN(28), w.IntN(3)
	}
}

func (w *World) pauses(aYear float64) (all []span) {
	end := float64(w.p.History + After)
	for at := -float64(w.p.History) + w.exponential(365/aYear); at < end; at += w.exponential(365 / aYear) {
		all = append(all, span{at, at + w.between(w.p.Pauses.Shortest, w.p.Pauses.Longest)})
	}
	return all
}

// person makes a user's device, or a device that sends.
func (w *World) person(kind Kind, number int) *sender {
	p := w.p.People
	s := &sender{from: math.Inf(-1), to: math.Inf(1)}
	s.Kind = kind
	s.week = [7]float64{0.3, 1, 1, 1, 1, 1, 0.4}
	s.pauses = w.pauses(p.Absences)
	s.User, s.Client = fmt.Sprintf("user%d@home.example", number), fmt.Sprintf("10.1.%d.%d", number/250, 1+number%250)
	s.rate = w.lognormal(p.Logins, p.LoginSigma)
	if kind == Sending {
		s.User, s.rate, s.pauses = fmt.Sprintf("device-%d", number), w.lognormal(p.DeviceRate, 1.2), w.pauses(w.p.Pauses.AYear)
		s.week = [7]float64{0.05, 1, 1, 1, 1, 1, 0.1}
	}
	switch x := w.Float64(); {
	case x < p.Prompt:
		s.moves = []float64{0}
	case x < 1-p.Forgotten:
		s.moves = []float64{w.exponential(p.SlowDays)}
	default:
		s.moves = []float64{math.Inf(1)}
	}
	return s
}

// uses is how often somebody does something on a day.
func (w *World) uses(s *sender, day int) int {
	at := float64(day)
	if at < s.from || at >= s.to || within(s.pauses, at) {
		return 0
	}
	date := w.midnight(day)
	switch s.rhythm {
	case bursts:
		n := 0
		for range w.poisson(s.rate * s.week[date.Weekday()] / w.p.Rhythm.BurstSize) {
			n += w.geometric(w.p.Rhythm.BurstSize)
		}
		return n
	case weekly:
		return w.due(int(date.Weekday()) == s.on)
	case monthly:
		return w.due(worked(s.on, date))
	case quarterly:
		return w.due(int(date.Month())%3 == s.month && worked(s.on, date))
	}
	return w.poisson(s.rate * s.week[date.Weekday()])
}

func (w *World) due(today bool) int {
	if today && w.chance(w.p.Rhythm.Reliability) {
		return 1
	}
	return 0
}

// worked tells whether the work of a day of the month is done on a date: that of a weekend on the Friday before.
func worked(on int, date time.Time) bool {
	switch date.Weekday() {
	case time.Saturday, time.Sunday:
		return false
	case time.Friday:
		return on >= date.Day() && on <= date.Day()+2
	}
	return on == date.Day()
}
