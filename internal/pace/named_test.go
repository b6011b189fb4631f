package pace

import (
	"testing"
	"time"
)

func TestNamed(t *testing.T) {
	tests := []struct {
		text string
		want time.Duration
	}{
		{"Request is throttled. Suggested Backoff Time: 299892 milliseconds", 299892 * time.Millisecond},
		{"Request is throttled. Suggested Backoff Time 1000 milliseconds", time.Second},
		{"try again in 300 seconds", 5 * time.Minute},
		{"retry after 15 mins", 15 * time.Minute},
		{"wait 2h", 2 * time.Hour},
		{"please come back in 00:05:30", 330 * time.Second},
		{"wait 999999999 hours", maxNamed},
		{"in 99:99:99", maxNamed},
		{"in 1234567890123 seconds", 0},
		{"rejected in 5 places", 0},
		{"Server Busy", 0},
	}
	for _, tt := range tests {
		if got := Named(tt.text); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.text, got, tt.want)
		}
	}
}
