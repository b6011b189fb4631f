package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
)

// runAll runs worlds side by side. The outcome of each depends on its seed alone.
func runAll(s setting, runs int, seed uint64) []outcome {
	all := make([]outcome, runs)
	var work sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for i := range next {
				all[i] = newRun(s, seed+uint64(i)).goBy()
			}
		})
	}
	for i := range runs {
		next <- i
	}
	close(next)
	work.Wait()
	return all
}

// figures are what a rule came to in all worlds.
type figures struct {
	Ready  float64 // share of the runs in which it said ready by day 90
	Median int     // day of ready; never counts as the last
	Wrong  float64 // share of those in which it said ready, with wanted mail in the 60 days after
	All    float64 // the same with that of those accepted
}

// never is a day that does not come.
const never = 1 << 20

func figuresOf(rule string, all []outcome) (f figures) {
	var days []int
	ready := 0.0
	for _, o := range all {
		at, ok := o.rules[rule]
		if !ok {
			days = append(days, never)
			continue
		}
		days = append(days, at)
		ready++
		if at <= 90 {
			f.Ready++
		}
		if o.late[rule] > 0 {
			f.Wrong++
		}
		if o.lateAll[rule] > 0 {
			f.All++
		}
	}
	slices.Sort(days)
	f.Median, f.Ready = days[len(days)/2], f.Ready/float64(len(all))
	f.Wrong, f.All = f.Wrong/max(1, ready), f.All/max(1, ready)
	return f
}

func (f figures) print(w io.Writer, rule string) {
	median := fmt.Sprint(f.Median)
	if f.Median == never {
		median = fmt.Sprintf("> %d", lastLooked)
	}
	fmt.Fprintf(w, "| %-52s | %6s | %5.1f %% | %5.1f %% | %5.1f %% |\n", rule, median, 100*f.Ready, 100*f.Wrong, 100*f.All)
}

// shown are the silences that stand in a table.
var shown = []int{3, 7, 14, 21, 30, 45}

// table of a verdict beside rules that ask only for time, or for silence.
func table(w io.Writer, subject, title string, book, plain []outcome) {
	fmt.Fprintf(w, "\n| %-52s | median | by day 90 | mail after | accepted ones' too |\n|---|---|---|---|---|\n", title)
	figuresOf(subject, book).print(w, "**sender book**")
	figuresOf(rule(subject, "fixed", 3), plain).print(w, "72 h after the switch, whatever comes")
	for _, d := range shown {
		figuresOf(rule(subject, "silence", d), plain).print(w, fmt.Sprintf("%d days of silence", d))
	}
}

// equal is the shortest silence that is as safe as a rule: no more often followed by wanted mail.
func equal(subject string, wrong float64, plain []outcome) (days int, f figures, found bool) {
	for _, d := range silentDays {
		if f = figuresOf(rule(subject, "silence", d), plain); f.Wrong <= wrong && f.Ready > 0 {
			return d, f, true
		}
	}
	return 0, f, false
}

// totals are what is the same for all rules of a set of runs.
type totals struct {
	forecasts, held, blind int
	newcomers              int // runs in which they were accepted
	asked, accepted        float64
}

func totalsOf(all []outcome) (t totals) {
	for _, o := range all {
		t.forecasts, t.held, t.blind = t.forecasts+len(o.forecasts), t.held+o.held, t.blind+o.blind
		if o.newcomers {
			t.newcomers++
		}
		t.asked, t.accepted = t.asked+float64(o.asked)/float64(len(all)), t.accepted+float64(o.agreed)/float64(len(all))
	}
	return t
}

func (t totals) bound() float64 { return float64(t.held) / float64(max(1, t.forecasts)) }
