package pace

import (
	"testing"
	"time"
)

func TestScheduleNext(t *testing.T) {
	steps := []time.Duration{time.Minute, 5 * time.Minute, time.Hour}
	tests := []struct {
		name    string
		s       Schedule
		attempt int
		rnd     float64
		want    time.Duration
	}{
		{"first", Schedule{steps, -1}, 1, 0.9, time.Minute},
		{"second", Schedule{steps, -1}, 2, 0.9, 5 * time.Minute},
		{"last", Schedule{steps, -1}, 3, 0.9, time.Hour},
		{"last repeats", Schedule{steps, -1}, 400, 0.9, time.Hour},
		{"before the first", Schedule{steps, -1}, 0, 0.9, time.Minute},
		{"negative attempt", Schedule{steps, -1}, -7, 0.9, time.Minute},
		{"default jitter, low end", Schedule{steps, 0}, 1, 0, 48 * time.Second},
		{"default jitter, middle", Schedule{steps, 0}, 1, 0.5, time.Minute},
		{"default jitter, near the high end", Schedule{steps, 0}, 1, 0.75, 66 * time.Second},
		{"own jitter", Schedule{steps, 0.5}, 2, 0, 150 * time.Second},
		{"jitter never exceeds the step", Schedule{steps, 9}, 1, 0, 0},
		{"no steps", Schedule{nil, -1}, 3, 0.9, time.Minute},
		{"whole microseconds", Schedule{[]time.Duration{1001 * time.Nanosecond}, -1}, 1, 0, time.Microsecond},
	}
	for _, tt := range tests {
		if got := tt.s.Next(tt.attempt, tt.rnd); got != tt.want {
			t.Errorf("%s: Next(%d, %v) = %v, want %v", tt.name, tt.attempt, tt.rnd, got, tt.want)
		}
	}
}
