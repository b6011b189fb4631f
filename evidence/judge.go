package evidence

import (
	"slices"
	"sort"
	"time"

	"posthouse/evidence/book"
)

// Judge holds a testimony against a policy. It is pure: the same values give the same verdict, so an export can be recomputed by anybody.
//
// The verdict is blind when any reason of blindness holds, else not yet when any other reason holds, else ready. More wanted use, more open work
// or less coverage never make a verdict ready that was not yet.
func Judge(p Policy, t Testimony, now time.Time) Verdict {
	j := newJudgement(p, t, now)
	blindness := j.blindness()
	reasons := append([]Reason{}, slices.Concat(blindness, j.work(), j.sessions(), j.uses(), j.short(), j.expected())...) // never nil: scripts walk through it
	v := Verdict{
		About: p.Verdict, State: Ready, At: now, Reasons: reasons,
		Earliest: j.earliest(), LastUse: j.lastUse, Quiet: j.quiet, Needed: j.Quiet,
		Fresh: j.fresh(), Sources: len(p.Required), Floor: floorOf(j.quiet, p.Horizon), Leftover: j.leftover(),
	}
	v.Window, v.Blind = j.window()
	switch {
	case len(blindness) > 0:
		v.State = Blind
	case len(reasons) > 0:
		v.State = NotYet
	}
	if v.State != Ready {
		v.Reasons = append(v.Reasons, j.crowds()...)
	}
	return v
}

// judgement is what the questions of one Judge share.
type judgement struct {
	Policy
	t       Testimony
	now     time.Time
	allowed accepted
	watched map[string]Spans     // by required source, up to now
	common  Spans                // time in which all required sources were watched
	open    map[UseKey]time.Time // sessions that count
	lastUse time.Time
	quiet   time.Duration
	book    *foresight // nil: not asked
	sum     book.Sum
	likely  []likely
}

func newJudgement(p Policy, t Testimony, now time.Time) *judgement {
	j := &judgement{Policy: p, t: t, now: now, allowed: accept(p.Allowed), watched: make(map[string]Spans)}
	for i, source := range p.Required {
		spans := t.coverage[source].Between(time.Time{}, now)
		j.watched[source] = spans
		if i == 0 {
			j.common = spans
		}
		j.common = j.common.And(spans)
	}
	j.findUse()
	j.openBook()
	j.quiet = j.common.Between(j.quietFrom(), now).Length()
	return j
}

// counted is when somebody was last used whom nobody accepted: what counts against quiet; the zero time if nothing does. Of a host that serves several organisations one may be accepted, and another not.
func (j *judgement) counted(u *Use) (last time.Time) {
	if !slices.ContainsFunc(j.Doors, func(d Door) bool { return d.covers(u.Channel, u.Source) }) {
		return time.Time{}
	}
	for _, by := range u.By {
		if !j.allowed.has(u.Sender, by.System) {
			last = later(last, by.Last)
		}
	}
	return last
}

func (j *judgement) findUse() {
	for _, u := range j.t.uses {
		j.lastUse = later(j.lastUse, j.counted(u))
	}
	j.open = make(map[UseKey]time.Time)
	for key, since := range j.t.Open() {
		if u := j.t.uses[key]; u != nil && !j.counted(u).IsZero() {
			j.open[key] = since
			j.lastUse = later(j.lastUse, j.now) // it is use until it ends
		}
	}
}

// openBook asks the sender book. Where it does not know the past, a long quiet decides.
func (j *judgement) openBook() {
	if j.Chance <= 0 {
		return
	}
	j.Window = j.Policy.window()
	if j.book = foresee(j); !j.book.known {
		j.book, j.Quiet = nil, max(j.Quiet, j.Unfamiliar)
		return
	}
	j.sum, j.likely = j.book.look(j.now)
}

// quietFrom is the instant from which quiet is counted. What happened before the MX records were switched says nothing about the time after.
func (j *judgement) quietFrom() time.Time { return later(j.lastUse, j.t.switched) }

// possible tells whether the policy asks for anything at all.
func (j *judgement) possible() bool {
	return len(j.Required) > 0 && len(j.Doors) > 0 && j.Quiet > 0
}

func (j *judgement) isFresh(source string) bool {
	spans := j.watched[source]
	return j.Blinded[source] == "" && len(spans) > 0 && j.now.Sub(spans.End()) <= j.Stale
}

func (j *judgement) fresh() int {
	n := 0
	for _, source := range j.Required {
		if j.isFresh(source) {
			n++
		}
	}
	return n
}

// enough tells whether the spans cover enough of the window before at. What lies after end is not asked for.
func (j *judgement) enough(spans Spans, at, end time.Time) bool {
	return j.share(spans, at, end) >= j.BlindBelow
}

// share is the whole window before at less its gaps, as a share of it. What lies before the first watching is no gap: who has just begun is young, not blind, and a short gap
// on the first day weighs as much as on any other.
func (j *judgement) share(spans Spans, at, end time.Time) float64 {
	start := later(at.Add(-j.Policy.window()), spans.Begin())
	length := end.Sub(start)
	if length <= 0 {
		return 1
	}
	gaps := length - spans.Between(start, end).Length()
	return 1 - float64(gaps)/float64(j.Policy.window())
}

// window is the length of the common window and the blind time in it. The moments since the last sign of life of a source that is watched are
// not blind, only not yet reported.
func (j *judgement) window() (length, blind time.Duration) {
	if len(j.common) == 0 {
		return 0, 0
	}
	end := j.now
	if j.fresh() == len(j.Required) {
		end = j.common.End()
	}
	all := Span{later(j.now.Add(-j.Policy.window()), j.common.Begin()), end}
	return all.Length(), all.Length() - j.common.Between(all.From, all.To).Length()
}

// earliest is described at Verdict.Earliest.
func (j *judgement) earliest() time.Time {
	if !j.possible() || len(j.unseen()) > 0 {
		return time.Time{}
	}
	at := later(j.now, j.quietFrom()).Add(max(0, j.Quiet-j.quiet))
	for _, source := range j.Required {
		if !j.isFresh(source) {
			at = later(at, j.now.Add(time.Second)) // it must be read at least once
		}
		at = later(at, j.coveredAgain(j.watched[source]))
	}
	if j.book != nil {
		return j.book.below(j.Chance, at)
	}
	return at
}

// coveredAgain is when a source that is watched from now on covers enough of the window.
func (j *judgement) coveredAgain(spans Spans) time.Time {
	window := j.Policy.window()
	spans = spans.Add(Span{j.now, j.now.Add(window)})
	wait := sort.Search(int(window/time.Second)+1, func(seconds int) bool {
		at := j.now.Add(time.Duration(seconds) * time.Second)
		return j.enough(spans, at, at)
	})
	return j.now.Add(min(window, time.Duration(wait)*time.Second))
}
