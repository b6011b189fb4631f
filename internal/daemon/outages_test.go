package daemon_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/internal/control"
	"posthouse/internal/testserver"
)

// A destination that takes nothing for five minutes is named on the status with its last words, and no more when it is back.
func TestDestinationThatIsDown(t *testing.T) {
	var up atomic.Bool
	b := newBed(t, layout{relay: "retry = [\"1s\"]\nrescue = false", mx: testserver.SMTPConfig{Script: func(c testserver.SMTPCall) *testserver.Reply {
		if c.Stage == testserver.AtConnect && !up.Load() {
			return testserver.Refuse(421, "4.3.2 down for repair")
		}
		return nil
	}}})
	clock := b.startSettable(t)
	b.send("hello", "x@sender.example", "anna@example.com")
	s := b.until("an attempt", func(s control.Status) bool { return len(s.Queue.Waiting) == 1 && s.Queue.Waiting[0].Attempts > 0 })
	if len(s.Trouble) != 0 {
		t.Errorf("at once: %q", s.Trouble)
	}
	clock.Set(6 * time.Minute)
	s = b.until("an alarm", troubled("takes nothing since"))
	if text := strings.Join(s.Trouble, "\n"); !strings.Contains(text, "cloud:smtp") || !strings.Contains(text, "down for repair") {
		t.Error(text)
	}
	up.Store(true)
	clock.Set(2 * time.Minute)
	b.until("no alarm", func(s control.Status) bool { return len(s.Trouble) == 0 })
}
