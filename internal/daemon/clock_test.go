package daemon_test

import (
	"fmt"
	"testing"
	"time"

	"posthouse/internal/control"
)

// A clock that is put forward by days and back again loses no mail, doubles none and keeps none waiting for days.
func TestClockJumps(t *testing.T) {
	b := newBed(t, layout{mailboxes: threePeople})
	clock := b.startSettable(t)
	sent := 0
	for _, jump := range []time.Duration{0, 3 * 24 * time.Hour, -2 * 24 * time.Hour, 400 * 24 * time.Hour, -500 * 24 * time.Hour} {
		clock.Set(jump)
		for range 3 {
			sent++
			body := b.send(fmt.Sprintf("letter %d", sent), "x@sender.example", "anna@example.com")
			b.eventually("it to arrive", func() bool { return len(b.holding(b.cloud, "anna@example.com", body)) == 1 })
		}
	}
	b.until("all to be seen", func(s control.Status) bool {
		return s.Queue.Due+s.Queue.Sending+s.Queue.InDoubt+s.Queue.Accepted+s.Queue.Held == 0
	})
	if n := b.mx.Accepted(); n != sent {
		t.Errorf("%d were handed over for %d letters", n, sent)
	}
}
