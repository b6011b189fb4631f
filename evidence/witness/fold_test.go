package witness

import (
	"fmt"
	"reflect"
	"runtime"
	"testing"
	"time"

	"posthouse/evidence"
)

// A busy day's mail is folded many at once: what each message costs does not grow with the day, and the testimony is the same.
func TestABusyDayIsFoldedTogether(t *testing.T) {
	const messages = 20_000
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	var all []evidence.Observation
	for i := range messages {
		all = append(all, evidence.Observation{At: noon.Add(time.Duration(i) * time.Millisecond), Channel: evidence.Arriving, Class: evidence.Wanted, Source: "mx", Sender: "x.example", Message: fmt.Sprint(i)})
	}
	w := &Witness{}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, o := range all {
		w.Captured(o)
	}
	runtime.ReadMemStats(&after)
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 200 {
		t.Errorf("%d messages took %d MiB", messages, used)
	}
	if got, want := w.Snapshot().Uses(), evidence.Fold(evidence.Testimony{}, all...).Uses(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// What is not known yet counts as it was committed, and as it was found to be from then on; a repetition of it takes nothing back.
func TestBeingExamined(t *testing.T) {
	w := &Witness{examined: map[string]evidence.Observation{}}
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	seen := evidence.Observation{At: at, Channel: evidence.Arriving, Class: evidence.Wanted, Source: "mx", Sender: "x.example", Message: "A"}
	again := seen
	again.At, again.Class = at.Add(time.Minute), evidence.Unwanted
	counts := func(wanted, unwanted int) {
		t.Helper()
		var w1, u1 int
		for _, u := range w.Snapshot().Uses() {
			w1, u1 = w1+u.Wanted, u1+u.Unwanted
		}
		if w1 != wanted || u1 != unwanted {
			t.Errorf("%d wanted, %d unwanted; want %d, %d", w1, u1, wanted, unwanted)
		}
	}
	w.BeingExamined(seen)
	counts(1, 0)
	w.Captured(again)
	counts(1, 1)
	seen.Class = evidence.Unwanted
	w.Captured(seen)
	counts(0, 2)
}
