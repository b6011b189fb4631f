package main

import (
	"slices"
	"time"

	"posthouse/evidence"
	"posthouse/test/simulate/world"
)

const day = 24 * time.Hour

// setting is how worlds are run.
type setting struct {
	world.Parameters
	Senders int
	Help    help
}

// help is what people do.
type help int

const (
	nobody help = iota // nothing
	seen               // who has no sender book can ask those whom he sees on the old side
	named              // everybody is asked whom the sender book names; who says without a test message that he has moved is accepted
)

// How people ask: not in the first week, once a week, one in so many senders at most; nobody twice within a fortnight. Who was asked twice in vain is accepted, as are
// newcomers when they alone were in the way for a fortnight. What comes of those afterwards counts against the rule all the same.
const (
	askFrom  = 7
	askEvery = 7
	askOneIn = 15
	askAgain = 14
)

// The subjects: the two verdicts.
const (
	address = "address"
	server  = "server"
)

// run lets one world go by.
type run struct {
	setting
	w         *world.World
	t         evidence.Testimony
	policies  map[string]evidence.Policy
	names     map[world.Who]string
	ids       map[string]int   // who bears a name
	last      map[int]int      // day on which somebody was last noticed on the old side
	questions map[int][]int    // days on which somebody was asked
	words     map[int][]string // who says on a day that he has moved
	next      map[string]int   // day on which a verdict is looked at again
	uses      map[string][]use // of the old side, wanted in truth, by subject
	quiet     map[string][]use // the same as somebody sees it: noticed, and taken for wanted
	accepted  map[int]bool
	alone     int // since which day newcomers alone are in the way; 0: others are too
	outcome
}

type use struct{ day, id int }

func newRun(s setting, seed uint64) *run {
	r := &run{
		setting: s, w: world.New(s.Parameters, seed, s.Senders), names: make(map[world.Who]string), ids: make(map[string]int), last: make(map[int]int), questions: make(map[int][]int),
		words: make(map[int][]string), next: make(map[string]int), uses: make(map[string][]use), quiet: make(map[string][]use), accepted: make(map[int]bool),
		policies: map[string]evidence.Policy{
			address: evidence.OldAddress([]string{listener, devices}),
			server:  evidence.MailboxServer([]string{listener, devices, logins}, []string{listener, devices}),
		},
		outcome: outcome{rules: make(map[string]int), late: make(map[string]int), lateAll: make(map[string]int)},
	}
	for name, p := range r.policies {
		p.Listeners = []string{listener} // nobody has to reach the devices' from outside
		r.policies[name] = p
	}
	r.t = r.t.Tally(r.past()...)
	r.t = r.t.Switch(r.w.Switched()).WithWork(evidence.OpenWork{At: r.w.Switched()})
	return r
}

// goBy lets the days pass. Verdicts are looked at at midnight.
func (r *run) goBy() outcome {
	from := r.w.Switched()
	for number := 0; ; number++ {
		midnight := r.w.Day()
		events, ok := r.w.Next()
		if !ok {
			break
		}
		r.note(number, events)
		to := midnight.Add(day)
		r.t = r.t.Cover(r.watched(from, to)...)
		from = to
		r.evening(number+1, to)
	}
	r.settle()
	return r.outcome
}

// note what happened on a day.
func (r *run) note(number int, events []world.Event) {
	var all []evidence.Observation
	for _, e := range events {
		if e.Noticed && r.Help != seen {
			all = append(all, observe(e))
			r.nameOf(e)
		}
		if !e.Old || e.At.Before(r.w.Switched()) {
			continue
		}
		if e.Noticed && e.Taken {
			r.last[e.ID] = number
		}
		for _, subject := range subjects(e.Kind) {
			if e.Wanted {
				r.uses[subject] = append(r.uses[subject], use{number, e.ID})
			}
			if e.Taken && e.Noticed {
				r.quiet[subject] = append(r.quiet[subject], use{number, e.ID})
			}
		}
	}
	r.t = evidence.Fold(r.t, all...)
}

// nameOf is the name that the sender book has for somebody.
func (r *run) nameOf(e world.Event) string {
	name, known := r.names[e.Who]
	if !known {
		name = evidence.SystemOf(observe(e))
		r.names[e.Who], r.ids[name] = name, e.ID
	}
	return name
}

// subjects are the verdicts that a use counts against.
func subjects(k world.Kind) []string {
	switch k {
	case world.Mail:
		return []string{address}
	case world.Sending:
		return []string{address, server}
	}
	return []string{server}
}

// lastLooked is the last day on which a verdict is looked at.
const lastLooked = 94

// compared are the days on which forecasts are compared with what comes.
var compared = []int{1, 3, 7, 14, 21, 30, 45, 60}

// evening is when people look, and ask others to move.
func (r *run) evening(number int, now time.Time) {
	for _, name := range r.words[number] {
		r.accept(r.ids[name], name)
	}
	asking := number >= askFrom && number%askEvery == 0
	if r.Help == seen {
		if asking {
			r.askSeen(number)
		}
		return
	}
	for _, subject := range []string{address, server} {
		if _, ready := r.rules[subject]; ready || number > lastLooked {
			continue
		}
		r.look(subject, number, now)
		if asking && r.Help == named {
			r.askNamed(r.policies[subject], number, now)
		}
	}
}

// look at a verdict: every third day, and every day once it comes near.
func (r *run) look(subject string, number int, now time.Time) {
	comparing := subject == address && slices.Contains(compared, number)
	if number < r.next[subject] && !comparing {
		return
	}
	v := evidence.Judge(r.policies[subject], r.t, now)
	if subject == address && r.Help == named {
		r.acceptNewcomers(number, v.Leftover.Sooner)
	}
	if r.next[subject] = number + 3; v.Leftover.Chance < 2*v.Leftover.Allowed {
		r.next[subject] = number + 1
	}
	if v.State == evidence.Ready {
		r.rules[subject] = number
		if r.isBlind(now) {
			r.blind++
		}
	}
	if comparing || subject == address && v.State == evidence.Ready {
		r.forecasts = append(r.forecasts, forecast{number, v.Leftover.Upper})
	}
}

// unseen is how long nobody can know that a source is silent: what Policy.Stale says.
const unseen = 5 * time.Minute

// isBlind tells whether a verdict has to be blind.
func (r *run) isBlind(now time.Time) bool {
	var gaps time.Duration
	for _, gap := range r.w.Blind() {
		s := evidence.Span{From: gap[0], To: gap[1]}
		if s.From.Before(now.Add(-unseen)) && s.To.After(now) {
			return true
		}
		gaps += evidence.Spans{s}.Between(now.Add(-3*day), now).Length()
	}
	return gaps > 3*day/10
}

// askNamed has those asked of whom the sender book says that they may still come, the likeliest first.
func (r *run) askNamed(p evidence.Policy, number int, now time.Time) {
	n := 0
	for _, s := range evidence.Senders(p, r.t, now) {
		if id, known := r.ids[s.Name]; known && s.Open() && n < r.Senders/askOneIn && r.ask(number, id, s.Name) {
			n++
		}
	}
}

// askSeen has those asked who were seen on the old side since people last asked, the latest first.
func (r *run) askSeen(number int) {
	var all []use
	for id, at := range r.last {
		if at >= number-askEvery && id >= 0 {
			all = append(all, use{at, id})
		}
	}
	slices.SortFunc(all, func(a, b use) int { return 1000000*(b.day-a.day) + b.id - a.id })
	n := 0
	for _, u := range all {
		if n < r.Senders/askOneIn && r.ask(number, u.id, "") {
			n++
		}
	}
}

// ask somebody to move, unless that was done a short time ago.
func (r *run) ask(number, id int, name string) bool {
	before := r.questions[id]
	switch n := len(before); {
	case r.accepted[id] || n > 0 && number-before[n-1] < askAgain:
		return false
	case n >= 2:
		r.accept(id, name)
		return false
	}
	r.asked++
	r.questions[id] = append(before, number)
	if answers, days, test := r.w.Ask(id); answers && !test && r.Help == named {
		r.words[number+days] = append(r.words[number+days], name)
	}
	return true
}

// acceptNewcomers once nobody else was in the way for long enough.
func (r *run) acceptNewcomers(number int, inTheWay []string) {
	switch {
	case !slices.Equal(inTheWay, []string{evidence.Newcomers}):
		r.alone = 0
	case r.alone == 0:
		r.alone = number
	case number-r.alone >= askAgain:
		r.newcomers = true
		r.allow(evidence.Newcomers)
	}
}

func (r *run) accept(id int, name string) {
	r.accepted[id] = true
	r.allow(name)
}

func (r *run) allow(name string) {
	for subject, p := range r.policies {
		p.Allowed = append(slices.Clip(p.Allowed), name)
		r.policies[subject] = p
	}
}
