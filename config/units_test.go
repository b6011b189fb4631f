package config

import (
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want Size
	}{
		{"0B", 0}, {"1B", 1}, {"150MB", 150_000_000}, {"64KiB", 65536}, {"12MiB", 12 << 20},
		{"1GB", 1e9}, {"1 GB", 1e9}, {"2tib", 2 << 40}, {"64kb", 64000}, {"8388607TiB", 8388607 << 40},
	} {
		got, err := ParseSize(c.text)
		if err != nil || got != c.want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "12", "MB", "-1MB", "1.5MB", "12XB", "8388608TiB", "9223372036854775808B", "1 2MB", "MB12"} {
		if got, err := ParseSize(bad); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", bad, got)
		}
	}
}

func TestSizeString(t *testing.T) {
	for _, c := range []struct {
		size Size
		want string
	}{
		{0, "0B"}, {1, "1B"}, {999, "999B"}, {1000, "1KB"}, {1024, "1KiB"}, {150_000_000, "150MB"}, {12 << 20, "12MiB"},
		{1_234_567, "1234567B"}, {2 << 30, "2GiB"},
	} {
		if got := c.size.String(); got != c.want {
			t.Errorf("Size(%d) = %q, want %q", int64(c.size), got, c.want)
		}
		if back, err := ParseSize(c.size.String()); err != nil || back != c.size {
			t.Errorf("%q read again = %d, %v", c.size.String(), back, err)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{"0s", 0}, {"90s", 90 * time.Second}, {"15m", 15 * time.Minute}, {"6h", 6 * time.Hour}, {"14d", 14 * day},
		{"1d12h", 36 * time.Hour}, {"1h30m", 90 * time.Minute}, {"250ms", 250 * time.Millisecond}, {"0.5h", 30 * time.Minute},
	} {
		got, err := ParseDuration(c.text)
		if err != nil || got != c.want {
			t.Errorf("ParseDuration(%q) = %s, %v, want %s", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "5", "d", "-1h", "+1h", "1d-1h", "1d+1h", "1.5d", "99999d", "65535d2562047h", "1w", "6 h", "h"} {
		if got, err := ParseDuration(bad); err == nil {
			t.Errorf("ParseDuration(%q) = %s, want an error", bad, got)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"}, {time.Minute, "1m"}, {90 * time.Minute, "1h30m"}, {6 * time.Hour, "6h"}, {72 * time.Hour, "72h"},
		{5 * day, "5d"}, {30 * time.Second, "30s"}, {100 * time.Hour, "100h"}, {10 * time.Minute, "10m"}, {20 * time.Hour, "20h"},
	} {
		if got := FormatDuration(c.d); got != c.want {
			t.Errorf("FormatDuration(%s) = %q, want %q", c.d, got, c.want)
		}
		if back, err := ParseDuration(FormatDuration(c.d)); err != nil || back != c.d {
			t.Errorf("%q read again = %s, %v", FormatDuration(c.d), back, err)
		}
	}
}
