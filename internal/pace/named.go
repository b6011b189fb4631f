package pace

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxNamed caps a pause that somebody names.
const maxNamed = 24 * time.Hour

var (
	pauseWords = regexp.MustCompile(`(?i)\b(?:in|after|for|wait|time:?|next|within)\s+(\d{1,9})\s*(ms|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)\b`)
	pauseClock = regexp.MustCompile(`(?i)\b(?:in|after|for|wait)\s+(\d{1,2}):(\d{2}):(\d{2})\b`)
)

// Named finds the pause that a server's answer names: "try again in 300 seconds", "Suggested Backoff Time: 5000
// milliseconds", "come back in 00:05:00". It is a day at most; 0 where none is named.
func Named(text string) time.Duration {
	if m := pauseWords.FindStringSubmatch(text); m != nil {
		unit := pauseUnit(m[2])
		return time.Duration(min(atoi(m[1]), int64(maxNamed/unit))) * unit
	}
	if m := pauseClock.FindStringSubmatch(text); m != nil {
		seconds := (atoi(m[1])*60+atoi(m[2]))*60 + atoi(m[3])
		return min(time.Duration(seconds)*time.Second, maxNamed)
	}
	return 0
}

func pauseUnit(s string) time.Duration {
	switch s = strings.ToLower(s); {
	case strings.HasPrefix(s, "ms"), strings.HasPrefix(s, "mil"):
		return time.Millisecond
	case strings.HasPrefix(s, "m"):
		return time.Minute
	case strings.HasPrefix(s, "h"):
		return time.Hour
	}
	return time.Second
}

// atoi is for digits that a pattern has already bounded.
func atoi(digits string) int64 {
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}
