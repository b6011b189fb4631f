package logtail

import (
	"strconv"
	"strings"
	"time"
)

// stamps reads time stamps of log lines. It remembers the last one: a stamp without a year is of the year that brings it nearest to that.
type stamps struct {
	zone *time.Location
	ref  time.Time // the last stamp read, or a time known to be no earlier than the first
	read bool      // ref is a stamp

	text   string // the last year-less stamp, and what it meant
	parsed time.Time
}

const yearless = len("Jan 02 15:04:05")

// cut reads the stamp that a line begins with and returns the rest of the line.
func (s *stamps) cut(line string) (at time.Time, rest string, ok bool) {
	if len(line) > 0 && line[0] == '<' { // the priority of RFC 3164 §4.1.1
		if end := strings.IndexByte(line, '>'); end > 0 && end < 6 {
			line = line[end+1:]
		}
	}
	switch {
	case len(line) <= yearless:
		return time.Time{}, "", false
	case line[0] == '@':
		at, rest, ok = cutTAI64N(line)
	case line[0] >= '0' && line[0] <= '9':
		at, rest, ok = s.cutISO(line)
	default:
		at, rest, ok = s.cutYearless(line)
	}
	if ok {
		s.ref, s.read = at, true
	}
	return at, rest, ok
}

// cutISO reads 2026-11-23T18:30:01.123456+01:00 and its relatives, also with a space before the offset. A stamp without an offset is of the configured zone.
func (s *stamps) cutISO(line string) (time.Time, string, bool) {
	at, rest, ok := cutISO(line, zone{s.zone, s.before()})
	if !ok || !strings.HasPrefix(rest, " ") {
		return time.Time{}, "", false
	}
	stamp, rest := line[:len(line)-len(rest)], rest[1:]
	if after := withoutOffset(rest); len(after) < len(rest) { // Exim's log_timezone
		at, ok = parseISO(stamp+rest[:5], utc)
		rest = after
	}
	return at, rest, ok
}

// before is the stamp that was read before, zero if there is none.
func (s *stamps) before() time.Time {
	if !s.read {
		return time.Time{}
	}
	return s.ref
}

// cutTAI64N reads @40000000 3f6421d1 1170a7b4 (written without blanks), as multilog writes it: seconds since 1970 and ten, plus 2^62, and nanoseconds.
func cutTAI64N(line string) (time.Time, string, bool) {
	label, rest, ok := strings.Cut(line[1:], " ")
	if !ok || len(label) != 24 {
		return time.Time{}, "", false
	}
	seconds, err := strconv.ParseUint(label[:16], 16, 64)
	nanoseconds, bad := strconv.ParseUint(label[16:], 16, 32)
	const zero = 1<<62 + 10
	if err != nil || bad != nil || seconds < zero || seconds-zero > 1<<36 {
		return time.Time{}, "", false
	}
	at := time.Unix(int64(seconds-zero), int64(nanoseconds)).UTC().Truncate(time.Microsecond)
	return at, rest, at.Year() >= 1990
}

// withoutOffset takes off +0100 and the space behind it.
func withoutOffset(text string) string {
	if len(text) > 6 && (text[0] == '+' || text[0] == '-') && text[5] == ' ' && strings.Trim(text[1:5], "0123456789") == "" {
		return text[6:]
	}
	return text
}

// cutYearless reads the stamp of RFC 3164 §4.1.2: Jan _2 15:04:05; some leave away the second blank: Jan 2 15:04:05.
func (s *stamps) cutYearless(line string) (time.Time, string, bool) {
	if isDigit(line[4]) && line[5] == ' ' {
		line = line[:4] + " " + line[4:]
	}
	text, rest := line[:yearless], line[yearless:]
	if rest[0] != ' ' {
		return time.Time{}, "", false
	}
	if text == s.text && s.read { // as often, the line before had the same
		return s.parsed, rest[1:], true
	}
	m, d, clock, ok := splitYearless(text)
	if !ok {
		return time.Time{}, "", false
	}
	at, ok := s.year(m, d, clock)
	s.text, s.parsed = strings.Clone(text), at
	return at, rest[1:], ok
}

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"

func splitYearless(text string) (m time.Month, d int, clock time.Duration, ok bool) {
	i := strings.Index(monthNames, text[:3])
	if i < 0 || i%3 != 0 || text[3] != ' ' || text[6] != ' ' || text[9] != ':' || text[12] != ':' {
		return 0, 0, 0, false
	}
	digits := [4]int{}
	for n, at := range [4]int{4, 7, 10, 13} {
		if digits[n], ok = twoDigits(text[at : at+2]); !ok {
			return 0, 0, 0, false
		}
	}
	d = digits[0]
	if d < 1 || d > 31 || digits[1] > 23 || digits[2] > 59 || digits[3] > 60 {
		return 0, 0, 0, false
	}
	clock = time.Duration(digits[1])*time.Hour + time.Duration(digits[2])*time.Minute + time.Duration(digits[3])*time.Second
	return time.Month(i/3 + 1), d, clock, true
}

// twoDigits reads "07" and " 7".
func twoDigits(s string) (int, bool) {
	if s[1] < '0' || s[1] > '9' || (s[0] != ' ' && (s[0] < '0' || s[0] > '9')) {
		return 0, false
	}
	n := int(s[1] - '0')
	if s[0] != ' ' {
		n += 10 * int(s[0]-'0')
	}
	return n, true
}

// year finds the year. The first stamp of a file lies before the file's modification; every other lies near the one before it, so that
// December and January follow each other.
func (s *stamps) year(m time.Month, d int, clock time.Duration) (best time.Time, ok bool) {
	newest := s.ref.In(s.zone).Year() + 1
	oldest := newest - 9 // leap years may lie eight years apart
	if s.read {
		oldest = newest - 2
	}
	for year := newest; year >= oldest; year-- {
		if d > daysIn(year, m) { // 29 February of another year, 31 November
			continue
		}
		at := wall(year, m, d, clock, s.zone, s.before())
		if !s.read {
			if !at.After(s.ref.Add(24 * time.Hour)) {
				return at, true
			}
			continue
		}
		if !ok || at.Sub(s.ref).Abs() < best.Sub(s.ref).Abs() {
			best, ok = at, true
		}
	}
	return best, ok
}
