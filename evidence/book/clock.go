package book

import "time"

// Week is how much usually happens on each weekday, Sunday first; the mean is 1.
type Week [7]float64

// office is the week that is assumed as long as little is known.
var office = Week{0.2, 1.28, 1.28, 1.28, 1.28, 1.28, 0.4}

// assumedDays is for how many active days the assumption stands against what was seen.
const assumedDays = 28

// weekdayOf is 0 on Sundays. 1 January 1970 was a Thursday.
func weekdayOf(day int32) int { return int(((day+4)%7 + 7) % 7) }

// LearnWeek learns the weekdays from everybody's activity. A day of one counts once, however much he did: a newsletter is no busy day. No weekday
// is worth less than a twentieth, so that time never stands still by itself.
func LearnWeek(all []Series) Week {
	var sum float64
	week := office
	for i := range week {
		week[i] *= assumedDays / 7.0
		sum += week[i]
	}
	for _, s := range all {
		for _, c := range s {
			week[weekdayOf(c.Day)]++
			sum++
		}
	}
	for i := range week {
		week[i] = max(week[i]*7/sum, 0.05)
	}
	return week
}

// Clock measures time in usual days: a quiet week is 7 of them, and most of it passes on its working days. Time in which nobody watched does not pass. The zero Clock
// stands still.
type Clock struct {
	week    Week
	first   int32
	reached []float64 // at the beginning of the first day and those after it
	watched []float64 // shares of those days
}

// NewClock begins with a day. The shares say how much of it and of the days after it was watched; what lies before is watched not at all, what lies after wholly.
func NewClock(week Week, first int32, watched []float64) Clock {
	c := Clock{week: week, first: first, watched: watched, reached: make([]float64, len(watched)+1)}
	for i, share := range watched {
		c.reached[i+1] = c.reached[i] + week[weekdayOf(first+int32(i))]*share
	}
	return c
}

// At is how much time has passed at an instant.
func (c Clock) At(t time.Time) float64 {
	const day = 24 * 60 * 60
	if c.reached == nil {
		return 0
	}
	number := DayOf(t)
	part := float64(t.Unix()-int64(number)*day) / day
	at, pace := c.dayBegins(number)
	return at + part*pace
}

// dayBegins is the time at the beginning of a day, and how much of it passes on that day.
func (c Clock) dayBegins(day int32) (at, pace float64) {
	weight := c.week[weekdayOf(day)]
	switch i := int(day - c.first); {
	case i < 0:
		return 0, 0
	case i < len(c.watched):
		return c.reached[i], weight * c.watched[i]
	default:
		at, beyond := c.reached[len(c.watched)], i-len(c.watched)
		at += float64(beyond / 7 * 7)
		for d := day - int32(beyond%7); d < day; d++ {
			at += c.week[weekdayOf(d)]
		}
		return at, weight
	}
}

// Between is how much time passes from one instant to another, never less than nothing.
func (c Clock) Between(from, to time.Time) float64 { return max(0, c.At(to)-c.At(from)) }
