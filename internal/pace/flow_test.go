package pace

import (
	"testing"
	"time"
)

func TestFlow(t *testing.T) {
	var f Flow
	for i, c := range []struct {
		after  time.Duration // of noon
		octets int
		rate   int64
		want   time.Duration
	}{
		{0, 1000, 1000, 0}, // what is free goes at once
		{0, 500, 1000, time.Second},
		{0, 1, 0, 0}, // no limit now
		{time.Second, 1000, 1000, 500 * time.Millisecond},
		{time.Second, 1000, 2000, 1500 * time.Millisecond}, // a new rate is for what is taken from now on
		{3 * time.Second, 1, 1000, 0},
		{time.Hour, 1000, 1000, 0}, // nothing is saved up
		{time.Hour, 1000, 1000, time.Second},
	} {
		if got := f.Take(noon.Add(c.after), c.octets, c.rate); got != c.want {
			t.Errorf("step %d: wait %v, want %v", i, got, c.want)
		}
	}
}
