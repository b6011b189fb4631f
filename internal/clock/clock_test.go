package clock

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

var day0 = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// fast shows start now.
func fast(start time.Time, speed float64) Clock { return FastSince(time.Now(), start, speed) }

// In a bubble time starts at midnight and moves only when everybody waits.
func TestRealFollowsFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Real()
		from := c.Now()
		if err := c.Sleep(t.Context(), 26*time.Hour); err != nil {
			t.Fatal(err)
		}
		if got := c.Now().Sub(from); got != 26*time.Hour {
			t.Errorf("slept %v", got)
		}
		if at := <-c.After(time.Minute); at.Sub(from) != 26*time.Hour+time.Minute {
			t.Errorf("After delivered %v", at)
		}
	})
}

func TestInstantsAreUTCMicroseconds(t *testing.T) {
	local := time.FixedZone("elsewhere", 3600)
	for name, c := range map[string]Clock{
		"real": Real(),
		"fast": fast(time.Date(2026, 1, 1, 0, 0, 0, 1234, local), 14400),
	} {
		now := c.Now()
		if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
			t.Errorf("%s: %v is not a UTC microsecond", name, now)
		}
		if now != time.UnixMicro(now.UnixMicro()).UTC() {
			t.Errorf("%s: %v does not survive the ledger", name, now)
		}
	}
}

func TestFastRunsFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fast(day0, 14400)
		if got := c.Now(); !got.Equal(day0) {
			t.Fatalf("starts at %v", got)
		}
		time.Sleep(time.Second)
		if got := c.Now(); !got.Equal(day0.Add(4 * time.Hour)) {
			t.Errorf("after a second: %v", got)
		}
	})
}

func TestFastWaits(t *testing.T) {
	const second = time.Second
	tests := []struct {
		name       string
		d          time.Duration
		atLeast    time.Duration
		lessThan   time.Duration
		speed      float64
		neverEarly bool
	}{
		{"four hours are a second", 4 * time.Hour, second, second + time.Millisecond, 14400, true},
		{"a day", 24 * time.Hour, 6 * second, 6*second + time.Millisecond, 14400, true},
		{"short waits do not spin", 10 * second, leastWait, leastWait + 1, 14400, true},
		{"the past is now", -second, 0, 1, 14400, false},
		{"nothing is now", 0, 0, 1, 14400, false},
		{"odd speed", 7 * time.Microsecond * 1e6, 2 * second, 3 * second, 3, true},
		{"a nonsense speed counts as one", second, second, second + 2, -5, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := fast(day0, tt.speed)
				real, shown := time.Now(), c.Now()
				<-c.After(tt.d)
				if took := time.Since(real); took < tt.atLeast || took >= tt.lessThan {
					t.Errorf("After took %v of real time", took)
				}
				if got := c.Now().Sub(shown); tt.neverEarly && got < tt.d {
					t.Errorf("clock advanced only %v", got)
				}
				real = time.Now()
				if err := c.Sleep(t.Context(), tt.d); err != nil {
					t.Error(err)
				}
				if took := time.Since(real); took < tt.atLeast || took >= tt.lessThan {
					t.Errorf("Sleep took %v of real time", took)
				}
			})
		})
	}
}

// What is measured by the steady clock is compared by a reading that nobody sets, or by a clock that nobody sets.
func TestSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			c     Clock
			speed time.Duration
		}{{Real(), 1}, {fast(day0, 3600), 3600}} {
			begun := tt.c.Steady()
			time.Sleep(time.Second)
			if passed := tt.c.Steady().Sub(begun); passed != tt.speed*time.Second {
				t.Errorf("at speed %d a second took %s", tt.speed, passed)
			}
		}
	})
	if s := Real().Steady(); s == s.Round(0) { // fake time has none
		t.Error("the real one has no monotonic reading")
	}
}

func TestFastSinceContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		epoch := time.Now()
		first := FastSince(epoch, day0, 14400)
		time.Sleep(3 * time.Second)
		// What a restarted process reads from a file has no monotonic part.
		second := FastSince(time.UnixMicro(epoch.UnixMicro()), day0, 14400)
		if a, b := first.Now(), second.Now(); !a.Equal(b) || !a.Equal(day0.Add(12*time.Hour)) {
			t.Errorf("before %v, after the restart %v", a, b)
		}
	})
}

func TestScaleSaturates(t *testing.T) {
	tests := []struct {
		d    time.Duration
		by   float64
		want time.Duration
	}{
		{time.Second, 14400, 4 * time.Hour},
		{4 * time.Hour, 1.0 / 14400, time.Second},
		{365 * 24 * time.Hour, 14400, math.MaxInt64},
		{-365 * 24 * time.Hour, 14400, math.MinInt64},
		{0, 14400, 0},
	}
	for _, tt := range tests {
		if got := scale(tt.d, tt.by); got != tt.want {
			t.Errorf("scale(%v, %v) = %v, want %v", tt.d, tt.by, got, tt.want)
		}
	}
}

func TestTimer(t *testing.T) {
	for name, c := range map[string]func() Clock{
		"real": Real,
		"fast": func() Clock { return fast(day0, 60) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { timerContract(t, c()) })
		})
	}
}

func timerContract(t *testing.T, c Clock) {
	tm := c.NewTimer(time.Hour)
	if !tm.Stop() {
		t.Error("Stop of a running timer says it was not running")
	}
	if tm.Stop() {
		t.Error("second Stop says it was running")
	}
	silent(t, c, tm, 2*time.Hour)

	if tm.Reset(time.Hour) {
		t.Error("Reset of a stopped timer says it was running")
	}
	from := c.Now()
	if at := <-tm.C(); at.Sub(from) < time.Hour {
		t.Errorf("fired after %v", at.Sub(from))
	}

	// A timer that fired and was not read delivers nothing old after Reset.
	tm.Reset(time.Minute)
	c.Sleep(t.Context(), time.Hour)
	if tm.Reset(24 * time.Hour) {
		t.Error("Reset of a fired timer says it was running")
	}
	silent(t, c, tm, time.Hour)
	if !tm.Reset(2 * time.Hour) {
		t.Error("Reset of a running timer says it was not")
	}
	<-tm.C()
}

func silent(t *testing.T, c Clock, tm Timer, d time.Duration) {
	t.Helper()
	select {
	case at := <-tm.C():
		t.Errorf("unexpected instant %v", at)
	case <-c.After(d):
	}
}

func TestSleepEndsWithContext(t *testing.T) {
	for name, c := range map[string]Clock{"real": Real(), "fast": fast(day0, 2)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				real := time.Now()
				if err := c.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Sleep = %v", err)
				}
				if took := time.Since(real); took != time.Second {
					t.Errorf("took %v", took)
				}
				if err := c.Sleep(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Sleep(0) with an ended context = %v", err)
				}
			})
		})
	}
}
