package evidence

import (
	"slices"
	"time"
)

// Length is how long the span lasts; an empty or inverted span lasts no time.
func (s Span) Length() time.Duration { return max(0, s.To.Sub(s.From)) }

// Spans are stretches of time in order, not empty, neither overlapping nor adjacent. They are never changed in place.
type Spans []Span

// Add returns the spans with one more merged in. Adjacent spans become one. An empty span adds nothing.
func (s Spans) Add(add Span) Spans {
	if add.Length() == 0 {
		return s
	}
	from := sortedIndex(s, func(x Span) bool { return !x.To.Before(add.From) })
	to := sortedIndex(s, func(x Span) bool { return x.From.After(add.To) })
	if from < to {
		add.From = earlier(add.From, s[from].From)
		add.To = later(add.To, s[to-1].To)
	}
	merged := make(Spans, 0, len(s)-(to-from)+1)
	merged = append(merged, s[:from]...)
	merged = append(merged, add)
	return append(merged, s[to:]...)
}

// Between returns the parts of the spans that lie in [from, to).
func (s Spans) Between(from, to time.Time) Spans {
	var in Spans
	for _, x := range s {
		part := Span{later(x.From, from), earlier(x.To, to)}
		if part.Length() > 0 {
			in = append(in, part)
		}
	}
	return in
}

// Length is the sum of the spans.
func (s Spans) Length() time.Duration {
	var sum time.Duration
	for _, x := range s {
		sum += x.Length()
	}
	return sum
}

// And returns the time that lies in both.
func (s Spans) And(other Spans) Spans {
	var both Spans
	for i, j := 0, 0; i < len(s) && j < len(other); {
		part := Span{later(s[i].From, other[j].From), earlier(s[i].To, other[j].To)}
		if part.Length() > 0 {
			both = append(both, part)
		}
		if s[i].To.Before(other[j].To) {
			i++
		} else {
			j++
		}
	}
	return both
}

// Begin is the start of the first span, the zero time if there is none.
func (s Spans) Begin() time.Time {
	if len(s) == 0 {
		return time.Time{}
	}
	return s[0].From
}

// End is the end of the last span, the zero time if there is none.
func (s Spans) End() time.Time {
	if len(s) == 0 {
		return time.Time{}
	}
	return s[len(s)-1].To
}

// Back returns the instant after which the spans hold exactly d; ok is false, and the instant is their begin, when they hold less.
func (s Spans) Back(d time.Duration) (at time.Time, ok bool) {
	for _, x := range slices.Backward(s) {
		if x.Length() >= d {
			return x.To.Add(-d), true
		}
		d -= x.Length()
	}
	return s.Begin(), d <= 0
}

// sortedIndex is the first index at which the predicate holds; it is false, then true, along the spans.
func sortedIndex(s Spans, holds func(Span) bool) int {
	i, _ := slices.BinarySearchFunc(s, true, func(x Span, _ bool) int {
		if holds(x) {
			return 0
		}
		return -1
	})
	return i
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
