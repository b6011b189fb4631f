package logtail

import "time"

// wall is the instant at which clocks of a zone show a time. In the hour that clocks show twice, when summer ends, it is the first of the two, unless the line
// before was written later than that: a log's lines stand in the order in which they were written, give or take repeatSlack. before may be zero.
func wall(year int, month time.Month, day int, clock time.Duration, zone *time.Location, before time.Time) time.Time {
	shown := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Add(clock)
	if zone == time.UTC {
		return shown
	}
	first, second := instants(shown, zone)
	if !first.Equal(second) && !before.IsZero() && first.Before(before.Add(-repeatSlack)) {
		return second
	}
	return first
}

// repeatSlack is how much out of order lines may stand around the end of summer.
const repeatSlack = 15 * time.Minute

// instants are the first and the last at which clocks of the zone show what UTC's do at shown; of a time that is skipped, what they would have shown before.
func instants(shown time.Time, zone *time.Location) (first, last time.Time) {
	const around = 4 * time.Hour // more than any clock was ever moved
	_, before := shown.Add(-around - 12*time.Hour).In(zone).Zone()
	_, after := shown.Add(around + 12*time.Hour).In(zone).Zone()
	early := shown.Add(-time.Duration(before) * time.Second)
	if before == after {
		return early, early
	}
	late := shown.Add(-time.Duration(after) * time.Second)
	_, offEarly := early.In(zone).Zone()
	_, offLate := late.In(zone).Zone()
	switch {
	case offEarly == before && offLate == after:
		return early, late
	case offLate == after:
		return late, late
	}
	return early, early
}
