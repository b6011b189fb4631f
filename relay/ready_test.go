package relay_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

// unhurried accepts into the office, in its own time.
func unhurried(o *office, each time.Duration) destination {
	return func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		time.Sleep(each)
		return o.Deliver(ctx, c)
	}
}

// TestMoreThanLiesReady: what finds no room, beside what lies ready already, waits in the ledger; all of it is sent once, the octets as they were received.
func TestMoreThanLiesReady(t *testing.T) {
	o := newOffice()
	cfg := settings(toCloud(unhurried(o, 100*time.Millisecond)), nil)
	cfg.Workers = 2
	running(t, cfg, func(t *testing.T, b *bed) {
		const messages = 600
		for range messages {
			b.mustTake(to("anna@example.com"))
			b.courier.Hint()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		equal(t, "attempts", len(o.attempts()), messages)
		equal(t, "accepted", len(o.accepted()), messages)
		equal(t, "settled", b.countStates()[ledger.Settled], messages)
		for id, octets := range o.octets {
			capture, err := b.ledger.Capture(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if stored, err := readBody(relay.Message(b.ledger, capture)); err != nil || octets != stored {
				t.Fatalf("%s went out as %q and lies there as %q, %v", id, octets, stored, err)
			}
		}
	})
}

// TestLongQueueIsReadOnInTime: a queue of which one look finds only a part goes without waiting for the next look's time.
func TestLongQueueIsReadOnInTime(t *testing.T) {
	o := newOffice()
	cfg := settings(toCloud(o), nil)
	cfg.Scan = time.Hour
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, cfg)
		const messages = 4500 // of 2048 that lie ready at most
		for range messages {
			b.mustTake(to("anna@example.com"))
		}
		b.start(b.courier)
		time.Sleep(time.Minute)
		synctest.Wait()
		equal(t, "attempts", len(o.attempts()), messages)
		equal(t, "settled", b.countStates()[ledger.Settled], messages)
	})
}

// TestDeedsOnWhatLiesReady: a message that was made ready and is held or moved before its turn is not sent as it was.
func TestDeedsOnWhatLiesReady(t *testing.T) {
	o := newOffice()
	cfg := settings(toCloud(unhurried(o, 10*time.Second)), nil)
	cfg.Workers = 1
	running(t, cfg, func(t *testing.T, b *bed) {
		b.mustTake(to("anna@example.com"))
		held, moved := b.mustTake(to("anna@example.com")), b.mustTake(to("anna@example.com"))
		synctest.Wait()
		b.do(relay.Deed{Do: relay.Hold}, held)
		b.do(moveTo(room), moved)
		time.Sleep(time.Minute)
		equal(t, "held", b.states(held), []string{"anna held"})
		equal(t, "moved", b.states(moved), []string{"room settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]", "[room]"})
	})
}

// TestDeedsOnWhatIsSendingSoon: so is one that was made Sending with others and waits for its turn.
func TestDeedsOnWhatIsSendingSoon(t *testing.T) {
	o := newOffice()
	cfg := settings(toCloud(unhurried(o, 10*time.Second)), nil)
	cfg.Workers = 1
	running(t, cfg, func(t *testing.T, b *bed) {
		for range 3 {
			b.mustTake(to("anna@example.com"))
		}
		held, moved := b.mustTake(to("anna@example.com")), b.mustTake(to("anna@example.com"))
		time.Sleep(11 * time.Second)
		equal(t, "held, before", b.states(held), []string{"anna sending"})
		b.do(relay.Deed{Do: relay.Hold}, held)
		b.do(moveTo(room), moved)
		time.Sleep(time.Minute)
		equal(t, "held", b.states(held), []string{"anna held"})
		equal(t, "moved", b.states(moved), []string{"room settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]", "[anna]", "[anna]", "[room]"})
	})
}

// TestAskableIsKnown: what was accepted for a mailbox that nobody can be asked for is settled with its acceptance.
func TestAskableIsKnown(t *testing.T) {
	o := newOffice()
	cfg := settings(toCloud(o), o)
	cfg.Askable = func(m cutover.MailboxID, side cutover.Side) bool {
		return m != "anna@example.com" || side != cutover.Cloud
	}
	running(t, cfg, func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "why", b.of(id)[0].Reason, "accepted; its mailbox cannot be asked")
		equal(t, "questions", o.questions(), 0)
	})
}

// TestRoomGrowsAndHalves: a destination gets more attempts at once as long as it accepts them, and half as many from the moment at which it asks for fewer.
func TestRoomGrowsAndHalves(t *testing.T) {
	var now atomic.Int32
	var slowDown atomic.Bool
	o := newOffice()
	cloud := destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		now.Add(1)
		defer now.Add(-1)
		time.Sleep(time.Second)
		if slowDown.Swap(false) {
			return answers(c, relay.Outcome{Kind: relay.Deferred, Reply: "452 4.3.2 slow down", Class: reason.Throttled})
		}
		return o.Deliver(ctx, c)
	})
	cfg := settings(toCloud(cloud), nil)
	cfg.Workers = 16
	running(t, cfg, func(t *testing.T, b *bed) {
		for range 300 {
			b.mustTake(to("anna@example.com"))
		}
		var seen []int32
		time.Sleep(500 * time.Millisecond)
		for range 6 {
			seen = append(seen, now.Load())
			time.Sleep(time.Second)
		}
		equal(t, "at once, by the second", seen, []int32{1, 2, 4, 8, 16, 16})
		slowDown.Store(true)
		time.Sleep(2 * time.Second)
		if n := now.Load(); n > 10 || n < 8 {
			t.Errorf("%d at once after it asked for fewer", n)
		}
		time.Sleep(5 * time.Minute)
		equal(t, "accepted", len(o.accepted()), 300)
	})
}
