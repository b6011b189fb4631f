package daemon

import (
	"testing"

	"posthouse/internal/control"
)

// A reader that does not read misses events, and hears how many once it does; it keeps nobody.
func TestSlowReader(t *testing.T) {
	var f feed
	f.tell(func() control.Event { t.Error("made for nobody"); return control.Event{} })
	slow, other := f.listen(), f.listen()
	defer f.leave(other)
	for n := range slack + 5 {
		f.tell(func() control.Event { return control.Event{Size: int64(n)} })
		<-other.events
	}
	for range slack {
		<-slow.events
	}
	f.tell(func() control.Event { return control.Event{} })
	if e := <-slow.events; e.Missed != 5 {
		t.Errorf("%d missed, want 5", e.Missed)
	}
	f.tell(func() control.Event { return control.Event{} })
	if e := <-slow.events; e.Missed != 0 {
		t.Errorf("%d missed, want none", e.Missed)
	}
	f.leave(slow)
}
