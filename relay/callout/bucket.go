package callout

import "time"

// bucket lets questions through at a rate; a sixth of a minute's may come at once.
type bucket struct {
	rate float64 // a minute
	have float64
	at   time.Time
}

func newBucket(perMinute int) *bucket {
	b := &bucket{rate: float64(perMinute)}
	b.have = b.most()
	return b
}

// most is enough for a question and the proof before it.
func (b *bucket) most() float64 { return max(b.rate/6, 2) }

func (b *bucket) take(now time.Time) bool {
	if passed := now.Sub(b.at); passed > 0 {
		b.have = min(b.have+b.rate*passed.Minutes(), b.most())
		b.at = now
	}
	if b.have < 1 {
		return false
	}
	b.have--
	return true
}
