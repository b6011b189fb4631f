package relay_test

import (
	"context"
	"testing"
	"time"

	"posthouse/relay"
)

// A machine that started with a clock of days ahead is set right while the destination is left alone: it is tried again after its pause, not after those days.
func TestClockPutBackWhileUnreachable(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o.then(unreachable, unreachable, unreachable, yes)), o), func(t *testing.T, b *bed) {
		b.clock.Set(3 * day)
		early := b.mustTake(to("anna@example.com"))
		for b.courier.Retry("new:smtp").IsZero() {
			time.Sleep(time.Second)
		}
		b.clock.Set(-3 * day)
		if retry := b.courier.Retry("new:smtp"); retry.After(time.Now().Add(time.Minute)) {
			t.Errorf("it is told that the destination is tried again at %s, in %s", retry, time.Until(retry))
		}
		late := b.mustTake(to("anna@example.com"))
		time.Sleep(2 * time.Minute)
		equal(t, "taken before", b.states(early), []string{"anna settled"})
		equal(t, "taken after", b.states(late), []string{"anna settled"})
	})
}

// A clock that is set forward does not cut short the time for which a mailbox must answer without having it: the copy that is still on its way there would be the first of two.
func TestClockSetForwardInDoubt(t *testing.T) {
	o := newOffice()
	o.delay = 40 * time.Second
	lost := func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		o.Deliver(ctx, c)
		return answers(c, uncertain)
	}
	running(t, settings(toCloud(destination(lost)), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(20 * time.Second)
		b.clock.Set(time.Hour)
		time.Sleep(2 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// A clock that is put back does not keep a message in doubt for days.
func TestClockPutBackInDoubt(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o.then(uncertain, yes)), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(20 * time.Second)
		b.clock.Set(-3 * day)
		time.Sleep(2 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]", "[anna]"})
	})
}
