package demo

import (
	"context"
	"time"

	"posthouse/internal/control"
)

// until asks the service for its status again and again, until it is as wanted. While nobody answers it goes on asking.
func (r *runner) until(ctx context.Context, every time.Duration, wanted func(control.Status) (bool, error)) error {
	for {
		s, err := r.client.Status(ctx)
		if err == nil {
			if ok, err := wanted(s); ok || err != nil {
				return err
			}
		}
		select {
		case <-time.After(every):
		case <-r.child.done:
			return r.child.ended()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ask is how often the status is asked for.
const ask = 250 * time.Millisecond

// reach waits for an instant of the demonstration's clock, counted from its beginning, and tells of the days that pass.
func (r *runner) reach(ctx context.Context, at time.Duration) error {
	for {
		r.days()
		left := day0.Add(at).Sub(r.clock.Now())
		if left <= 0 {
			return nil
		}
		so := r.flow.counted()
		r.tell(Event{Kind: Passing, Traffic: &so})
		pause := r.clock.After(min(left, 2*hour))
		select {
		case <-pause:
		case <-r.child.done:
			return r.child.ended()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// days tells what the last day brought, once for each that has passed.
func (r *runner) days() {
	day := int(r.clock.Now().Sub(day0) / (24 * hour))
	if day <= r.lastDay {
		return
	}
	r.lastDay = day
	now := r.flow.counted()
	r.tell(Event{Kind: Day, Traffic: now.since(r.before)})
	r.before = now
}
