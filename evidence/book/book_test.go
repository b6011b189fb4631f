package book

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// The switch of these tests, a Monday.
var switched = time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)

func at(days float64) time.Time { return switched.Add(time.Duration(days * hours24)) }

// on is a series of days counted from the switch, one use each.
func on(days ...int) Series {
	var s Series
	for _, d := range days {
		s = s.Add(DayOf(at(float64(d))), 1)
	}
	return s
}

// each is every so many days of the last year.
func each(days, from, to int) Series {
	var s Series
	for d := from; d < to; d += days {
		s = s.Add(DayOf(at(float64(d))), 1)
	}
	return s
}

// even is a week on which all days are alike.
var even = Week{1, 1, 1, 1, 1, 1, 1}

// bookOf has a year of history of all of these, watched on the old side all the time, and on the new side since the switch if it is seen at all.
func bookOf(seen bool, now float64, entries ...Entry) *Book {
	first := DayOf(at(-365))
	old, fresh := make([]float64, 365+int(now)), make([]float64, 365+int(now))
	for i := range old {
		old[i] = 1
		if i >= 365 && seen {
			fresh[i] = 1
		}
	}
	for i, e := range entries {
		if n := len(e.Old); n > 0 && e.LastOld.IsZero() {
			entries[i].LastOld = Noon(e.Old[n-1].Day)
		}
		if n := len(e.New); n > 0 && e.LastNew.IsZero() {
			entries[i].LastNew = Noon(e.New[n-1].Day)
		}
	}
	return &Book{Entries: entries, Began: at(-365), Switched: switched, Old: NewClock(even, first, old), New: NewClock(even, first, fresh)}
}

func (f Forecast) of(index int) Share {
	for _, s := range f.Shares {
		if s.Index == index {
			return s
		}
	}
	return Share{}
}

func look(b *Book, now float64) Forecast { return b.Look(at(now), 30*24*time.Hour) }

func TestStates(t *testing.T) {
	daily := each(1, -365, 0)
	f := look(bookOf(true, 10,
		Entry{Old: daily},
		Entry{Old: daily.Or(on(8))},
		Entry{Old: daily, New: on(1, 2, 9)},
		Entry{Old: daily.Or(on(9)), New: on(3)},
	), 10)
	for i, want := range []State{Unseen, Stale, Switched, Stale} {
		if got := f.of(i).State; got != want {
			t.Errorf("entry %d is %s, want %s", i, got, want)
		}
	}
	if stale, moved := f.of(1).Chance, f.of(2).Chance; stale < 0.5 || moved > 0.04 {
		t.Errorf("one who came two days ago comes again with %.3f, one who moved with %.3f", stale, moved)
	}
}

// Silence tells much of somebody who comes every day, and nothing yet of one who comes every month.
func TestSilenceIsMeasuredByHabit(t *testing.T) {
	daily, monthly := Entry{Old: each(1, -365, 0)}, Entry{Old: each(30, -365, 0)}
	f := look(bookOf(false, 14, daily, monthly), 14)
	if d, m := f.of(0).Using, f.of(1).Using; d > m/5 {
		t.Errorf("after 14 quiet days the daily one still uses the old side with %.4f, the monthly one with %.4f", d, m)
	}
	if later := look(bookOf(false, 60, monthly), 60).of(0).Using; later > f.of(1).Using/2 {
		t.Errorf("after two months the monthly one still uses it with %.4f, after two weeks with %.4f", later, f.of(1).Using)
	}
}

// Where the new side is seen, silence on both sides is no sign of a move.
func TestUnseenOnBothSides(t *testing.T) {
	e := Entry{Old: each(7, -365, 0)}
	blind, seen := look(bookOf(false, 21, e), 21).of(0).Using, look(bookOf(true, 21, e), 21).of(0).Using
	if seen <= blind {
		t.Errorf("silent on both sides he still uses the old one with %.4f; where only the old one is seen with %.4f", seen, blind)
	}
}

// A service that brought others' mail to the new side will bring his there too.
func TestServicesMoveTogether(t *testing.T) {
	rare := Entry{Old: each(40, -365, -20), Service: "service.example"}
	alone := look(bookOf(true, 10, rare), 10).of(0).Chance
	other := Entry{Old: each(1, -365, 0), New: on(1, 2, 3, 4, 5, 6, 7, 8, 9), Service: "service.example"}
	if with := look(bookOf(true, 10, rare, other), 10).of(0).Chance; with > alone/3 {
		t.Errorf("he comes with %.4f although his service moved, alone with %.4f", with, alone)
	}
	other.Old = other.Old.Or(on(9))
	if stale := look(bookOf(true, 10, rare, other), 10).of(0).Chance; stale < alone/3 {
		t.Errorf("he comes with %.4f although his service still uses the old side, alone with %.4f", stale, alone)
	}
}

// What everybody else does tells of the one who was not seen.
func TestMovesAreLearned(t *testing.T) {
	var prompt, slow []Entry
	for range 60 {
		prompt = append(prompt, Entry{Old: each(1, -365, 0), New: each(1, 0, 30)})
		slow = append(slow, Entry{Old: each(1, -365, 25), New: each(1, 25, 30)})
	}
	rare := Entry{Old: each(90, -365, 0)}
	p, s := look(bookOf(true, 30, append(prompt, rare)...), 30), look(bookOf(true, 30, append(slow, rare)...), 30)
	if p.of(60).Using*5 > s.of(60).Using {
		t.Errorf("among prompt ones he still uses the old side with %.4f, among slow ones with %.4f", p.of(60).Using, s.of(60).Using)
	}
}

// One who came once, after the switch, and whom nobody knows, is most likely spam; when he comes again he is not.
func TestStrangers(t *testing.T) {
	daily := Entry{Old: each(1, -365, 0), New: each(1, 0, 20)}
	once := look(bookOf(true, 20, daily, Entry{Old: on(18)}), 20)
	twice := look(bookOf(true, 20, daily, Entry{Old: on(16, 18)}), 20)
	if a, b := once.of(1).Chance, twice.of(1).Chance; a > 0.05 || b < 10*a {
		t.Errorf("he comes again with %.4f after one visit, with %.4f after two", a, b)
	}
	if a, b := once.Others.Chance, twice.Others.Chance; b <= a {
		t.Errorf("others come with %.4f after a stranger, with %.4f after a newcomer on the old side", a, b)
	}
}

// A silence that is longer than most gaps and shorter than the longest ends in between: one who comes by chance is not gone until that is over.
func TestBetweenTwoGaps(t *testing.T) {
	h := habitOf(on(-365, -360, -340, -313, -286, -257, -223, -68), bookOf(false, 1).Old, 0)
	for from := 40.0; from < 150; from += 10 {
		if comes := h.comes(from, 30); comes < 0.1 {
			t.Errorf("silent for %v days he comes in the next 30 with %.4f; his gaps are %v", from, comes, h.gaps)
		}
	}
	for at := 0.0; at < 400; at++ {
		if h.silent(at+1) > h.silent(at) {
			t.Errorf("a silence of %v days is likelier than one of %v", at+1, at)
		}
	}
}

// How many forgot a machine is learned from those of whom one would know it.
func TestForgottenMachines(t *testing.T) {
	var well, hardly []Entry
	for range 60 {
		well = append(well, Entry{Old: each(1, -365, 0), New: each(1, 0, 30)})
		hardly = append(hardly, Entry{Old: each(60, -365, 0), New: on(3)})
	}
	forgot := Entry{Old: each(1, -365, 0).Or(on(20)), New: on(2, 4)}
	one := Entry{Old: each(20, -365, 0), New: on(3)}
	a := look(bookOf(true, 30, append(well, forgot, one)...), 30).of(61).Using
	b := look(bookOf(true, 30, append(hardly, forgot, one)...), 30).of(61).Using
	if b < 1.5*a {
		t.Errorf("one seen once still uses the old side with %.4f among those hardly seen, with %.4f among those seen daily", b, a)
	}
}

// One who was seen once, and whose service was seen often since, forgot no machine: they are the service's.
func TestMachinesOfAService(t *testing.T) {
	e := Entry{Old: each(20, -365, 0), New: on(3)}
	alone := look(bookOf(true, 30, e), 30).of(0).Chance
	e.Service = "service.example"
	other := Entry{Old: each(1, -365, 0), New: each(1, 0, 30), Service: e.Service}
	if with := look(bookOf(true, 30, e, other), 30).of(0).Chance; with > alone/3 {
		t.Errorf("he comes with %.5f although his service moved, alone with %.5f", with, alone)
	}
}

// Time passes on working days, and only where somebody watched.
func TestClock(t *testing.T) {
	week := Week{0, 1.4, 1.4, 1.4, 1.4, 1.4, 0}
	c := NewClock(week, DayOf(switched), []float64{1, 1, 0, 0.5})
	for _, tt := range []struct{ from, to, want float64 }{
		{0, 1, 1.4}, {0, 0.5, 0.7}, {1, 3, 1.4}, {3, 4, 0.7}, {4, 5, 1.4}, {5, 7, 0}, {4.5, 7.5, 1.4}, {7, 14, 7}, {4, 4 + 28, 28}, {-3, 0, 0}, {2, 1, 0},
	} {
		if got := c.Between(at(tt.from), at(tt.to)); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("from %v to %v pass %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}

func TestLearnWeek(t *testing.T) {
	if w := LearnWeek(nil); math.Abs(sum(w[:])-7) > 0.01 || w[0] >= w[1] {
		t.Errorf("the assumed week is %v", w)
	}
	w := LearnWeek([]Series{each(7, -364, 0), each(7, -364, 0)}) // on Mondays
	if w[1] < 4 || w[0] < 0.05 || w[2] > 1 {
		t.Errorf("a week of Mondays is %v", w)
	}
}

func TestSeries(t *testing.T) {
	s := on(3, 1, 2, 1)
	if len(s) != 3 || s[0] != (Count{DayOf(at(1)), 2}) || s.Total() != 4 {
		t.Errorf("added in any order: %v", s)
	}
	if got := s.Or(on(1, 4)); got.Total() != 5 || len(got) != 4 {
		t.Errorf("seen by two: %v", got)
	}
	if got := s.Plus(on(1, 4)); got.Total() != 6 {
		t.Errorf("in two places: %v", got)
	}
	if b, f := s.Before(DayOf(at(2))), s.From(DayOf(at(2))); len(b) != 1 || len(f) != 2 {
		t.Errorf("before %v, from %v", b, f)
	}
	s = s.Add(DayOf(at(2+Remembered)), 1)
	if len(s) != 2 || s[0].Day != DayOf(at(3)) {
		t.Errorf("after %d days: %v", Remembered, s)
	}
	if got := s.Add(DayOf(at(0)), 1); len(got) != 2 {
		t.Errorf("what is out of memory was added: %v", got)
	}
}

func sum(all []float64) (total float64) {
	for _, x := range all {
		total += x
	}
	return total
}

// The bound holds for parts as they are thought of.
func TestTotal(t *testing.T) {
	parts := []Part{{0.5, 3}, {0.1, 20}, {0.02, 1}, {0, 9}}
	total := Total(parts)
	if want := 1 - 0.5*0.9*0.98; math.Abs(total.Chance-want) > 1e-9 || math.Abs(total.Expected-3.52) > 1e-9 {
		t.Errorf("chance %v, expected %v", total.Chance, total.Expected)
	}
	rnd, within := rand.New(rand.NewPCG(1, 2)), 0
	const rounds = 40_000
	for range rounds {
		n := 0.0
		for _, p := range parts {
			if rnd.Float64() < p.Chance {
				for n++; rnd.Float64() < 1-1/p.Uses; n++ {
				}
			}
		}
		if n <= total.Upper {
			within++
		}
	}
	if share := float64(within) / rounds; share < 0.945 || share > 0.97 {
		t.Errorf("no more than %v came in %.3f of the rounds", total.Upper, share)
	}
	if none := Total(nil); none != (Sum{}) {
		t.Errorf("of nobody %+v is expected", none)
	}
	if many := Total([]Part{{1, 100_000}}); many.Upper < 250_000 || many.Upper > 350_000 {
		t.Errorf("the bound of very many is %v", many.Upper)
	}
}

// Whatever a book holds, chances are chances, and the longer nothing is seen the smaller they get in the end.
func TestForecastIsSane(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var entries []Entry
		for range rnd.IntN(30) {
			e := Entry{}
			for range rnd.IntN(40) {
				e.Old = e.Old.Add(DayOf(at(float64(rnd.IntN(365+40)-365))), uint32(rnd.IntN(9)))
			}
			for range rnd.IntN(3) * rnd.IntN(10) {
				e.New = e.New.Add(DayOf(at(float64(rnd.IntN(40)))), 1)
			}
			entries = append(entries, e)
		}
		b := bookOf(rnd.IntN(2) == 0, 40, entries...)
		f := look(b, 40)
		parts := []Part{f.Others.Part}
		for _, s := range f.Shares {
			parts = append(parts, s.Part)
			if !(s.Using >= 0 && s.Using <= 1 && s.Chance >= 0 && s.Chance <= 1 && s.Uses >= 0) {
				t.Fatalf("share %+v", s)
			}
		}
		total := Total(parts)
		if quiet := b.Quiet(at(40), 30*24*time.Hour, true, func(int) bool { return false }); math.Abs(1-quiet-total.Chance) > 1e-9 {
			t.Fatalf("the chance is %v or %v", total.Chance, 1-quiet)
		}
		if far := 1 - b.Quiet(at(3000), 30*24*time.Hour, false, func(int) bool { return false }); far > 0.05*float64(len(entries)) {
			t.Fatalf("after years of silence the chance is still %v", far)
		}
	}
}
