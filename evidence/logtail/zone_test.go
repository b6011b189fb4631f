package logtail

import (
	"testing"
	"time"
)

// TestRepeatedHour reads lines of a night in which clocks are set back or forward, in the order in which they stand in the log.
func TestRepeatedHour(t *testing.T) {
	tests := []struct {
		name, zone string
		lines      [][2]string // stamp, and what it means in UTC
	}{
		{"back, busy", "Europe/Berlin", [][2]string{
			{"2026-10-25 01:59:59", "2026-10-24T23:59:59Z"}, {"2026-10-25 02:00:00", "2026-10-25T00:00:00Z"}, {"2026-10-25 02:59:58", "2026-10-25T00:59:58Z"},
			{"2026-10-25 02:59:57", "2026-10-25T00:59:57Z"}, // a little out of order
			{"2026-10-25 02:00:01", "2026-10-25T01:00:01Z"}, {"2026-10-25 02:00:00", "2026-10-25T01:00:00Z"}, {"2026-10-25 02:30:00", "2026-10-25T01:30:00Z"}, {"2026-10-25 02:59:59", "2026-10-25T01:59:59Z"},
			{"2026-10-25 03:00:00", "2026-10-25T02:00:00Z"}, {"2026-10-25 02:59:59", "2026-10-25T01:59:59Z"},
		}},
		{"back, few lines", "Europe/Berlin", [][2]string{
			{"2026-10-25 02:40:00", "2026-10-25T00:40:00Z"}, {"2026-10-25 02:10:00", "2026-10-25T01:10:00Z"}, {"2026-10-25 02:50:00", "2026-10-25T01:50:00Z"},
		}},
		{"forward: the skipped hour", "Europe/Berlin", [][2]string{
			{"2026-03-29 01:59:59", "2026-03-29T00:59:59Z"}, {"2026-03-29 02:30:00", "2026-03-29T01:30:00Z"}, {"2026-03-29 03:00:00", "2026-03-29T01:00:00Z"},
		}},
		{"west of Greenwich", "America/New_York", [][2]string{
			{"2026-11-01 00:59:59", "2026-11-01T04:59:59Z"}, {"2026-11-01 01:30:00", "2026-11-01T05:30:00Z"}, {"2026-11-01 01:00:00", "2026-11-01T06:00:00Z"},
			{"2026-11-01 02:00:00", "2026-11-01T07:00:00Z"},
		}},
		{"half an hour", "Australia/Lord_Howe", [][2]string{
			{"2026-04-05 01:45:00", "2026-04-04T14:45:00Z"}, {"2026-04-05 01:59:00", "2026-04-04T14:59:00Z"}, {"2026-04-05 01:31:00", "2026-04-04T15:01:00Z"},
		}},
		{"no change", "Asia/Tokyo", [][2]string{{"2026-10-25 02:40:00", "2026-10-24T17:40:00Z"}, {"2026-10-25 01:10:00", "2026-10-24T16:10:00Z"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			location, err := time.LoadLocation(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range []string{time.DateTime, time.Stamp} {
				s := stamps{zone: location, ref: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)}
				for _, line := range tt.lines {
					shown, _ := time.Parse(time.DateTime, line[0])
					if at, _, ok := s.cut(shown.Format(form) + " x"); !ok || at.Format(time.RFC3339) != line[1] {
						t.Errorf("%s: %s, want %s", shown.Format(form), at.Format(time.RFC3339), line[1])
					}
				}
			}
		})
	}
}

func TestParseISO(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"2026-11-23T18:30:01Z":             "2026-11-23T18:30:01Z",
		"2026-11-23T18:30:01.1234567Z":     "2026-11-23T18:30:01.123456Z",
		"2026-11-23 18:30:01,5+01:00":      "2026-11-23T17:30:01.5Z",
		"2026-11-23T18:30:01-0330":         "2026-11-23T22:00:01Z",
		"2026-11-23 18:30:01":              "2026-11-23T17:30:01Z",
		"2028-02-29T00:00:00Z":             "2028-02-29T00:00:00Z",
		"2026-02-29T00:00:00Z":             "",
		"2026-13-01T00:00:00Z":             "",
		"2026-11-23T24:00:00Z":             "",
		"2026-11-23T18:30:01+1":            "",
		"2026-11-23T18:30:01+99:00":        "",
		"2026-11-23":                       "",
		"0026-11-23T18:30:01Z":             "",
		"2026-11-23T18:30:01.Z":            "",
		"2026-11-23T18:30:01Z and so on":   "",
		"2026-11-23T18:30:01.99999999999Z": "2026-11-23T18:30:01.999999Z",
	} {
		at, ok := parseISO(text, zone{Location: berlin})
		if ok != (want != "") || ok && at.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v %v, want %q", text, at, ok, want)
		}
	}
}
