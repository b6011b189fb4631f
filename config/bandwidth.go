package config

import (
	"fmt"
	"strings"
	"time"
)

// Bandwidth is one line of a timetable: how many octets a second may pass at some time of the week. The file writes it as "Mo-Fr 08:00-18:00 2MB/s"; without days it holds on
// every day, without times all day long.
type Bandwidth struct {
	Days     string        // as the file writes them; "" is every day
	From, To time.Duration // after midnight; both zero is all day. A To that is not after From is on the next day.
	Rate     Size          // a second

	on [7]bool // by time.Weekday
}

// slowest is what still lets everybody log in in time.
const slowest Size = 16e3

const bandwidthForm = `is not a bandwidth (like "20MB/s", "Mo-Fr 08:00-18:00 2MB/s", "Sa,Su 10MB/s", "22:00-06:00 50MB/s")`

var weekdays = map[string]time.Weekday{
	"mo": time.Monday, "tu": time.Tuesday, "we": time.Wednesday, "th": time.Thursday, "fr": time.Friday, "sa": time.Saturday, "su": time.Sunday,
}

// ParseBandwidth reads [DAYS] [HH:MM-HH:MM] SIZE/s.
func ParseBandwidth(s string) (Bandwidth, error) {
	b := Bandwidth{on: [7]bool{true, true, true, true, true, true, true}}
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return b, fmt.Errorf("%q %s", s, bandwidthForm)
	}
	size, perSecond := strings.CutSuffix(fields[len(fields)-1], "/s")
	rate, err := ParseSize(size)
	if err != nil || !perSecond {
		return b, fmt.Errorf("%q %s", s, bandwidthForm)
	}
	if rate < slowest {
		return b, fmt.Errorf("%q is too little: at least %s/s", s, slowest)
	}
	b.Rate = rate
	when := fields[:len(fields)-1]
	if len(when) > 0 && b.parseDays(when[0]) {
		when = when[1:]
	}
	if len(when) > 0 && b.parseTimes(when[0]) {
		when = when[1:]
	}
	if len(when) > 0 {
		return b, fmt.Errorf("%q %s", s, bandwidthForm)
	}
	return b, nil
}

// parseDays reads Mo-Fr, Sa,Su or We.
func (b *Bandwidth) parseDays(s string) bool {
	var on [7]bool
	for part := range strings.SplitSeq(strings.ToLower(s), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, ok1 := weekdays[first]
		to, ok2 := weekdays[last]
		if !ok1 || !ok2 {
			return false
		}
		for day := from; ; day = (day + 1) % 7 {
			on[day] = true
			if day == to {
				break
			}
		}
	}
	b.Days, b.on = s, on
	return true
}

// parseTimes reads HH:MM-HH:MM.
func (b *Bandwidth) parseTimes(s string) bool {
	from, to, isRange := strings.Cut(s, "-")
	first, ok1 := timeOfDay(from)
	last, ok2 := timeOfDay(to)
	if !isRange || !ok1 || !ok2 || first == last || first == day {
		return false
	}
	b.From, b.To = first, last
	return true
}

// timeOfDay reads HH:MM; 24:00 is the end of the day.
func timeOfDay(s string) (time.Duration, bool) {
	if s == "24:00" {
		return day, true
	}
	at, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, false
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, true
}

// always says that the line holds at any time.
func (b Bandwidth) always() bool {
	return b.on == [7]bool{true, true, true, true, true, true, true} && b.From == 0 && (b.To == 0 || b.To == day)
}

// Holds reports whether the line is for the instant, as clocks show it in at's zone.
func (b Bandwidth) Holds(at time.Time) bool {
	now, today := time.Duration(at.Hour())*time.Hour+time.Duration(at.Minute())*time.Minute, at.Weekday()
	yesterday := (today + 6) % 7
	switch {
	case b.From == 0 && b.To == 0:
		return b.on[today]
	case b.From < b.To:
		return b.on[today] && b.From <= now && now < b.To
	}
	return b.on[today] && b.From <= now || b.on[yesterday] && now < b.To
}

// String is the line as the file writes it.
func (b Bandwidth) String() string {
	clock := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60) }
	text := b.Days
	if b.From != 0 || b.To != 0 {
		text += " " + clock(b.From) + "-" + clock(b.To)
	}
	return strings.TrimSpace(text + " " + b.Rate.String() + "/s")
}

// BandwidthAt is how many octets a second the first line that holds allows; 0, where none does, is no limit.
func BandwidthAt(timetable []Bandwidth, at time.Time) Size {
	for _, b := range timetable {
		if b.Holds(at) {
			return b.Rate
		}
	}
	return 0
}
