package systemd

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// watched runs a watchdog of a one-minute interval; fed and reported may be
// read after synctest.Wait.
type watched struct {
	*Watchdog
	fed      int
	reported []error
	refuse   error
}

func watch(t *testing.T) *watched {
	w := &watched{Watchdog: NewWatchdog(time.Minute)}
	w.notify = func(state string) error {
		if state != "WATCHDOG=1" {
			t.Errorf("sent %q", state)
		}
		w.fed++
		return w.refuse
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx, func(err error) { w.reported = append(w.reported, err) })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return w
}

func (w *watched) pass(d time.Duration) {
	time.Sleep(d) // the bubble's clock
	synctest.Wait()
}

func TestWatchdogIsFedTwicePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		w.pass(10 * time.Minute)
		if w.fed != 21 || len(w.reported) != 0 {
			t.Errorf("in 10 minutes fed %d times, reported %v; want 21, none", w.fed, w.reported)
		}
	})
}

func TestWatchdogIsNotFedForAStalledLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		courier := w.Register("courier", 45*time.Second)
		w.Register("scan", time.Hour)
		w.pass(40 * time.Second) // fed at 0 s and 30 s
		courier.Alive()
		w.pass(40 * time.Second) // and at 60 s
		if w.fed != 3 {
			t.Fatalf("fed %d times while all live, want 3", w.fed)
		}
		w.pass(20 * time.Second) // at 90 s the proof of 40 s is 50 s old
		if w.fed != 3 || len(w.reported) != 1 {
			t.Fatalf("fed %d times, reported %v; want 3 and one report", w.fed, w.reported)
		}
		var stalled *StalledError
		want := []Stalled{{Name: "courier", Silent: 50 * time.Second, MaxAge: 45 * time.Second}}
		if !errors.As(w.reported[0], &stalled) || !slices.Equal(stalled.Loops, want) {
			t.Errorf("reported %v, want %v", w.reported[0], want)
		}
		courier.Alive()
		w.pass(30 * time.Second)
		if w.fed != 4 {
			t.Errorf("fed %d times after the loop came back, want 4", w.fed)
		}
	})
}

func TestWatchdogForgetsALoopThatEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWatchdog(0)
		loop := w.Register("copying anna", time.Second)
		time.Sleep(2 * time.Second)
		if err := w.Check(); err == nil || err.Error() != "watchdog not fed: copying anna silent for 2s (at most 1s)" {
			t.Errorf("a silent loop: %v", err)
		}
		loop.End()
		loop.End()
		loop.Alive() // a late proof does not bring it back
		time.Sleep(2 * time.Second)
		if err := w.Check(); err != nil {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestWatchdogNamesTheLongestSilentFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWatchdog(0)
		w.Register("first", time.Second)
		time.Sleep(time.Second)
		w.Register("second", time.Second)
		time.Sleep(2 * time.Second)
		want := "watchdog not fed: first silent for 3s (at most 1s), second silent for 2s (at most 1s)"
		if err := w.Check(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

func TestWatchdogReportsAFailedNotification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("no such socket")
		w := &watched{Watchdog: NewWatchdog(time.Minute)}
		w.notify = func(string) error { return refused }
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		w.Run(ctx, func(err error) { w.reported = append(w.reported, err) })
		if len(w.reported) != 2 || !errors.Is(w.reported[1], refused) {
			t.Errorf("reported %v, want the refusal twice", w.reported)
		}
	})
}

func TestWatchdogWithoutAnIntervalOnlyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWatchdog(0)
		w.notify = func(string) error { t.Error("fed though nobody asked"); return nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		w.Run(ctx, func(err error) { t.Errorf("reported %v", err) })
		if waited := time.Since(start); waited != time.Hour {
			t.Errorf("Run returned after %s, want when its context ended", waited)
		}
	})
}

func TestWatchdogFeedsTheRealSocket(t *testing.T) {
	conn := serviceManager(t)
	w := NewWatchdog(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(ctx, func(err error) { t.Errorf("reported %v", err) })
	}()
	if got := received(t, conn); got != "WATCHDOG=1" {
		t.Errorf("sent %q", got)
	}
	cancel()
	<-ended
}

func TestWatchdogInterval(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for _, tc := range []struct {
		usec, pid string
		want      time.Duration
		fails     bool
	}{
		{"", "", 0, false},
		{"60000000", self, time.Minute, false},
		{"60000000", "", time.Minute, false},
		{"60000000", "1", 0, false},
		{"soon", self, 0, true},
		{"-1", self, 0, true},
	} {
		t.Setenv("WATCHDOG_USEC", tc.usec)
		t.Setenv("WATCHDOG_PID", tc.pid)
		got, err := WatchdogInterval()
		if got != tc.want || (err != nil) != tc.fails {
			t.Errorf("WATCHDOG_USEC=%s WATCHDOG_PID=%s: %s, %v; want %s, fails %v", tc.usec, tc.pid, got, err, tc.want, tc.fails)
		}
	}
}
