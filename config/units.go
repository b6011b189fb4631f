package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of octets. The file writes it with a unit: 150MB is 150,000,000, 12MiB is 12,582,912.
type Size int64

var sizeUnits = []struct {
	name string
	size int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// ParseSize reads a whole number with a unit; case does not matter.
func ParseSize(s string) (Size, error) {
	digits := strings.TrimRight(s, "BKMGTibkmgtI ")
	unit := strings.TrimSpace(s[len(digits):])
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a size (like 150MB, 64KiB)", s)
	}
	for _, u := range sizeUnits {
		if !strings.EqualFold(unit, u.name) {
			continue
		}
		if n > math.MaxInt64/u.size {
			return 0, fmt.Errorf("%q is too large a size", s)
		}
		return Size(n * u.size), nil
	}
	return 0, fmt.Errorf("%q is not a size (units: B, KB, MB, GB, TB, KiB, MiB, GiB, TiB)", s)
}

// String is the size in the largest unit that needs no fraction.
func (s Size) String() string {
	var best string
	for _, u := range sizeUnits {
		if int64(s) >= u.size && int64(s)%u.size == 0 {
			c := strconv.FormatInt(int64(s)/u.size, 10) + u.name
			if best == "" || len(c) < len(best) {
				best = c
			}
		}
	}
	if best == "" {
		return "0B"
	}
	return best
}

const day = 24 * time.Hour

// ParseDuration is time.ParseDuration with days (14d, 1d12h) and without negative ones.
func ParseDuration(s string) (time.Duration, error) {
	rest, total := s, time.Duration(0)
	if days, after, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration (like 90s, 15m, 6h, 14d)", s)
		}
		total, rest = time.Duration(n)*day, after
		if rest == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || rest[0] == '+' || total > math.MaxInt64-d {
		return 0, fmt.Errorf("%q is not a duration (like 90s, 15m, 6h, 14d)", s)
	}
	return total + d, nil
}

// FormatDuration writes what ParseDuration reads, without units of which there are none: 6h, 1h30m, 5d.
// From three days on it counts in days: 72h stays 72h, as verdicts are spoken of.
func FormatDuration(d time.Duration) string {
	if d > 3*day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
