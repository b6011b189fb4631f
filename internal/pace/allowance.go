package pace

import (
	"sync"
	"time"
)

// Allowance is how much may be done without pressing somebody: so much at once, and so much a second in the long run. The zero value is whole, and it may be used from any goroutine.
type Allowance struct {
	mu    sync.Mutex
	spent float64
	at    time.Time // when spent was so
}

// Take takes one of it, if it is there. It fills by rate a second, up to most. A rate of 0 is no limit.
func (a *Allowance) Take(now time.Time, most int, rate float64) bool {
	if rate <= 0 {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.After(a.at) {
		a.spent = max(0, a.spent-now.Sub(a.at).Seconds()*rate)
		a.at = now
	}
	if a.spent+1 > float64(most) {
		return false
	}
	a.spent++
	return true
}
