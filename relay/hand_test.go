package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
)

// do does a deed to all deliveries of a capture and says what came of each: "anna due", or why nothing was done.
func (b *bed) do(deed relay.Deed, id cutover.CaptureID) []string {
	b.t.Helper()
	var ids []ledger.DeliveryID
	for _, d := range b.of(id) {
		ids = append(ids, d.ID)
	}
	deed.By = "root"
	var said []string
	for _, done := range b.courier.Act(b.t.Context(), deed, ids) {
		text := done.Delivery.Recipient.Local() + " " + string(done.Delivery.State)
		if done.Err != nil {
			text = done.Delivery.Recipient.Local() + ": " + done.Err.Error()
		}
		said = append(said, text)
	}
	return said
}

// steps are a capture's history: "due 451 4.3.0 later", "held held by root".
func (b *bed) steps(id cutover.CaptureID) []string {
	b.t.Helper()
	events, err := b.ledger.History(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	var said []string
	for _, e := range events {
		said = append(said, strings.TrimSpace(fmt.Sprintf("%s %s", e.State, or(e.Act, or(e.Seen, e.Reply)))))
	}
	return said
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func moveTo(t relay.Target) relay.Deed {
	return relay.Deed{Do: relay.Move, To: func(ledger.Delivery) (relay.Target, error) { return t, nil }}
}

func keeps(context.Context, ledger.Delivery) (string, error) { return "dropped/1.eml", nil }

var room = relay.Target{Recipient: "room@example.com", Mailbox: "room@example.com", Side: cutover.Cloud, Destination: "new:smtp"}

func TestHoldAndRelease(t *testing.T) {
	cloud := newOffice()
	running(t, patient(toCloud(cloud.then(later, yes)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Second)
		equal(t, "held", b.do(relay.Deed{Do: relay.Hold, Why: "asked by Anna"}, id), []string{"anna held"})
		time.Sleep(day)
		equal(t, "attempts meanwhile", len(cloud.attempts()), 1)
		equal(t, "held again", b.do(relay.Deed{Do: relay.Hold}, id), []string{"anna: is held already: held by root: asked by Anna"})
		equal(t, "retried", b.do(relay.Deed{Do: relay.Retry}, id), []string{"anna: is held: held by root: asked by Anna"})
		equal(t, "released", b.do(relay.Deed{Do: relay.Release}, id), []string{"anna due"})
		time.Sleep(2 * time.Hour)
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "released again", b.do(relay.Deed{Do: relay.Release}, id), []string{"anna: has arrived: INBOX UID 1"})
		equal(t, "history", b.steps(id), []string{"due 451 4.3.0 later", "held held by root: asked by Anna", "due released by root", "accepted 250 2.0.0 ok", "settled INBOX UID 1"})
	})
}

func TestRetryDoesNotWait(t *testing.T) {
	cloud := newOffice()
	running(t, settings(toCloud(cloud.then(later, later, yes)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(15 * time.Second) // the next attempt would be a minute after the second
		equal(t, "retried", b.do(relay.Deed{Do: relay.Retry}, id), []string{"anna due"})
		time.Sleep(3 * time.Second)
		equal(t, "states", b.states(id), []string{"anna settled"})
	})
}

// A destination that could not be reached is left alone for a while; a person who says that it is there again is believed.
func TestRetryEndsThePause(t *testing.T) {
	cloud := newOffice()
	running(t, settings(toCloud(cloud.then(unreachable)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		b.mustTake(to("room@example.com"))
		for range 100 {
			if time.Sleep(time.Second); b.courier.Retry("new:smtp").After(time.Now().Add(10 * time.Second)) {
				break
			}
		}
		before := len(cloud.attempts())
		b.do(relay.Deed{Do: relay.Retry}, id)
		time.Sleep(time.Second)
		if after := len(cloud.attempts()); after == before {
			t.Errorf("no attempt, after %d; the pause ends at %v", before, b.courier.Retry("new:smtp"))
		}
	})
}

// Released mail is tried for as long as new mail, however old it is.
func TestReleasedMailHasItsTime(t *testing.T) {
	cloud := newOffice()
	running(t, patient(toCloud(cloud.then(never, later, yes)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(30 * day)
		b.do(relay.Deed{Do: relay.Release}, id)
		time.Sleep(time.Second)
		equal(t, "after a refusal for now", b.states(id), []string{"anna due"})
		time.Sleep(day)
		equal(t, "in the end", b.states(id), []string{"anna settled"})
	})
}

func TestMove(t *testing.T) {
	cloud := newOffice()
	running(t, settings(toCloud(cloud.then(never, yes)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Second)
		elsewhere := room
		elsewhere.Destination = "no:smtp"
		equal(t, "elsewhere", b.do(moveTo(elsewhere), id), []string{`anna: there is no destination "no:smtp"`})
		equal(t, "moved", b.do(moveTo(room), id), []string{"room due"})
		time.Sleep(5 * time.Second)
		equal(t, "deliveries", words(b.of(id)), []string{"room@example.com new:smtp settled"})
		equal(t, "accepted", cloud.accepted(), map[string]int{string(id) + " room@example.com new:smtp": 1})
		equal(t, "history", b.steps(id), []string{"held 550 5.1.1 no such user", "due moved by root", "accepted 250 2.0.0 ok", "settled INBOX UID 1"})
	})
}

// Nobody gets a message twice because a person moves it, be it by two deeds or by one.
func TestMoveToWhoHasIt(t *testing.T) {
	cloud := newOffice()
	running(t, settings(toCloud(cloud.then(never)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com", "room@example.com"))
		time.Sleep(time.Second)
		const has = "room@example.com has a delivery of this message already, which is held"
		equal(t, "moved", b.do(moveTo(room), id), []string{"anna: " + has, "room due"})
	})
	running(t, settings(toCloud(cloud.then(never)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com", "all@example.com"))
		time.Sleep(time.Second)
		bob := relay.Target{Recipient: "carl@example.com", Mailbox: "carl@example.com", Side: cutover.Cloud, Destination: "new:smtp"}
		said := b.do(moveTo(bob), id)
		if moved := slices.DeleteFunc(slices.Clone(said), func(s string) bool { return s != "carl due" }); len(moved) != 1 {
			t.Errorf("%q", said)
		}
	})
}

func TestDrop(t *testing.T) {
	cloud := newOffice()
	running(t, patient(toCloud(cloud.then(never)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Second)
		full := func(context.Context, ledger.Delivery) (string, error) { return "", errors.New("no space left") }
		equal(t, "on a full disk", b.do(relay.Deed{Do: relay.Drop, Keep: full}, id), []string{"anna: nothing was dropped: keeping a copy: no space left"})
		equal(t, "states", b.states(id), []string{"anna held"})
		equal(t, "dropped", b.do(relay.Deed{Do: relay.Drop, Keep: keeps}, id), []string{"anna dropped"})
		equal(t, "released", b.do(relay.Deed{Do: relay.Release}, id), []string{"anna: dropped by root; its copy is dropped/1.eml"})
		time.Sleep(day)
		equal(t, "attempts", len(cloud.attempts()), 1)
	})
}

// What the cloud accepted and nobody ever saw can be given up by a person, once it had its time to show up: else it would keep the verdict from being ready for ever.
func TestDropOfWhatNobodySaw(t *testing.T) {
	cloud := newOffice()
	cloud.delay = 1000 * day
	running(t, settings(toCloud(cloud), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		drop := relay.Deed{Do: relay.Drop, Keep: keeps, Unseen: time.Minute}
		looked := "anna: was accepted by new:smtp and is looked for in the mailbox: look into quarantine, junk and rules there"
		time.Sleep(50500 * time.Millisecond)
		equal(t, "too early", b.do(drop, id), []string{looked})
		time.Sleep(30 * time.Second)
		equal(t, "released", b.do(relay.Deed{Do: relay.Release, Unseen: time.Minute}, id), []string{looked})
		notify := drop
		notify.Notify = true
		equal(t, "with a notice", b.do(notify, id), []string{"anna: was accepted by new:smtp: its sender cannot be told that it was not delivered"})
		equal(t, "dropped", b.do(drop, id), []string{"anna dropped"})
		time.Sleep(time.Minute)
		equal(t, "states", b.states(id), []string{"anna dropped"})
		equal(t, "attempts", len(cloud.attempts()), 1)
	})
}

// Once the courier is stopped another process may have the deliveries.
func TestNoDeedAfterStop(t *testing.T) {
	cloud := newOffice()
	running(t, settings(toCloud(cloud.then(never)), cloud), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Second)
		if err := b.courier.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		equal(t, "released", b.do(relay.Deed{Do: relay.Release}, id), []string{": the service is being stopped"})
		equal(t, "states", b.states(id), []string{"anna held"})
	})
}

// slowly is a ledger whose changes are known to others before whoever made them knows it.
type slowly struct {
	ledger.Captures
	proceed chan struct{}
}

func (s slowly) Update(ctx context.Context, all ...ledger.Delivery) error {
	err := s.Captures.Update(ctx, all...)
	<-s.proceed
	return err
}

// Who sees that a message is held can do something with it, though the attempt that was refused is not quite over. One that is named twice is done with once.
func TestDeedsRightAfterTheRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newOffice()
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, settings(nil, nil))
		cfg := settings(toCloud(cloud.then(never, yes)), cloud)
		slow := slowly{b.ledger, make(chan struct{})}
		cfg.Ledger = slow
		b.restart(cfg)
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		equal(t, "states", b.states(id), []string{"anna held"})
		said := make(chan []relay.Done)
		go func() {
			d := b.of(id)[0].ID
			said <- b.courier.Act(t.Context(), relay.Deed{Do: relay.Release, By: "root"}, []ledger.DeliveryID{d, d})
		}()
		synctest.Wait()
		close(slow.proceed)
		if done := <-said; done[0].Err != nil || done[0].Delivery.State != ledger.Due || done[1].Err == nil {
			t.Errorf("%+v", done)
		}
		time.Sleep(5 * time.Second)
		equal(t, "in the end", b.states(id), []string{"anna settled"})
		equal(t, "attempts", len(cloud.attempts()), 2)
	})
}

// What was accepted, is on its way, or may have arrived is never sent again by a person's word.
func TestDeedsThatWouldSendTwice(t *testing.T) {
	cloud := newOffice()
	cloud.delay = time.Hour
	slow := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
		time.Sleep(10 * time.Second)
		return cloud.Deliver(t.Context(), c)
	})
	for _, c := range []struct {
		name string
		to   relay.Destination
		want string
	}{
		{"accepted", cloud, "was accepted by new:smtp and is looked for in the mailbox: look into quarantine, junk and rules there"},
		{"under way", slow, "is being sent or asked for at this moment"},
		{"in doubt", always(uncertain), "may have arrived: the mailbox is asked, and it is sent again by itself if it is not there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			running(t, settings(toCloud(c.to), cloud), func(t *testing.T, b *bed) {
				id := b.mustTake(to("anna@example.com"))
				time.Sleep(2500 * time.Millisecond)
				for _, deed := range []relay.Deed{{Do: relay.Release}, {Do: relay.Retry}, moveTo(room), {Do: relay.Drop, Keep: keeps}} {
					equal(t, string(deed.Do), b.do(deed, id), []string{"anna: " + c.want})
				}
			})
		})
	}
}

// What was held in doubt is asked for when it is released, and goes to nobody else meanwhile.
func TestReleaseOfADoubt(t *testing.T) {
	for _, arrived := range []bool{true, false} {
		cloud := newOffice()
		cloud.fail(errMailbox)
		lost := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
			if n := cloud.attempted(c); arrived || n > 1 {
				cloud.accept(c, c.Deliveries[0])
			}
			return answers(c, uncertain)
		})
		running(t, settings(toCloud(lost), cloud), func(t *testing.T, b *bed) {
			id := b.mustTake(to("anna@example.com"))
			time.Sleep(5 * time.Second)
			for b.states(id)[0] != "anna held" { // it is being asked for now and then
				b.do(relay.Deed{Do: relay.Hold}, id)
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(10 * time.Minute)
			cloud.fail(nil)
			equal(t, "moved", b.do(moveTo(room), id), []string{"anna: anna@example.com may have it already: look there"})
			equal(t, "released", b.do(relay.Deed{Do: relay.Release}, id), []string{"anna in doubt"})
			time.Sleep(5 * time.Minute)
			equal(t, "states", b.states(id), []string{"anna settled"})
			equal(t, "accepted", cloud.accepted(), map[string]int{string(id) + " anna@example.com new:smtp": 1})
		})
	}
}
