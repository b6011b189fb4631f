package daemon

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
	w := &witness{}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, o := range all {
		w.captured(o)
	}
	runtime.ReadMemStats(&after)
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 200 {
		t.Errorf("%d messages took %d MiB", messages, used)
	}
	if got, want := w.snapshot().Uses(), evidence.Fold(evidence.Testimony{}, all...).Uses(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
