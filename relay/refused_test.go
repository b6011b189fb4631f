package relay_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

func refusal(kind relay.OutcomeKind, class reason.Class) relay.Outcome {
	return relay.Outcome{Kind: kind, Reply: "a refusal as " + string(class), Class: class}
}

// TestWhatIsNotUnderstoodIsTemporary: whatever its code it is tried again, for an hour; then a person must look. Its class stays with it.
func TestWhatIsNotUnderstoodIsTemporary(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o.then(refusal(relay.Declined, reason.Other), refusal(relay.Declined, reason.Other), yes)), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		if d := b.of(id)[0]; d.State != ledger.Due || d.Class != string(reason.Other) {
			t.Errorf("after the first attempt: %+v", d)
		}
		time.Sleep(5 * time.Minute)
		if d := b.of(id)[0]; d.State != ledger.Settled || d.Attempts != 3 || d.Class != "" {
			t.Errorf("at the end: %+v", d)
		}
	})
	o = newOffice()
	running(t, settings(toCloud(o.then(refusal(relay.Declined, reason.Other))), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(59 * time.Minute)
		equal(t, "within the hour", b.states(id), []string{"anna due"})
		time.Sleep(15 * time.Minute)
		if d := b.of(id)[0]; d.State != ledger.Held || !strings.Contains(d.Reason, "declined") {
			t.Errorf("after the hour: %+v", d)
		}
	})
}

// TestThrottledForGoodIsTemporary: a daily limit has a code that says for ever, and passes.
func TestThrottledForGoodIsTemporary(t *testing.T) {
	o := newOffice()
	limit := refusal(relay.Declined, reason.Throttled)
	limit.Wait = 3 * time.Hour
	running(t, settings(toCloud(o.then(limit, yes)), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(4 * time.Hour)
		equal(t, "states", b.states(id), []string{"anna settled"})
	})
}

// TestSpamAndVirusesAreQuiet: they are kept, with no warning, whether they are refused for good or for too long; everything else that is about content or sender is held for a person.
func TestSpamAndVirusesAreQuiet(t *testing.T) {
	for class, state := range map[reason.Class]ledger.DeliveryState{
		reason.Spam: ledger.Quiet, reason.Virus: ledger.Quiet,
		reason.Attachment: ledger.Held, reason.Sender: ledger.Held, reason.Policy: ledger.Held, reason.Recipient: ledger.Held, reason.Full: ledger.Held,
	} {
		for _, kind := range []relay.OutcomeKind{relay.Declined, relay.Deferred} {
			t.Run(string(class)+" "+string(kind), func(t *testing.T) {
				o := newOffice()
				running(t, patient(toCloud(o.then(refusal(kind, class))), o), func(t *testing.T, b *bed) {
					id := b.mustTake(to("anna@example.com"))
					time.Sleep(6 * day)
					d := b.of(id)[0]
					if d.State != state || d.Class != string(class) || !strings.Contains(d.Reason, "a refusal as") {
						t.Errorf("%+v", d)
					}
					if b.logged("held") != (state == ledger.Held) {
						t.Error("the log's warning is wrong")
					}
					if n := len(o.attempts()); kind == relay.Declined && n != 1 {
						t.Errorf("%d attempts", n)
					}
					if body, err := b.ledger.OpenBody(t.Context(), id); err != nil {
						t.Errorf("its body is gone: %v", err)
					} else {
						body.Close()
					}
					if n, err := b.ledger.Prune(t.Context(), time.Now()); n != 0 || err != nil {
						t.Errorf("%d bodies pruned, %v", n, err)
					}
				})
			})
		}
	}
}

// TestSpamTeeEnds: nobody waits for a copy that the old server takes for spam.
func TestSpamTeeEnds(t *testing.T) {
	o := newOffice()
	ways := map[string]relay.Destination{"new:smtp": o, "old:smtp": always(refusal(relay.Declined, reason.Spam))}
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house()), Plans: map[cutover.Route]relay.Plan{cutover.Arriving: {Tee: true}}}, settings(ways, o))
		b.start(b.courier)
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled", "anna settled"})
	})
}

// TestReleasedFromTheQuietPlace: by a person only. It goes out by SMTP again, never by the other way, and what is spam again is quiet again.
func TestReleasedFromTheQuietPlace(t *testing.T) {
	p := pair{newOffice(), newOffice()}
	spam := refusal(relay.Declined, reason.Spam)
	way := rescuing(p.smtp.then(spam, spam, yes), destination(p.deposit))
	running(t, settings(toCloud(way), p.smtp), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Hour)
		equal(t, "states", b.states(id), []string{"anna quiet"})
		for _, deed := range []relay.Verb{relay.Hold, relay.Retry} {
			equal(t, string(deed), b.do(relay.Deed{Do: deed}, id), []string{"anna: is kept and goes nowhere: " + b.of(id)[0].Reason})
		}
		equal(t, "released", b.do(relay.Deed{Do: relay.Release}, id), []string{"anna due"})
		equal(t, "why it waits then", relay.Why(b.of(id)[0]), reason.Waiting)
		time.Sleep(5 * time.Second)
		equal(t, "states after the second refusal", b.states(id), []string{"anna quiet"})
		b.do(relay.Deed{Do: relay.Release}, id)
		time.Sleep(5 * time.Second)
		equal(t, "states in the end", b.states(id), []string{"anna settled"})
		equal(t, "put into the mailbox", len(p.mailbox.attempts()), 0)
		equal(t, "attempts", len(p.smtp.attempts()), 3)
		equal(t, "class", b.of(id)[0].Class, "")
	})
}

// TestQuietIsDroppedOrMoved: what a person does with it otherwise.
func TestQuietIsDroppedOrMoved(t *testing.T) {
	o := newOffice()
	spam := refusal(relay.Declined, reason.Spam)
	running(t, settings(toCloud(o.then(spam, spam, yes)), o), func(t *testing.T, b *bed) {
		dropped, moved := b.mustTake(to("anna@example.com")), b.mustTake(to("anna@example.com"))
		time.Sleep(time.Minute)
		equal(t, "dropped", b.do(relay.Deed{Do: relay.Drop, Keep: keeps}, dropped), []string{"anna dropped"})
		equal(t, "moved", b.do(moveTo(room), moved), []string{"room due"})
		time.Sleep(5 * time.Second)
		equal(t, "states", b.states(moved), []string{"room settled"})
	})
}

// TestClassIsOfTheLastAttempt: what was throttled once and arrived without a reply afterwards was not refused.
func TestClassIsOfTheLastAttempt(t *testing.T) {
	o := newOffice()
	busyThenMute := func(_ context.Context, c relay.Consignment) []relay.Outcome {
		if o.attempted(c) == 1 {
			return answers(c, refusal(relay.Deferred, reason.Throttled))
		}
		o.accept(c, c.Deliveries[0])
		return answers(c, uncertain)
	}
	running(t, settings(toCloud(destination(busyThenMute)), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Second)
		equal(t, "class", b.of(id)[0].Class, string(reason.Throttled))
		time.Sleep(time.Hour)
		equal(t, "states", b.states(id), []string{"anna settled"})
		events, err := b.ledger.History(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var classes []string
		for _, e := range events {
			classes = append(classes, fmt.Sprint(e.State, " ", e.Class))
		}
		equal(t, "history", classes, []string{"due throttled", "in doubt ", "settled "})
	})
}

// TestPatienceBeginsAnew: what a person let go on is tried for as long as what is new.
func TestPatienceBeginsAnew(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o.then(refusal(relay.Declined, reason.Other))), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(70 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna held"})
		b.do(relay.Deed{Do: relay.Release}, id)
		time.Sleep(10 * time.Minute)
		equal(t, "states after the release", b.states(id), []string{"anna due"})
		time.Sleep(70 * time.Minute)
		equal(t, "states later", b.states(id), []string{"anna held"})
	})
}
