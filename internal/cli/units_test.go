package cli

import (
	"testing"
	"time"
)

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		-5: "0 B", 0: "0 B", 999: "999 B", 1000: "1.0 kB", 2_140: "2.1 kB", 9_949: "9.9 kB", 9_950: "10 kB", 14_233: "14 kB", 999_499: "999 kB", 999_500: "1.0 MB",
		31_000_000: "31 MB", 819_000_000_000: "819 GB", 1 << 62: "4.6 EB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	tests := []struct {
		part, whole int64
		about       bool
		want        string
	}{
		{812_900_000_000, 819_000_000_000, false, "812/819 GB"},
		{10_280_000_000, 12_600_000_000, false, "10.2/12.6 GB"},
		{818_999_999_999, 819_000_000_000, true, "818/~819 GB"},
		{186_839_142, 186_839_142, false, "187/187 MB"},
		{186_839_141, 186_839_142, false, "186/187 MB"},
		{0, 0, false, "0/0 B"},
		{400, 900, false, "400/900 B"},
		{-1, -1, false, "0/0 B"},
		{500, 2_000_000, true, "0.0/~2.0 MB"},
	}
	for _, tt := range tests {
		if got := sizes(tt.part, tt.whole, tt.about); got != tt.want {
			t.Errorf("sizes(%d, %d) = %q, want %q", tt.part, tt.whole, got, tt.want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 8400: "8,400", 4118230: "4,118,230", -999: "-999", -1000: "-1,000", 123456: "123,456"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	if got := counted(1, "mailbox", "mailboxes") + counted(0, "mailbox", "mailboxes"); got != "1 mailbox0 mailboxes" {
		t.Error(got)
	}
	if got := countRate(3.14) + " " + countRate(1230.4) + " " + byteRate(9_400_000); got != "3.1/s 1,230/s 9.4 MB/s" {
		t.Error(got)
	}
}

func TestPercent(t *testing.T) {
	tests := []struct {
		part, whole int64
		want        int
	}{{0, 0, 0}, {5, 0, 0}, {-1, 5, 0}, {1, 3, 33}, {999_999, 1_000_000, 99}, {7, 7, 100}, {9, 7, 100}}
	for _, tt := range tests {
		if got := percent(tt.part, tt.whole); got != tt.want {
			t.Errorf("percent(%d, %d) = %d, want %d", tt.part, tt.whole, got, tt.want)
		}
	}
}

func TestPeriod(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * day: "30 d", 72 * time.Hour: "72 h", 95 * time.Hour: "95 h", 96 * time.Hour: "4 d", 90 * time.Minute: "1 h 30 min", time.Hour: "1 h", 30 * time.Second: "30 s",
	} {
		if got := period(d); got != want {
			t.Errorf("period(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestPartOf(t *testing.T) {
	tests := []struct {
		d, whole time.Duration
		want     string
	}{
		{41*time.Hour + 59*time.Minute, 72 * time.Hour, "41 h"},
		{20 * time.Minute, 72 * time.Hour, "20 min"},
		{20 * time.Hour, 30 * day, "20 h"},
		{12*day + 23*time.Hour, 30 * day, "12 d"},
	}
	for _, tt := range tests {
		if got := partOf(tt.d, tt.whole); got != tt.want {
			t.Errorf("partOf(%s, %s) = %q, want %q", tt.d, tt.whole, got, tt.want)
		}
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 12, 30, 23, 0, 0, 0, time.UTC)
	same, other, next := now.Add(-time.Hour), now.Add(-26*time.Hour), now.Add(5*day)
	for got, want := range map[string]string{
		moment(same, now): "Wed 30 Dec 22:00", moment(next, now): "Mon 4 Jan 2027 23:00",
		clockTime(same, now): "22:00", clockTime(other, now): "29 Dec 21:00", clockTime(next, now): "4 Jan 2027 23:00",
		ago(same, now): "1 h ago", ago(now.Add(-30*time.Second), now): "just now",
		since(other, now): "29 Dec 21:00", since(now.AddDate(-1, 0, 0), now): "30 Dec 2025 23:00",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBar(t *testing.T) {
	tests := []struct {
		part, whole int64
		want        string
	}{
		{0, 0, "░░░░"}, {0, 10, "░░░░"}, {10, 10, "████"}, {11, 10, "████"}, {-1, 10, "░░░░"}, {5, 10, "██░░"}, {1, 32, "▏░░░"}, {31, 32, "███▉"}, {999, 1000, "███▉"}, {13, 32, "█▋░░"},
	}
	for _, tt := range tests {
		if got := bar(tt.part, tt.whole, 4); got != tt.want {
			t.Errorf("bar(%d, %d) = %q, want %q", tt.part, tt.whole, got, tt.want)
		}
	}
}
