package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"posthouse/test/simulate/world"
)

func main() {
	runs := flag.Int("runs", 1000, "worlds of each kind")
	seed := flag.Uint64("seed", 1, "of the first world")
	only := flag.Int("senders", 0, "sending systems: 150 and 400 if not given")
	flag.Parse()
	debug.SetGCPercent(400)
	sizes := []int{150, 400}
	if *only > 0 {
		sizes = []int{*only}
	}
	for _, senders := range sizes {
		begun := time.Now()
		report(os.Stdout, senders, *runs, *seed)
		fmt.Fprintf(os.Stderr, "%d senders: %s\n", senders, time.Since(begun).Round(time.Second))
	}
}

// fewer worlds are tried where nobody is asked, and of other parameters.
const fewer = 10

// variants are other worlds.
var variants = []struct {
	title string
	of    func(world.Parameters) world.Parameters
}{
	{"twice as much mail", world.Parameters.Doubled},
	{"heavier tails", world.Parameters.Heavier},
	{"nobody looks at the new side", world.Parameters.Unwatched},
}

func report(w io.Writer, senders, runs int, seed uint64) {
	p := world.Default()
	alone := runAll(setting{p, senders, nobody}, max(1, runs/fewer), seed)
	book, plain := runAll(setting{p, senders, named}, runs, seed), runAll(setting{p, senders, seen}, runs, seed)
	fmt.Fprintf(w, "\n## %d senders, %d runs\n", senders, runs)
	table(w, address, "the old address may go silent", book, plain)
	table(w, server, "the mailbox server may stop", book, plain)
	table(w, address, fmt.Sprintf("the old address, nobody is asked (%d runs)", len(alone)), alone, alone)
	goals(w, book, plain, alone)
	for _, v := range variants {
		s := setting{v.of(p), senders, named}
		book := runAll(s, max(1, runs/fewer), seed)
		s.Help = seen
		table(w, address, fmt.Sprintf("the old address, %s (%d runs)", v.title, len(book)), book, runAll(s, max(1, runs/fewer), seed))
	}
}

// goals says how the runs compare with what is wanted of the verdict.
func goals(w io.Writer, book, plain, alone []outcome) {
	f, b, a := figuresOf(address, book), totalsOf(book), totalsOf(alone)
	say := func(met bool, format string, args ...any) {
		mark := "✗"
		if met {
			mark = "✓"
		}
		fmt.Fprintf(w, "- %s %s\n", mark, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(w, "\nOf the old address (%.0f questions a run, %.0f senders accepted; newcomers in %d runs):\n\n", b.asked, b.accepted, b.newcomers)
	say(f.Wrong <= 0.07, "wanted mail within %d days after *ready* in at most 7 %% of the runs: %.1f %%", ahead, 100*f.Wrong)
	say(f.Ready >= 0.9, "ready by day 90 in at least 90 %%: %.1f %%", 100*f.Ready)
	sooner(w, say, "people who ask whom they see", f, plain)
	sooner(w, say, "people who ask whom the sender book names", f, book)
	say(b.bound() >= 0.93 && a.bound() >= 0.93, "no more than the 95 %% bound comes in at least 93 %%: %.1f %% where nobody is asked, %.1f %% else", 100*a.bound(), 100*b.bound())
	say(a.blind+b.blind == 0, "never ready while blind: %d times", a.blind+b.blind)
}

func sooner(w io.Writer, say func(bool, string, ...any), whose string, f figures, rules []outcome) {
	days, s, found := equal(address, f.Wrong, rules)
	switch {
	case !found:
		say(true, "at least 10 days sooner than as safe a silence, of %s: none up to %d days is as safe", whose, silentDays[len(silentDays)-1])
	case s.Median == never:
		say(true, "at least 10 days sooner than as safe a silence, of %s: that is %d days, not over by day %d; the book is on day %d", whose, days, lastLooked, f.Median)
	default:
		say(f.Median+10 <= s.Median, "at least 10 days sooner than as safe a silence, of %s: that is %d days, on day %d; the book is on day %d", whose, days, s.Median, f.Median)
	}
}
