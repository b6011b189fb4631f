package config

import (
	"testing"
	"time"
)

// at is an instant of the week that begins on Monday, 23 November 2026, as "We 07:59".
func at(t *testing.T, text string) time.Time {
	t.Helper()
	day, ok := weekdays[map[string]string{"Mo": "mo", "Tu": "tu", "We": "we", "Th": "th", "Fr": "fr", "Sa": "sa", "Su": "su"}[text[:2]]]
	clock, err := time.Parse("15:04", text[3:])
	if err != nil || !ok {
		t.Fatal(text, err)
	}
	return time.Date(2026, 11, 23+int(day+6)%7, clock.Hour(), clock.Minute(), 30, 0, time.UTC)
}

func TestBandwidthAt(t *testing.T) {
	office := []string{"Mo-Fr 08:00-18:00 2MB/s", "Sa,Su 50MB/s", "22:00-06:00 30MB/s", "20MB/s"}
	for _, c := range []struct {
		lines []string
		at    string
		want  string
	}{
		{office, "Mo 07:59", "20MB"}, {office, "Mo 08:00", "2MB"}, {office, "Fr 17:59", "2MB"}, {office, "Fr 18:00", "20MB"},
		{office, "Sa 08:00", "50MB"}, {office, "Su 23:59", "50MB"}, {office, "Mo 00:00", "30MB"}, {office, "Mo 05:59", "30MB"}, {office, "Mo 06:00", "20MB"}, {office, "We 22:00", "30MB"},
		{nil, "Mo 08:00", "0B"},
		{[]string{"We 2MB/s"}, "We 00:00", "2MB"}, {[]string{"We 2MB/s"}, "Th 00:00", "0B"},
		{[]string{"Fr 22:00-06:00 1MB/s"}, "Fr 05:00", "0B"}, {[]string{"Fr 22:00-06:00 1MB/s"}, "Sa 05:59", "1MB"}, {[]string{"Fr 22:00-06:00 1MB/s"}, "Sa 22:00", "0B"},
		{[]string{"Sa-Mo 1MB/s"}, "Su 12:00", "1MB"}, {[]string{"Sa-Mo 1MB/s"}, "Mo 12:00", "1MB"}, {[]string{"Sa-Mo 1MB/s"}, "Tu 12:00", "0B"},
		{[]string{"18:00-24:00 1MB/s"}, "Tu 23:59", "1MB"}, {[]string{"18:00-00:00 1MB/s"}, "Tu 23:59", "1MB"}, {[]string{"18:00-00:00 1MB/s"}, "Tu 00:00", "0B"},
	} {
		var timetable []Bandwidth
		for _, line := range c.lines {
			b, err := ParseBandwidth(line)
			if err != nil || b.String() != line {
				t.Fatalf("%q is read as %q, %v", line, b, err)
			}
			timetable = append(timetable, b)
		}
		if got := BandwidthAt(timetable, at(t, c.at)); got.String() != c.want {
			t.Errorf("%v at %s: %s, want %s", c.lines, c.at, got, c.want)
		}
	}
}

func TestParseBandwidthRefuses(t *testing.T) {
	for _, text := range []string{
		"", "2MB", "/s", "2 MB/s", "fast/s", "8:00-18:00 2MB/s", "08:00-08:00 2MB/s", "08:00 2MB/s", "24:00-08:00 2MB/s", "08:00-25:00 2MB/s", "08:00-18:60 2MB/s", "Mo-Xx 2MB/s", "Mon 2MB/s",
		"Mo- 2MB/s", "Mo,,Tu 2MB/s", "Mo 08:00-18:00 Tu 2MB/s", "08:00-18:00 Mo 2MB/s", "Mo 08:00-12:00 13:00-18:00 2MB/s", "2MB/s Mo", "1KB/s", "0B/s",
	} {
		if b, err := ParseBandwidth(text); err == nil {
			t.Errorf("%q is read as %q", text, b)
		}
	}
}
