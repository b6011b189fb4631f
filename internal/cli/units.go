package cli

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"posthouse/evidence"
)

var sizeUnits = []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}

// size writes octets in decimal units, as disks and mail providers count: 512 B, 14 kB, 2.1 MB, 819 GB.
func size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", max(n, 0))
	}
	v, unit := float64(n), 0
	for ; v >= 999.5; unit++ {
		v /= 1000
	}
	return fmt.Sprintf("%.*f %s", decimals(v, 9.95), v, sizeUnits[unit])
}

// sizes writes a part of a whole in the whole's unit: 812/819 GB, 10.2/12.6 GB. A part that is not all of it is rounded down. about marks the whole as an estimate.
func sizes(part, whole int64, about bool) string {
	v, unit, scale := float64(max(whole, 0)), 0, 1.0
	for ; v >= 999.5; unit++ {
		v /= 1000
		scale *= 1000
	}
	d := decimals(v, 99.95)
	if unit == 0 {
		d = 0
	}
	step := math.Pow10(d)
	mark := ""
	if about {
		mark = "~"
	}
	shown := math.Floor(float64(max(part, 0))/scale*step) / step
	if part == whole {
		shown = v
	}
	return fmt.Sprintf("%.*f/%s%.*f %s", d, shown, mark, d, v, sizeUnits[unit])
}

func decimals(v, below float64) int {
	if v < below {
		return 1
	}
	return 0
}

// byteRate writes octets a second: 9.4 MB/s.
func byteRate(perSecond float64) string { return size(int64(math.Round(perSecond))) + "/s" }

// countRate writes messages a second.
func countRate(perSecond float64) string {
	if perSecond < 9.95 {
		return fmt.Sprintf("%.1f/s", perSecond)
	}
	return count(int(math.Round(perSecond))) + "/s"
}

// count writes a number with a comma at each thousand: 8,400.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// counted is a number with its noun: 1 message, 8,400 messages.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// percent is rounded down: 100 % is only said of the whole.
func percent(part, whole int64) int {
	if whole <= 0 || part <= 0 {
		return 0
	}
	return int(min(100, float64(part)/float64(whole)*100))
}

const day = 24 * time.Hour

// From inDays on periods are no longer spoken of in hours: 72 h, but 30 d.
const inDays = 4 * day

// period writes a configured period as it is spoken of: 90 min, 72 h, 30 d.
func period(d time.Duration) string {
	switch {
	case d >= inDays:
		return fmt.Sprintf("%d d", d/day)
	case d >= 2*time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return evidence.Length(d)
}

// partOf writes how much of a whole passed, in the whole's unit and rounded down: 41 h, where the whole is 72 h.
func partOf(d, whole time.Duration) string {
	switch {
	case d < time.Minute:
		return "under a minute"
	case d < time.Hour:
		return evidence.Length(d)
	case whole < inDays, d < day:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d d", d/day)
}

// ago says how long before now an instant lies.
func ago(at, now time.Time) string {
	if d := now.Sub(at); d >= time.Minute {
		return evidence.Length(d) + " ago"
	}
	return "just now"
}

// moment is an instant with its weekday: Thu 26 Nov 18:40. now tells zone and year.
func moment(at, now time.Time) string {
	at = at.In(now.Location())
	if at.Year() != now.Year() {
		return at.Format("Mon 2 Jan 2006 15:04")
	}
	return at.Format("Mon 2 Jan 15:04")
}

// dueTime is an instant to come: in 12 s, in 4 min, and its clock time where that is some while off.
func dueTime(at, now time.Time) string {
	switch d := at.Sub(now); {
	case d <= 0:
		return "now"
	case d < 15*time.Minute:
		return "in " + evidence.Length(d.Truncate(time.Second)+time.Second)
	}
	return clockTime(at, now)
}

// clockTime is an instant near now: 14:40, or with its date where that is another day's.
func clockTime(at, now time.Time) string {
	at = at.In(now.Location())
	switch {
	case at.Year() != now.Year():
		return at.Format("2 Jan 2006 15:04")
	case at.YearDay() != now.YearDay():
		return at.Format("2 Jan 15:04")
	}
	return at.Format("15:04")
}
