package pace

import (
	"testing"
	"time"
)

func TestAllowance(t *testing.T) {
	var a Allowance
	for i, c := range []struct {
		after time.Duration // of noon
		times int
		rate  float64
		want  int // how often it is there
	}{
		{0, 5, 2, 3}, // whole at first
		{400 * time.Millisecond, 1, 2, 0},
		{500 * time.Millisecond, 2, 2, 1},
		{0, 1, 2, 0}, // a clock that goes back gives nothing, nor takes any
		{500 * time.Millisecond, 9, 0, 9},
		{time.Second, 2, 2, 1},
		{time.Hour, 5, 2, 3}, // no more than the whole is saved up
	} {
		got := 0
		for range c.times {
			if a.Take(noon.Add(c.after), 3, c.rate) {
				got++
			}
		}
		if got != c.want {
			t.Errorf("step %d: %d, want %d", i, got, c.want)
		}
	}
}
