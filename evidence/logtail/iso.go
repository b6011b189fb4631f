package logtail

import "time"

var utc = zone{Location: time.UTC}

// zone is of what place stamps are that name no offset, and what was written before them.
type zone struct {
	*time.Location
	before time.Time
}

// parseISO reads 2026-11-23T18:30:01.123Z, with a blank or a T, a fraction or none (behind a point or a comma), and Z, an offset or none. Nothing may follow.
func parseISO(text string, z zone) (time.Time, bool) {
	at, rest, ok := cutISO(text, z)
	return at, ok && rest == ""
}

// cutISO reads a stamp and returns what follows it.
func cutISO(text string, z zone) (at time.Time, rest string, ok bool) {
	if len(text) < len("2006-01-02T15:04:05") || text[10] != 'T' && text[10] != ' ' {
		return time.Time{}, "", false
	}
	year, month, day, ok := isoDate(text[:10])
	if !ok {
		return time.Time{}, "", false
	}
	clock, ok := isoClock(text[11:19])
	if !ok {
		return time.Time{}, "", false
	}
	fraction, rest := cutFraction(text[19:])
	clock += fraction
	offset, rest, given, ok := cutOffset(rest)
	switch {
	case !ok:
		return time.Time{}, "", false
	case given:
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Add(clock - offset), rest, true
	}
	return wall(year, month, day, clock, z.Location, z.before), rest, true
}

// isoDate reads 2006-01-02, with any one octet between the numbers.
func isoDate(text string) (year int, month time.Month, day int, ok bool) {
	century, ok1 := twoDigits(text[0:2])
	years, ok2 := twoDigits(text[2:4])
	m, ok3 := twoDigits(text[5:7])
	day, ok4 := twoDigits(text[8:10])
	year = 100*century + years
	ok = ok1 && ok2 && ok3 && ok4 && year >= 1990 && m >= 1 && m <= 12 && day >= 1 && day <= daysIn(year, time.Month(m))
	return year, time.Month(m), day, ok
}

func daysIn(year int, m time.Month) int {
	switch m {
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case time.April, time.June, time.September, time.November:
		return 30
	}
	return 31
}

// isoClock reads 15:04:05.
func isoClock(text string) (time.Duration, bool) {
	h, ok1 := twoDigits(text[0:2])
	m, ok2 := twoDigits(text[3:5])
	s, ok3 := twoDigits(text[6:8])
	ok := ok1 && ok2 && ok3 && text[2] == ':' && text[5] == ':' && h < 24 && m < 60 && s <= 60
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second, ok
}

// cutFraction reads .123 or ,123, to microseconds: the resolution of the ledger.
func cutFraction(text string) (fraction time.Duration, rest string) {
	if len(text) < 2 || text[0] != '.' && text[0] != ',' || !isDigit(text[1]) {
		return 0, text
	}
	unit, i := time.Second, 1
	for ; i < len(text) && isDigit(text[i]); i++ {
		unit /= 10
		fraction += time.Duration(text[i]-'0') * unit
	}
	return fraction.Truncate(time.Microsecond), text[i:]
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// cutOffset reads Z, +01:00 and +0100.
func cutOffset(text string) (offset time.Duration, rest string, given, ok bool) {
	if text == "" {
		return 0, "", false, true
	}
	switch text[0] {
	case 'Z':
		return 0, text[1:], true, true
	case '+', '-':
	default:
		return 0, text, false, true
	}
	if len(text) >= 6 && text[3] == ':' {
		offset, ok = hoursMinutes(text[1:3], text[4:6])
		rest = text[6:]
	} else if len(text) >= 5 {
		offset, ok = hoursMinutes(text[1:3], text[3:5])
		rest = text[5:]
	}
	if text[0] == '-' {
		offset = -offset
	}
	return offset, rest, true, ok
}

func hoursMinutes(hours, minutes string) (time.Duration, bool) {
	h, ok1 := twoDigits(hours)
	m, ok2 := twoDigits(minutes)
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, ok1 && ok2 && h < 24 && m < 60
}
