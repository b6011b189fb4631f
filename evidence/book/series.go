package book

import (
	"cmp"
	"slices"
	"time"
)

// Remembered is how many days a Series goes back from its newest: the rhythms of a year and a month.
const Remembered = 400

// Series counts uses by UTC day: in order, without days on which nothing was.
type Series []Count

// Count is the uses of one day.
type Count struct {
	Day int32  `json:"day"` // days since 1 January 1970
	N   uint32 `json:"n"`
}

// DayOf is the UTC day of an instant.
func DayOf(at time.Time) int32 {
	const day = 24 * 60 * 60
	seconds := at.Unix()
	if seconds < 0 {
		seconds -= day - 1
	}
	return int32(seconds / day)
}

// Noon of a day.
func Noon(day int32) time.Time { return time.Unix(int64(day)*24*60*60+12*60*60, 0).UTC() }

// Add counts n more on a day, in place where there is room: who adds must own the series. Days out of memory are dropped.
func (s Series) Add(day int32, n uint32) Series {
	if n == 0 || len(s) > 0 && day <= s[len(s)-1].Day-Remembered {
		return s
	}
	i, found := slices.BinarySearchFunc(s, day, func(c Count, day int32) int { return cmp.Compare(c.Day, day) })
	if found {
		s[i].N += n
		return s
	}
	s = slices.Insert(s, i, Count{day, n})
	if old := s.upTo(s[len(s)-1].Day - Remembered); old > 0 {
		s = slices.Delete(s, 0, old)
	}
	return s
}

// upTo is how many days of the series are not after a day.
func (s Series) upTo(day int32) int {
	i, _ := slices.BinarySearchFunc(s, day+1, func(c Count, day int32) int { return cmp.Compare(c.Day, day) })
	return i
}

// Before returns the days before one.
func (s Series) Before(day int32) Series { return s[:s.upTo(day-1)] }

// From returns a day and those after it.
func (s Series) From(day int32) Series { return s[s.upTo(day-1):] }

// Total is the sum of the counts.
func (s Series) Total() int {
	n := 0
	for _, c := range s {
		n += int(c.N)
	}
	return n
}

// Or joins what two watchers counted of the same: by day the larger count, as both may have seen the same use.
func (s Series) Or(other Series) Series {
	return merge(s, other, func(a, b uint32) uint32 { return max(a, b) })
}

// Plus joins what happened in two places: the counts are added.
func (s Series) Plus(other Series) Series {
	return merge(s, other, func(a, b uint32) uint32 { return a + b })
}

func merge(a, b Series, both func(a, b uint32) uint32) Series {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	all := make(Series, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Day < b[0].Day:
			all, a = append(all, a[0]), a[1:]
		case b[0].Day < a[0].Day:
			all, b = append(all, b[0]), b[1:]
		default:
			all = append(all, Count{a[0].Day, both(a[0].N, b[0].N)})
			a, b = a[1:], b[1:]
		}
	}
	return append(append(all, a...), b...)
}
