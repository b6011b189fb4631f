package main

import (
	"reflect"
	"strings"
	"testing"

	"posthouse/test/simulate/world"
)

// A few small worlds, always the same: the verdict is ready in most of them, seldom too early, never while blind, and its bound holds.
func TestFewWorlds(t *testing.T) {
	const runs = 8
	all := runAll(setting{world.Default(), 60, named}, runs, 7)
	f, sum := figuresOf(address, all), totalsOf(all)
	if f.Ready < 0.75 || f.Wrong > 0.2 {
		t.Errorf("ready by day 90 in %.0f %% of the runs, of which %.0f %% had wanted mail after", 100*f.Ready, 100*f.Wrong)
	}
	if sum.blind > 0 || sum.bound() < 0.9 || sum.forecasts == 0 {
		t.Errorf("ready while blind %d times; the bound held in %.0f %% of %d forecasts", sum.blind, 100*sum.bound(), sum.forecasts)
	}
	if fixed := figuresOf(rule(address, "fixed", 3), all); fixed.Wrong < 0.5 {
		t.Errorf("72 hours are wrong in %.0f %% only: is there nobody in these worlds?", 100*fixed.Wrong)
	}
}

// A run depends on nothing but its seed.
func TestRunsAreTheSameAgain(t *testing.T) {
	for _, h := range []help{nobody, seen, named} {
		s := setting{world.Default(), 20, h}
		if a, b := newRun(s, 3).goBy(), newRun(s, 3).goBy(); !reflect.DeepEqual(a, b) {
			t.Errorf("help %d: %+v, and again %+v", h, a, b)
		}
	}
}

// What somebody did who was accepted does not break a silence, and what he does later is no failure of a rule.
func TestSilence(t *testing.T) {
	r := &run{accepted: map[int]bool{2: true}, quiet: map[string][]use{address: {{1, 1}, {5, 1}, {9, 2}, {30, 1}}}, uses: map[string][]use{address: {{9, 2}, {30, 1}}}}
	for _, tt := range []struct{ days, at int }{{3, 4}, {7, 12}, {24, 29}, {25, 55}} {
		if got := r.silent(address, tt.days); got != tt.at {
			t.Errorf("%d days of silence are over on day %d, want %d", tt.days, got, tt.at)
		}
	}
	if others, all := r.between(address, 5, 31); others != 1 || all != 2 {
		t.Errorf("came %d of others, %d in all", others, all)
	}
}

func TestReport(t *testing.T) {
	var text strings.Builder
	report(&text, 10, 2, 1)
	for _, want := range []string{"## 10 senders, 2 runs", "**sender book**", "the mailbox server may stop", "heavier tails", "never ready while blind: 0 times"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, text.String())
		}
	}
}
