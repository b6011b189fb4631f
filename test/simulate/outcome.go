package main

import (
	"fmt"
	"strings"

	"posthouse/test/simulate/world"
)

// ahead is for how many days after a rule has said ready nothing wanted may come.
const ahead = 60

// outcome is what became of one world.
type outcome struct {
	rules     map[string]int // on which day each rule said ready; absent: not by the last day
	late      map[string]int // what came wanted within 60 days after, but of those accepted
	lateAll   map[string]int // of those accepted too
	forecasts []forecast
	held      int  // forecasts that were not exceeded
	blind     int  // verdicts of ready while blind: none is allowed
	asked     int  // questions
	agreed    int  // senders that were accepted
	newcomers bool // accepted too
}

type forecast struct {
	day   int
	upper float64
}

// silentDays are the lengths of silence that are tried as rules.
var silentDays = []int{3, 7, 10, 12, 14, 16, 18, 21, 24, 27, 30, 35, 40, 45, 50, 60}

func rule(subject, kind string, days int) string { return fmt.Sprintf("%s %s %d", subject, kind, days) }

// settle finds out what came after each rule's day.
func (r *run) settle() {
	r.agreed = len(r.accepted)
	for _, subject := range []string{address, server} {
		r.rules[rule(subject, "fixed", 3)] = 3
		for _, days := range silentDays {
			if at := r.silent(subject, days); at <= lastLooked {
				r.rules[rule(subject, "silence", days)] = at
			}
		}
	}
	for name, at := range r.rules {
		subject, _, _ := strings.Cut(name, " ")
		r.late[name], r.lateAll[name] = r.between(subject, at, at+ahead)
	}
	for _, f := range r.forecasts {
		if n, _ := r.between(address, f.day, f.day+ahead); float64(n) <= f.upper {
			r.held++
		}
	}
}

// silent is the day on which nobody who was not accepted had been seen for so many days.
func (r *run) silent(subject string, days int) int {
	last := 0
	for _, u := range append(r.quiet[subject], use{day: 2 * world.After}) {
		switch {
		case r.accepted[u.id] && u.day <= world.After:
		case u.day-last > days:
			return last + days
		default:
			last = max(last, u.day)
		}
	}
	return 2 * world.After
}

// between counts wanted uses from one day on up to another: without those of whoever was accepted, and with them.
func (r *run) between(subject string, from, to int) (others, all int) {
	for _, u := range r.uses[subject] {
		if u.day < from || u.day >= to {
			continue
		}
		if all++; !r.accepted[u.id] {
			others++
		}
	}
	return others, all
}
