package pace

import (
	"sync"
	"time"
)

// Flow spreads what many move over time. The zero value is ready, and it may be used from any goroutine.
type Flow struct {
	mu   sync.Mutex
	next time.Time // when all that was taken so far has had its time
}

// Take takes so many octets at a rate a second and returns how long to wait before they are moved, or after: those who took before have the time until then. A rate of 0 is
// no limit. What waits already waits on when the rate changes, so take little at a time.
func (f *Flow) Take(now time.Time, octets int, rate int64) time.Duration {
	if rate <= 0 {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next.Before(now) {
		f.next = now
	}
	wait := f.next.Sub(now)
	f.next = f.next.Add(time.Duration(float64(octets) / float64(rate) * float64(time.Second)))
	return wait
}
