package relay_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
)

// TestEveryReplyIsLost: a next hop that takes each message whole and never says so gets it no faster than one that says no, and some time no more. Where nobody can be asked, after a few times.
func TestEveryReplyIsLost(t *testing.T) {
	tests := []struct {
		name string
		find relay.Finder
		to   cutover.Address
		most int
		why  string
	}{
		{"nobody to ask", newOffice(), "friends@example.com", 6, "its reply was lost 6 times, and no mailbox can be asked; ask friend@outside.example"},
		{"never in the mailbox", newOffice(), "anna@example.com", 22, "lost again and again for 3h0m0s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice()
				cfg := house()
				cfg.Groups["friends@example.com"] = []cutover.Address{"friend@outside.example"}
				courier := patient(toCloud(o.then(uncertain)), tt.find)
				courier.HoldAfter = 3 * time.Hour
				courier.Retry.Steps = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute}
				b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg)}, courier)
				b.start(b.courier)
				id := b.mustTake(to(tt.to))
				time.Sleep(5 * time.Hour)
				d := b.of(id)[0]
				if d.State != ledger.Held || relay.Why(d) != "doubt" || !strings.Contains(d.Reason, tt.why) {
					t.Errorf("%+v", d)
				}
				n := len(o.attempts())
				if n < 6 || n > tt.most {
					t.Errorf("sent %d times", n)
				}
				for i, pause := range o.pauses() {
					if least := []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute}[min(i, 2)]; pause < least {
						t.Errorf("pause %d: %s", i, pause)
					}
				}
				if !b.logged("delivery held: may or may not have arrived") {
					t.Error("the log does not say so")
				}
				for _, done := range b.courier.Act(t.Context(), relay.Deed{Do: relay.Release, By: "root"}, []ledger.DeliveryID{d.ID}) {
					if done.Err != nil {
						t.Fatal(done.Err)
					}
				}
				time.Sleep(30 * time.Minute)
				if again := len(o.attempts()); again <= n {
					t.Error("a person's release sent nothing")
				}
			})
		})
	}
}

// TestWhySentAgainIsKept: the history says for ever that something may arrive twice, as after a crash in its first attempt, though a person takes it in hand before the next one.
func TestWhySentAgainIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, id := crashed(t, nil, "all@example.com")
		b.restart(settings(toCloud(newOffice()), newOffice()))
		time.Sleep(5 * time.Second)
		friend := slices.IndexFunc(b.of(id), func(d ledger.Delivery) bool { return d.Mailbox == "" })
		b.courier.Act(t.Context(), relay.Deed{Do: relay.Hold, By: "root"}, []ledger.DeliveryID{b.of(id)[friend].ID})
		events, err := b.ledger.History(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(events, func(e ledger.Event) bool {
			return e.Recipient == "friend@outside.example" && e.State == ledger.Due && strings.Contains(e.Reason, "it may arrive twice")
		}) {
			t.Errorf("%+v", events)
		}
	})
}
