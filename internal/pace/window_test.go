package pace

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func TestWindowSize(t *testing.T) {
	tests := []struct {
		name        string
		least, most int
		script      string // a: accepted, t: throttled, s: a second passes
		want        int
	}{
		{"starts at the least", 2, 8, "", 2},
		{"each acceptance adds one at first", 1, 8, "aaa", 4},
		{"never above the most", 1, 3, "aaaaaaaaaaaaaaaaaaaaaaaa", 3},
		{"halves", 1, 8, "aaaaaaat", 4},
		{"answers of the old window do not halve again", 1, 8, "aaaaaaattttt", 4},
		{"halves again later", 1, 8, "aaaaaaatst", 2},
		{"never below the least", 2, 8, "tststst", 2},
		{"then a window of acceptances adds one", 1, 8, "aaaaaaataaaa", 4},
		{"and five add it", 1, 8, "aaaaaaataaaaa", 5},
		{"nonsense bounds", 0, -3, "aaaa", 1},
	}
	for _, tt := range tests {
		w, now := NewWindow(tt.least, tt.most), noon
		for _, c := range tt.script {
			switch c {
			case 'a':
				w.Accepted()
			case 't':
				w.Throttled(now)
			case 's':
				now = now.Add(Settle)
			}
		}
		if got := w.Size(); got != tt.want {
			t.Errorf("%s: size %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestWindowPlaces(t *testing.T) {
	w := NewWindow(2, 2)
	for range 2 {
		if !w.TryAcquire() {
			t.Fatal("two places expected")
		}
	}
	if w.TryAcquire() {
		t.Fatal("a third place was given")
	}
	w.Release()
	if got := w.InFlight(); got != 1 {
		t.Errorf("in flight %d, want 1", got)
	}
	if !w.TryAcquire() {
		t.Error("a released place was not given again")
	}
}

func TestWindowAcquireWaitsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWindow(1, 4)
		if err := w.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		order := make(chan int, 2)
		for i := range 2 {
			go func() {
				w.Acquire(t.Context())
				order <- i
			}()
			synctest.Wait()
		}
		if w.TryAcquire() {
			t.Error("TryAcquire overtook the queue")
		}
		w.Release()
		if got := <-order; got != 0 {
			t.Errorf("place went to %d", got)
		}
		w.Accepted() // growing admits the next one without a Release
		if got := <-order; got != 1 {
			t.Errorf("place went to %d", got)
		}
		if got := w.InFlight(); got != 2 {
			t.Errorf("in flight %d, want 2", got)
		}
	})
}

func TestWindowAcquireGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWindow(1, 1)
		w.TryAcquire()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Acquire = %v", err)
		}
		if err := w.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Acquire with an ended context = %v", err)
		}
		w.Release()
		if !w.TryAcquire() {
			t.Error("the one who gave up still holds the place")
		}
	})
}

// leave must not lose a place that was given in the moment the context ended.
func TestWindowLeaveAfterAdmission(t *testing.T) {
	w := NewWindow(1, 1)
	turn := w.queue()
	w.leave(turn)
	if got := w.InFlight(); got != 0 {
		t.Errorf("in flight %d, want 0", got)
	}
	if !w.TryAcquire() {
		t.Error("the place is lost")
	}
}
