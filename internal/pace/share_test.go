package pace

import (
	"testing"
	"time"
)

func TestShare(t *testing.T) {
	tests := []struct {
		name         string
		least, whole int
		script       string // t: throttled, s: a minute passes, q: ten minutes pass, 3: shrunk to three
		want         int
	}{
		{"is whole", 1, 8, "", 8},
		{"halves", 1, 8, "t", 4},
		{"answers to what was under way do not halve again", 1, 8, "tttt", 4},
		{"halves again later", 1, 8, "tstst", 1},
		{"never below one", 0, 3, "tststst", 1},
		{"never below the least", 2, 8, "tststst", 2},
		{"a whole below the least stays", 4, 2, "tst", 2},
		{"grows by one after quiet", 1, 8, "tq", 5},
		{"grows one by one", 1, 8, "tqqq", 7},
		{"is never more than the whole", 1, 8, "tqqqqqqqqqq", 8},
		{"a throttle begins the quiet anew", 1, 8, "tsssssssssts", 2},
		{"shrinks", 2, 8, "3", 3},
		{"shrinks to the least", 4, 8, "3", 4},
		{"is not enlarged by it", 1, 8, "tst3", 2},
		{"grows after it", 1, 8, "3qq", 5},
		{"also one that does not halve", 1, 4, "tqttsssssssss", 1},
	}
	for _, tt := range tests {
		now := noon
		s := Share{Least: tt.least, Whole: tt.whole, Quiet: 10 * time.Minute, Settle: time.Minute}
		for _, c := range tt.script {
			switch c {
			case '3':
				s.Shrink(now, 3)
			case 't':
				s.Throttled(now)
			case 's':
				now = now.Add(time.Minute)
			case 'q':
				now = now.Add(10 * time.Minute)
			}
		}
		if got := s.Size(now); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
		if next := s.Grows(now); next.IsZero() != (tt.want == s.Whole) || !next.IsZero() && (s.Size(next.Add(-1)) != tt.want || s.Size(next) != tt.want+1) {
			t.Errorf("%s: is said to grow at %v", tt.name, next)
		}
	}
}
