package book

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Forecast is what is still to be expected on the old side within a horizon.
type Forecast struct {
	Shares []Share // of every entry, the weightiest first
	Others Others  // of those never seen before
	Moves  Moves   // what was learned
}

// Part is something that may come: the chance that it does, and how many uses it is then.
type Part struct{ Chance, Uses float64 }

// Expected is the mean number of uses.
func (p Part) Expected() float64 { return p.Chance * p.Uses }

// Share is one entry's part.
type Share struct {
	Part
	Index    int     // in Book.Entries
	State    State   //
	Using    float64 // chance that the old side is still used
	Rate     float64 // usual active days in a usual day
	Uses     int     // that are known
	Silence  float64 // usual days since the last sign of life, on either side
	Interval float64 // usual days between two active days: the middle gap, 0 where fewer than three gaps are known
}

// Look makes the forecast as of now. It is not safe for concurrent use.
func (b *Book) Look(now time.Time, horizon time.Duration) Forecast {
	if b.standings == nil {
		b.group()
		for _, e := range b.Entries {
			b.standings = append(b.standings, b.stand(e))
		}
	}
	b.listen(now)
	b.moves = learn(b.standings, b.days(now))
	f := Forecast{Moves: b.moves, Shares: make([]Share, len(b.standings))}
	v := b.view(now, horizon)
	for i := range b.standings {
		f.Shares[i] = v.share(i, &b.standings[i])
	}
	slices.SortStableFunc(f.Shares, func(a, b Share) int { return cmp.Compare(b.Chance, a.Chance) })
	f.Others = b.others(v, now)
	return f
}

// Quiet is the chance that nothing comes, as of an instant after the last Look if nothing is seen of anybody until then. Those never seen before are
// thought of if others is set, entries unless they are left out.
func (b *Book) Quiet(at time.Time, horizon time.Duration, others bool, leftOut func(entry int) bool) float64 {
	b.listen(at)
	v, none := b.view(at, horizon), 1.0
	for i := range b.standings {
		if !leftOut(i) {
			_, p := v.part(&b.standings[i])
			none *= 1 - p.Chance
		}
	}
	if others {
		none *= 1 - b.others(v, at).Chance
	}
	return none
}

// listen to how long everybody has been silent.
func (b *Book) listen(now time.Time) {
	g := b.gridFrom(b.Switched, now)
	for i := range b.standings {
		b.standings[i].silent(b, g)
	}
}

func (b *Book) view(now time.Time, horizon time.Duration) view {
	return view{
		moves: b.moves, days: b.days(now), horizon: horizon.Hours() / 24, ahead: b.Old.Between(now, now.Add(horizon)), relapse: relapsing(b.standings),
	}
}

// view is what the shares of one forecast have in common.
type view struct {
	moves   Moves
	days    float64 // since the switch
	horizon float64 // days
	ahead   float64 // usual days in the horizon
	relapse float64 // chance that who was seen on the new side still uses the old one too
}

// relapsing learns how many of those seen on the new side still use the old one too, from how many turned up there again. Who was hardly seen since tells little of it
// (expectation and maximisation), and who is carried with others nothing: those tell of their service.
func relapsing(all []standing) float64 {
	share := 0.5 / 20
	for range 15 {
		again, of := 0.5, 20.0
		for i := range all {
			switch s := &all[i]; {
			case s.along > s.sights:
			case s.relapsed:
				again, of = again+1, of+1
			case s.state == Switched:
				unseen := share * alone(s.sights)
				again, of = again+unseen/(1-share+unseen), of+1
			}
		}
		share = again / of
	}
	return share
}

func (v view) share(i int, s *standing) Share {
	share := Share{Index: i, State: s.state, Rate: s.habit.active / max(1, s.habit.exposure-doubt+s.silence), Uses: s.Old.Total() + s.New.Total(), Silence: s.silence}
	if n := len(s.habit.gaps); n >= 3 {
		share.Interval = s.habit.gaps[n/2]
	}
	share.Using, share.Part = v.part(s)
	return share
}

// part weighs an entry by where it was seen last.
func (v view) part(s *standing) (using float64, p Part) {
	if s.state == Switched || s.along > 0 {
		return v.both(s, max(s.sights, s.along))
	}
	using, p = v.still(s)
	p.Chance *= s.worth
	return using, p
}

// still weighs whether one that was not seen on the new side still uses the old one, and how long the likely kinds of him go on doing so.
func (v view) still(s *standing) (using float64, p Part) {
	var here likelihoods
	var sum float64
	for k := range here {
		stay := v.moves[k] * stays(k, v.days)
		here[k] = stay * s.here
		sum += stay*(s.here+s.gone) + v.moves[k]*s.hidden(k)
	}
	if sum <= 0 {
		return 0, p
	}
	for k := range here {
		weight := here[k] / sum
		using += weight
		p = p.or(weight, s.habit.within(s.silence, v.ahead*v.goesOn(k)))
	}
	return using, p
}

// goesOn is the part of the horizon for which one of a kind goes on using the old side, on average.
func (v view) goesOn(kind int) float64 {
	of := v.horizon / kinds[kind]
	return (1 - math.Exp(-of)) / of
}

// machines is how many there are of one who sends by several, as it is thought: a share of 1 in 1+machines of his mail goes by one that was forgotten (a beta
// distribution, of weight 1+machines).
const machines = 3.0

// alone is the chance that one who uses both sides is seen so often on the new one, and not on the old one in between.
func alone(sights int) float64 { return machines / (machines + float64(sights)) }

// both weighs whether one that was seen on the new side uses the old one too, as several machines do of which one was forgotten: the less likely, and the smaller
// its share, the more often it was seen on the new side alone.
func (v view) both(s *standing, sights int) (using float64, p Part) {
	odds := v.relapse / (1 - v.relapse) * min(1, v.moves.stay(v.days)/v.moves.stay(prompt))
	if s.relapsed {
		odds = 4
	}
	odds *= alone(sights)
	using = odds / (odds + 1) * s.here / (s.here + s.gone)
	rarer := s.habit
	rarer.active /= 1 + machines + float64(sights)
	rarer.gaps = nil
	return using, Part{}.or(using, rarer.within(0, v.ahead))
}

// within is what comes within the horizon after a silence; if anything does, on as many days as are usual of those of whom it is known that they come at all.
func (h Habit) within(silence, horizon float64) Part {
	days := max(1e-9, h.rate()*horizon)
	return Part{h.comes(silence, horizon), h.perDay * days / -math.Expm1(-days)}
}

// or adds what happens with a weight, in place of what p is.
func (p Part) or(weight float64, q Part) Part {
	chance := p.Chance + weight*q.Chance
	if chance <= 0 {
		return Part{}
	}
	return Part{chance, (p.Expected() + weight*q.Expected()) / chance}
}
