package logtail

import (
	"time"

	"posthouse/evidence"
)

// stamp notes a line's time: what it says about coverage and about the log's clock.
func (f *Follower) stamp(at time.Time) {
	if f.o.MaxSilence > 0 && at.Sub(f.pos.LastLine) > f.o.MaxSilence {
		f.cover(f.pos.LastLine.Add(f.o.MaxSilence))
		f.pos.From = time.Time{}
	}
	f.pos.LastLine = later(f.pos.LastLine, at)
	if at.After(f.now.Add(skewLimit)) || !f.live.IsZero() && at.Before(f.live.Add(-skewLimit)) {
		f.skewed++
	} else {
		f.skewed = 0
	}
	if f.pos.From.IsZero() && f.missing.IsZero() && f.healthy() {
		f.pos.From = at
	}
}

func (f *Follower) healthy() bool {
	return f.doubted == "" && f.skewed < skewLines && !f.pos.Rate.alarm() && len(f.state.unheard()) == 0
}

// grant turns what was read into coverage: at the log's end up to now, before it up to the last line.
func (f *Follower) grant(end bool) {
	switch {
	case !f.healthy():
		f.pos.From = time.Time{}
	case !f.missing.IsZero():
	case !end:
		f.cover(f.pos.LastLine)
	case f.batch.lines == 0 && f.now.Sub(f.committed) < f.o.Beat:
	case f.silent(f.now):
		f.cover(f.pos.LastLine.Add(f.o.MaxSilence))
		f.pos.From = time.Time{}
	case f.pos.From.IsZero():
		f.pos.From = f.now
	default:
		f.cover(f.now)
	}
}

// cover adds the span from where coverage ended up to a time.
func (f *Follower) cover(to time.Time) {
	if to.After(f.now) {
		to = f.now
	}
	if f.pos.From.IsZero() || !to.After(f.pos.From) {
		return
	}
	f.batch.cover(f.o.Source, evidence.Span{From: f.pos.From, To: to})
	f.pos.From = to
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
