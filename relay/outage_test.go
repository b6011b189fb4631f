package relay_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"posthouse/relay"
)

// TestOutages: a destination that takes nothing is named with its last words, from when it began until something is taken, or nothing waits for it any more.
func TestOutages(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	o := newOffice()
	way := destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		if down.Load() {
			return answers(c, unreachable)
		}
		return o.Deliver(ctx, c)
	})
	running(t, settings(toCloud(way), o), func(t *testing.T, b *bed) {
		began := time.Now()
		b.mustTake(to("anna@example.com"))
		time.Sleep(10 * time.Minute)
		all := b.courier.Outages(time.Now())
		if len(all) != 1 || all[0].Destination != "new:smtp" || all[0].Words != unreachable.Reply || all[0].Since.Sub(began) > time.Minute {
			t.Fatalf("%+v", all)
		}
		if all := b.courier.Outages(all[0].Retry.Add(time.Hour)); len(all) != 0 {
			t.Errorf("nobody has tried it for an hour: %+v", all)
		}
		down.Store(false)
		time.Sleep(2 * time.Minute)
		if all := b.courier.Outages(time.Now()); len(all) != 0 {
			t.Errorf("after something was taken: %+v", all)
		}
	})
}
