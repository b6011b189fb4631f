package logtail

import (
	"time"

	"posthouse/evidence"
)

// takeDelivered takes local deliveries since watching began: what was delivered and taken away before that nobody could have copied.
func (f *Follower) takeDelivered(all []evidence.LocalDelivery) {
	for _, d := range all {
		if !d.At.Before(f.pos.Began) {
			f.batch.delivered = append(f.batch.delivered, d)
		}
	}
}

// beginAt notes, once for ever, when a log was first followed. Stamps have whole seconds.
func (p *position) beginAt(now time.Time) {
	if p.Began.IsZero() {
		p.Began = now.Truncate(time.Second)
	}
}
