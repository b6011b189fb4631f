package logtail

import (
	"time"

	"posthouse/evidence"
)

// stamp notes a line's time: what it says about coverage and about the log's clock. A line is written no later than it is read: were one stamp of a year to come believed, silence would not be
// noticed before that.
func (f *Follower) stamp(stamp time.Time, result Result) {
	at := earlier(stamp, f.now)
	if result != Foreign {
		f.hear(at)
	}
	f.pos.LastLine = later(f.pos.LastLine, at)
	if f.isSkewed(stamp) {
		f.pos.Skewed++
		f.skewed = stamp
	} else {
		f.pos.Skewed = 0
	}
	if f.pos.From.IsZero() && at.After(f.pos.Lost) && f.missing.IsZero() && f.pos.Skewed == 0 && f.healthy() {
		f.pos.From = at
	}
}

// hear notes a line of a mail server. What others write into the same log does not end its silence.
func (f *Follower) hear(at time.Time) {
	if f.o.MaxSilence > 0 && at.Sub(f.pos.LastHeard) > f.o.MaxSilence {
		f.cover(f.pos.LastHeard.Add(f.o.MaxSilence))
		f.pos.From = time.Time{}
	}
	f.pos.LastHeard = later(f.pos.LastHeard, at)
}

// isSkewed tells of a stamp that cannot be true: it lies in the future, or before what was read when the log had been read to its end, in an earlier run too.
func (f *Follower) isSkewed(at time.Time) bool {
	read := later(f.live, f.pos.Live)
	return at.After(f.now.Add(skewLimit)) || !f.state.format.late && !read.IsZero() && at.Before(read.Add(-skewLimit))
}

func (f *Follower) healthy() bool {
	return f.doubted == "" && f.pos.Skewed < skewLines && f.pos.misread() == "" && len(f.state.unheard()) == 0 && f.pos.Proven
}

// grant turns what was read into coverage: at the log's end up to now, before it up to the last line.
func (f *Follower) grant(end bool) {
	switch {
	case !f.healthy():
		f.pos.From = time.Time{}
	case !f.missing.IsZero():
	case !end && !f.silent(f.pos.LastLine):
		f.cover(f.pos.LastLine)
	case end && f.batch.lines == 0 && f.now.Sub(f.committed) < f.o.Beat:
	case !end, f.silent(f.now):
		f.cover(f.pos.LastHeard.Add(f.o.MaxSilence))
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

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
