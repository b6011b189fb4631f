package clocktest

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		now, steady := c.Now(), c.Steady()
		for _, s := range []struct {
			what         string
			move         func()
			wall, passed time.Duration
		}{
			{"put back", func() { c.Set(-time.Hour) }, -time.Hour, 0},
			{"put forward", func() { c.Set(3 * time.Hour) }, 2 * time.Hour, 0},
			{"later", func() { c.Pass(time.Minute) }, 2*time.Hour + time.Minute, time.Minute},
			{"waited", func() { <-c.After(time.Second) }, 2*time.Hour + time.Minute + time.Second, time.Minute + time.Second},
		} {
			s.move()
			if wall, passed := c.Now().Sub(now), c.Steady().Sub(steady); wall != s.wall || passed != s.passed {
				t.Errorf("%s: %s by the wall, %s passed; want %s and %s", s.what, wall, passed, s.wall, s.passed)
			}
		}
	})
}
