package relay_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/internal/pace"
	"posthouse/ledger"
	"posthouse/relay"
)

func TestAcceptedThenSettledWhenSeen(t *testing.T) {
	o := newOffice()
	o.delay = 10 * time.Second
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		begun := time.Now()
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		d := b.of(id)[0]
		if d.State != ledger.Accepted || d.Attempts != 1 || d.Reply != yes.Reply || !d.Since.Equal(begun) {
			t.Fatalf("after the 250: %+v", d)
		}
		time.Sleep(30 * time.Second)
		if d = b.of(id)[0]; d.State != ledger.Settled || d.Seen != "INBOX UID 1" {
			t.Errorf("after it was seen: %+v", d)
		}
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// TestDeliveredIsTold: a delivery's line in the log names the recipient whom the sender wrote to.
func TestDeliveredIsTold(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		b.mustTake(to("Anna@example.com").with("Message-ID: <1@outside.example>\r\n\r\nhello\r\n"))
		synctest.Wait()
		for _, e := range b.log.AllEntries() {
			if e.Message == "delivered" {
				equal(t, "fields", fmt.Sprint(e.Data["to"], e.Data["original"], e.Data["message_id"]), "anna@example.comAnna@example.com<1@outside.example>")
				return
			}
		}
		t.Error("no line")
	})
}

// TestWhatGoesOut: prefix, then the octets as received, once.
func TestWhatGoesOut(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		const body = "Subject: x\r\n\r\nbare\rand\n8-bit \xe4\r\n"
		c := b.captured(to("anna@example.com").with(body))
		synctest.Wait()
		if got := o.octets[c.ID]; got != string(c.Prefix)+body || !strings.HasPrefix(got, "Received: from ") {
			t.Errorf("sent %q", got)
		}
	})
}

func TestSettledAtOnce(t *testing.T) {
	lies := yes
	lies.Seen = "INBOX UID 9"
	tests := []struct {
		name    string
		finder  relay.Finder
		outcome relay.Outcome
		to      cutover.Address
		seen    string
	}{
		{"the outcome says where it lies", newOffice(), lies, "anna@example.com", "INBOX UID 9"},
		{"no mailbox can be asked", nil, yes, "anna@example.com", ""},
		{"it leads to no mailbox of ours", newOffice(), yes, "friends@example.com", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := house()
				cfg.Groups["friends@example.com"] = []cutover.Address{"friend@outside.example"}
				b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg)}, settings(toCloud(always(tt.outcome)), tt.finder))
				b.start(b.courier)
				id := b.mustTake(to(tt.to))
				synctest.Wait()
				if d := b.of(id)[0]; d.State != ledger.Settled || d.Seen != tt.seen || d.Reply != yes.Reply {
					t.Errorf("%+v", d)
				}
			})
		})
	}
}

// TestTemporaryFailureIsRetriedBySchedule: each pause is longer, until the last one repeats.
func TestTemporaryFailureIsRetriedBySchedule(t *testing.T) {
	o := newOffice()
	cfg := settings(toCloud(o.then(later, later, later, later, yes)), o)
	cfg.Scan = 10 * time.Second
	running(t, cfg, func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		d := b.of(id)[0]
		if d.State != ledger.Due || d.Attempts != 1 || d.Reply != later.Reply || !d.Next.Equal(time.Now().Add(10*time.Second)) {
			t.Errorf("after the first attempt: %+v", d)
		}
		time.Sleep(time.Hour)
		equal(t, "pauses", o.pauses(), []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, 10 * time.Minute})
		if d = b.of(id)[0]; d.State != ledger.Settled || d.Attempts != 5 {
			t.Errorf("at the end: %+v", d)
		}
	})
}

// TestRetriesAreSpread: what failed together does not come back together.
func TestRetriesAreSpread(t *testing.T) {
	cfg := settings(toCloud(always(later)), nil)
	cfg.Retry = pace.Schedule{Steps: []time.Duration{time.Hour}}
	running(t, cfg, func(t *testing.T, b *bed) {
		for range 20 {
			b.mustTake(to("anna@example.com"))
			synctest.Wait()
		}
		different := map[time.Duration]bool{}
		for _, d := range b.deliveries(ledger.DeliveryFilter{}) {
			pause := time.Until(d.Next)
			different[pause] = true
			if pause < 48*time.Minute || pause > 72*time.Minute {
				t.Errorf("comes back after %s", pause)
			}
		}
		if len(different) < 10 {
			t.Errorf("%d different pauses of 20", len(different))
		}
	})
}

// TestServerAsksForTime: a pause that the server names is kept, when it is longer than ours.
func TestServerAsksForTime(t *testing.T) {
	slow, fast := later, later
	slow.Wait, fast.Wait = 3*time.Hour, time.Second
	o := newOffice()
	running(t, patient(toCloud(o.then(slow, fast, yes)), o), func(t *testing.T, b *bed) {
		b.mustTake(to("anna@example.com"))
		time.Sleep(day)
		equal(t, "pauses", o.pauses(), []time.Duration{3 * time.Hour, time.Minute})
	})
}

func TestRefusedForGoodIsHeld(t *testing.T) {
	for _, outcome := range []relay.Outcome{never, unfit} {
		t.Run(string(outcome.Kind), func(t *testing.T) {
			o := newOffice()
			running(t, patient(toCloud(o.then(outcome, yes)), o), func(t *testing.T, b *bed) {
				id := b.mustTake(to("anna@example.com"))
				time.Sleep(7 * day)
				d := b.of(id)[0]
				if d.State != ledger.Held || !strings.Contains(d.Reason, "new:smtp") || !strings.Contains(d.Reason, outcome.Reply) {
					t.Errorf("%+v", d)
				}
				equal(t, "attempts", o.attempts(), []string{"[anna]"})
				if !b.logged("held") {
					t.Error("the log does not say so")
				}
			})
		})
	}
}

// TestReleasedByAPerson: what is held and made Due again goes out.
func TestReleasedByAPerson(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o.then(never, yes)), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		d := b.of(id)[0]
		d.State, d.Next = ledger.Due, time.Now()
		if err := b.ledger.Update(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		b.courier.Hint()
		time.Sleep(5 * time.Second)
		if d = b.of(id)[0]; d.State != ledger.Settled || d.Reason != "" || d.Attempts != 2 {
			t.Errorf("%+v", d)
		}
	})
}

func TestHeldAfterTooLong(t *testing.T) {
	o := newOffice()
	running(t, patient(toCloud(o.then(later)), o), func(t *testing.T, b *bed) {
		begun := time.Now()
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(7 * day)
		d := b.of(id)[0]
		if d.State != ledger.Held || !strings.Contains(d.Reason, "5") || !strings.Contains(d.Reason, later.Reply) {
			t.Errorf("%+v", d)
		}
		if after := d.Since.Sub(begun); after < 5*day || after > 5*day+6*time.Hour {
			t.Errorf("held after %s", after)
		}
		if n := len(o.attempts()); d.Attempts != n || n < 5*4 {
			t.Errorf("%d attempts counted, %d made", d.Attempts, n)
		}
	})
}

// TestSeveralRecipientsInOneAttempt: each recipient has its own end.
func TestSeveralRecipientsInOneAttempt(t *testing.T) {
	ends := map[string]relay.Outcome{"anna": yes, "carl": never, "dora": later, "emil": uncertain}
	var tries []string
	o := newOffice()
	o.delay = time.Second // else the courier's first look may find what the first attempt brought
	cloud := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
		var outcomes []relay.Outcome
		names := ""
		for _, d := range c.Deliveries {
			name := d.Recipient.Local()
			names += name + " "
			outcome := ends[name]
			if d.Attempts > 0 {
				outcome = yes
			}
			if outcome.Kind == relay.Delivered {
				o.accept(c, d)
			}
			outcomes = append(outcomes, outcome)
		}
		tries = append(tries, strings.TrimSpace(names))
		return outcomes
	})
	synctest.Test(t, func(t *testing.T) {
		cfg := house()
		cfg.Mailboxes = append(cfg.Mailboxes, mailbox("carl"), mailbox("dora"), mailbox("emil"))
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg)}, settings(toCloud(cloud), o))
		b.start(b.courier)
		id := b.mustTake(to("anna@example.com", "carl@example.com", "dora@example.com", "emil@example.com"))
		synctest.Wait()
		equal(t, "after the first attempt", b.states(id), []string{"anna accepted", "carl held", "dora due", "emil in doubt"})
		time.Sleep(10 * time.Minute)
		equal(t, "at the end", b.states(id), []string{"anna settled", "carl held", "dora settled", "emil settled"})
		equal(t, "attempts", tries, []string{"anna carl dora emil", "dora", "emil"})
	})
}

// TestLargeGroupGoesInOneAttempt: one message for many is one transaction, at first and when it is retried.
func TestLargeGroupGoesInOneAttempt(t *testing.T) {
	o := newOffice()
	synctest.Test(t, func(t *testing.T) {
		cfg := house()
		var m message
		for i := range 40 {
			cfg.Mailboxes = append(cfg.Mailboxes, mailbox(fmt.Sprintf("m%02d", i)))
			m.env.Recipients = append(m.env.Recipients, ledger.Recipient{Address: cutover.Address(fmt.Sprintf("m%02d@example.com", i))})
		}
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg)}, settings(toCloud(o.then(later, later, yes)), o))
		b.start(b.courier)
		b.mustTake(m)
		time.Sleep(10 * time.Minute)
		if tries := o.attempts(); len(tries) != 3 || len(strings.Fields(tries[2])) != 40 {
			t.Errorf("%d attempts: %v", len(tries), tries)
		}
	})
}

func TestTee(t *testing.T) {
	plans := map[cutover.Route]relay.Plan{cutover.Arriving: {Tee: true}}
	tests := []struct {
		name   string
		legacy []relay.Outcome
		state  ledger.DeliveryState
		tries  int
	}{
		{"taken", []relay.Outcome{yes}, ledger.Settled, 1},
		{"refused: nobody needs to know", []relay.Outcome{never}, ledger.Settled, 1},
		{"unfit: nobody needs to know", []relay.Outcome{unfit}, ledger.Settled, 1},
		{"later, then taken", []relay.Outcome{later, yes}, ledger.Settled, 2},
		{"in doubt, and not there", []relay.Outcome{uncertain, yes}, ledger.Settled, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cloud, legacy := newOffice(), newOffice()
			script := legacy.then(tt.legacy...)
			checked := destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
				if !c.Tee {
					t.Error("the tee is not marked as one")
				}
				return script(ctx, c)
			})
			to2 := map[string]relay.Destination{"new:smtp": destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
				if c.Tee {
					t.Error("the required delivery is marked as a tee")
				}
				return cloud.Deliver(ctx, c)
			}), "old:smtp": checked}
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house()), Plans: plans}, settings(to2, sides{cutover.Cloud: cloud, cutover.Legacy: legacy}))
				b.start(b.courier)
				id := b.mustTake(to("anna@example.com"))
				time.Sleep(10 * time.Minute)
				for _, d := range b.of(id) {
					if d.State != tt.state {
						t.Errorf("%+v", d)
					}
				}
				if got := len(legacy.attempts()); got != tt.tries {
					t.Errorf("%d attempts at the legacy, want %d", got, tt.tries)
				}
				equal(t, "attempts at the cloud", cloud.attempts(), []string{"[anna]"})
			})
		})
	}
}

// TestTeesGoApart: each copy has an envelope of its own, and fields against the rules of its mailbox that name nobody else; what is required goes in one, without them.
func TestTeesGoApart(t *testing.T) {
	cloud, legacy := newOffice(), newOffice()
	var copies []string
	old := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
		octets, err := readBody(c.Body)
		if err != nil {
			t.Error(err)
		}
		copies = append(copies, octets)
		return legacy.Deliver(t.Context(), c)
	})
	synctest.Test(t, func(t *testing.T) {
		cfg := house()
		cfg.Mailboxes = append(cfg.Mailboxes, mailbox("carl"))
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg), Plans: map[cutover.Route]relay.Plan{cutover.Arriving: {Tee: true}}},
			settings(map[string]relay.Destination{"new:smtp": cloud, "old:smtp": old}, sides{cutover.Cloud: cloud, cutover.Legacy: legacy}))
		b.start(b.courier)
		c := b.captured(to("anna@example.com", "carl@example.com"))
		time.Sleep(time.Minute)
		equal(t, "to the cloud", cloud.attempts(), []string{"[anna carl]"})
		equal(t, "copies", len(copies), 2)
		for _, octets := range copies {
			if !strings.HasPrefix(octets, string(c.Prefix)+"Auto-Submitted: auto-generated\r\nX-Sieve-Redirected-From: ") || strings.Count(octets, "@example.com") != 1 {
				t.Errorf("copy:\n%s", octets)
			}
		}
		if octets := cloud.octets[c.ID]; strings.Contains(octets, "Auto-Submitted") {
			t.Errorf("to the cloud:\n%s", octets)
		}
	})
}

// TestTeeIsNeverHeld: not even after days of trying, nor with the legacy switched off.
func TestTeeIsNeverHeld(t *testing.T) {
	for _, outcome := range []relay.Outcome{later, unreachable} {
		t.Run(string(outcome.Kind), func(t *testing.T) {
			o := newOffice()
			ways := map[string]relay.Destination{"new:smtp": o, "old:smtp": always(outcome)}
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house()), Plans: map[cutover.Route]relay.Plan{cutover.Arriving: {Tee: true}}}, patient(ways, o))
				b.start(b.courier)
				id := b.mustTake(to("anna@example.com"))
				time.Sleep(6 * day)
				equal(t, "states", b.states(id), []string{"anna settled", "anna settled"})
			})
		})
	}
}

// TestHomeAndGroupGoSeparateWays: one message, two destinations.
func TestHomeAndGroupGoSeparateWays(t *testing.T) {
	cloud, legacy := newOffice(), newOffice()
	running(t, settings(map[string]relay.Destination{"new:smtp": cloud, "old:smtp": legacy}, nil), func(t *testing.T, b *bed) {
		b.mustTake(to("all@example.com"))
		synctest.Wait()
		equal(t, "cloud", cloud.attempts(), []string{"[anna friend]"})
		equal(t, "legacy", legacy.attempts(), []string{"[bob]"})
	})
}

// TestMissingDestination: an older configuration planned it. It waits like anything that nobody takes, and is held in the end.
func TestMissingDestination(t *testing.T) {
	running(t, patient(nil, nil), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		if d := b.of(id)[0]; d.State != ledger.Due || !strings.Contains(d.Reply, "no destination") {
			t.Errorf("%+v", d)
		}
		time.Sleep(6 * day)
		if d := b.of(id)[0]; d.State != ledger.Held || !strings.Contains(d.Reason, "no destination") {
			t.Errorf("%+v", d)
		}
	})
}

// TestDestinationOfAnOlderConfiguration is found in the ledger at start.
func TestDestinationOfAnOlderConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, relay.CourierConfig{})
		id := b.mustTake(to("bob@example.com"))
		b.restart(settings(toCloud(newOffice()), nil))
		time.Sleep(9 * time.Second)
		if d := b.of(id)[0]; d.State != ledger.Due || d.Attempts == 0 || !strings.Contains(d.Reply, "no destination") {
			t.Errorf("%+v", d)
		}
	})
}

// TestScanAloneIsEnough: hints may be lost. What somebody else makes Due is found without one.
func TestScanAloneIsEnough(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		b.attach(b.newCourier(settings(nil, nil))) // never started: it neither attempts nor hints to the one that runs
		held, due := b.mustTake(to("postmaster@example.com")), b.mustTake(to("anna@example.com"))
		time.Sleep(2500 * time.Millisecond)
		equal(t, "due", b.states(due), []string{"anna settled"})
		equal(t, "held", b.states(held), []string{"postmaster held"})
	})
}

// TestWorkersBoundAttempts: never more at once than the lane has room for, and all get their turn.
func TestWorkersBoundAttempts(t *testing.T) {
	var now, most atomic.Int32
	o := newOffice()
	slow := destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(time.Second)
		now.Add(-1)
		return o.Deliver(ctx, c)
	})
	cfg := settings(toCloud(slow), o)
	cfg.Scan = time.Hour // the end of an attempt alone makes room
	running(t, cfg, func(t *testing.T, b *bed) {
		for range 3 { // each that is accepted makes room for one more
			b.mustTake(to("anna@example.com"))
			time.Sleep(2 * time.Second)
		}
		for range 50 {
			b.mustTake(to("anna@example.com"))
		}
		born := 0
		for _, d := range b.deliveries(ledger.DeliveryFilter{}) {
			if d.State == ledger.Sending {
				born++
			}
		}
		if born != 4+8*4 { // at once, and next behind them
			t.Errorf("%d were born Sending", born)
		}
		time.Sleep(13*time.Second + time.Millisecond)
		if len(o.accepted()) != 53 || most.Load() != 4 {
			t.Errorf("%d delivered in 13 s, at most %d at once; want 53 and 4", len(o.accepted()), most.Load())
		}
	})
}
