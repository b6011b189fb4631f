package relay_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
)

// losesReplies accepts at the first attempt and loses the reply; later ones go well.
func (o *office) losesReplies() destination {
	return func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		outcomes := o.Deliver(ctx, c)
		if c.Deliveries[0].Attempts == 0 {
			return answers(c, uncertain)
		}
		return outcomes
	}
}

// TestInDoubtAndFound: a mailbox that has it settles it, however late it shows up, and it is never sent again.
func TestInDoubtAndFound(t *testing.T) {
	for _, delay := range []time.Duration{0, 5 * time.Second, 55 * time.Second} {
		t.Run(delay.String(), func(t *testing.T) {
			o := newOffice()
			o.delay = delay
			running(t, settings(toCloud(o.losesReplies()), o), func(t *testing.T, b *bed) {
				id := b.mustTake(to("anna@example.com"))
				time.Sleep(10 * time.Minute)
				if d := b.of(id)[0]; d.State != ledger.Settled || d.Seen == "" || d.Reason != "" {
					t.Errorf("%+v", d)
				}
				equal(t, "attempts", o.attempts(), []string{"[anna]"})
			})
		})
	}
}

// TestInDoubtWhileAsking: until the settle time is over nothing is sent, and the mailbox is asked more than once.
func TestInDoubtWhileAsking(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o.then(uncertain, yes)), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(59 * time.Second)
		if d := b.of(id)[0]; d.State != ledger.InDoubt || d.Attempts != 1 || d.Reply != uncertain.Reply {
			t.Errorf("before the settle time: %+v", d)
		}
		if n := o.questions(); n < 3 || n > 10 {
			t.Errorf("asked %d times in a minute", n)
		}
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
		time.Sleep(time.Minute)
		if d := b.of(id)[0]; d.State != ledger.Settled || d.Attempts != 2 {
			t.Errorf("after it: %+v", d)
		}
		equal(t, "attempts", o.attempts(), []string{"[anna]", "[anna]"})
		if !b.logged("was not in the mailbox") {
			t.Error("the log does not say that it was sent again")
		}
	})
}

// TestInDoubtAgain: each doubt is asked about anew.
func TestInDoubtAgain(t *testing.T) {
	o := newOffice()
	running(t, settings(toCloud(o.then(uncertain, uncertain, yes)), o), func(t *testing.T, b *bed) {
		b.mustTake(to("anna@example.com"))
		time.Sleep(10 * time.Minute)
		if got := o.pauses(); len(got) != 2 || got[0] < time.Minute || got[1] < time.Minute || got[1] > 2*time.Minute {
			t.Errorf("pauses %v", got)
		}
	})
}

// TestMailboxThatCannotBeAskedKeepsTheDoubt: for as long as mail is tried; its answer decides.
func TestMailboxThatCannotBeAskedKeepsTheDoubt(t *testing.T) {
	o := newOffice()
	o.problem = errMailbox
	running(t, settings(toCloud(o.losesReplies()), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(10 * time.Minute)
		d := b.of(id)[0]
		if d.State != ledger.InDoubt || !strings.Contains(d.Reason, errMailbox.Error()) || d.Reply != uncertain.Reply || !b.courier.SentAgain(d.ID).IsZero() {
			t.Errorf("while it cannot be asked: %+v, sent again %s", d, b.courier.SentAgain(d.ID))
		}
		if !b.logged("could not ask") {
			t.Error("the log does not say so")
		}
		o.fail(nil)
		time.Sleep(2 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// TestDoubtAfterAnOutage: once the mailbox answers, its old error is forgotten, and it is known when the message is sent again.
func TestDoubtAfterAnOutage(t *testing.T) {
	o := newOffice()
	o.problem = errMailbox
	running(t, settings(toCloud(o.then(uncertain, yes)), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(10 * time.Minute)
		o.fail(nil)
		time.Sleep(70 * time.Second)
		d := b.of(id)[0]
		again := b.courier.SentAgain(d.ID)
		if d.State != ledger.InDoubt || d.Reason != "" || d.Reply != uncertain.Reply || !again.After(time.Now()) || d.Next.After(again) {
			t.Fatalf("while it answers: %+v, sent again %s", d, again)
		}
		time.Sleep(time.Until(again) - time.Second)
		equal(t, "before", len(o.attempts()), 1)
		time.Sleep(2 * time.Second)
		equal(t, "after", len(o.attempts()), 2)
	})
}

// TestDoubtThatNobodyCanEnd: where asking fails for as long as mail is tried, a person must look. It is not sent again.
func TestDoubtThatNobodyCanEnd(t *testing.T) {
	o := newOffice()
	o.problem = errMailbox
	running(t, patient(toCloud(o.losesReplies()), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(5*day - time.Hour)
		equal(t, "before", b.states(id), []string{"anna in doubt"})
		time.Sleep(3 * time.Hour)
		d := b.of(id)[0]
		if d.State != ledger.Held || !strings.Contains(d.Reason, "may or may not have arrived") || !strings.Contains(d.Reason, errMailbox.Error()) {
			t.Errorf("after it: %+v", d)
		}
		if !b.logged("delivery held: may or may not") {
			t.Error("the log does not say so")
		}
		o.fail(nil)
		time.Sleep(day)
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// TestYoungDoubtAboutOldMail: the first question after a long time off fails, and nothing is held for that.
func TestYoungDoubtAboutOldMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice()
		b, id := crashed(t, o, "anna@example.com")
		time.Sleep(6 * day)
		o.fail(errMailbox)
		b.restart(settings(toCloud(o), o))
		time.Sleep(30 * time.Second)
		equal(t, "while it cannot be asked", b.states(id), []string{"anna in doubt"})
		o.fail(nil)
		time.Sleep(2 * time.Minute)
		equal(t, "afterwards", b.states(id), []string{"anna settled"})
		equal(t, "attempts", len(o.attempts()), 0)
	})
}

// TestSettleTimeBeginsWhenTheMailboxAnswers: mail that was accepted before an outage, and shows up some time after it, is not sent a second time.
func TestSettleTimeBeginsWhenTheMailboxAnswers(t *testing.T) {
	o := newOffice()
	o.delay = time.Hour + 40*time.Second
	running(t, settings(toCloud(o.losesReplies()), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(30 * time.Second) // half the settle time was answered, which then counts for nothing
		o.fail(errMailbox)
		time.Sleep(time.Hour - 30*time.Second)
		o.fail(nil)
		time.Sleep(5 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// TestSettleTimeBeginsAnewInTheNextProcess: while none ran, nobody knows whether the mailbox answered.
func TestSettleTimeBeginsAnewInTheNextProcess(t *testing.T) {
	o := newOffice()
	o.delay = time.Hour + 30*time.Second
	running(t, settings(toCloud(o.losesReplies()), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(10 * time.Second)
		if err := b.courier.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - 10*time.Second)
		b.restart(settings(toCloud(o), o))
		time.Sleep(5 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// nobodyAtHome is a finder without a way into any mailbox.
var nobodyAtHome = finder(func(context.Context, cutover.MailboxID, cutover.Side, []cutover.Identity) (map[int]string, error) {
	return nil, fmt.Errorf("no server: %w", relay.ErrCannotAsk)
})

// TestAcceptedByAMailboxThatCannotBeAsked: a 250 is all that there will ever be.
func TestAcceptedByAMailboxThatCannotBeAsked(t *testing.T) {
	running(t, settings(toCloud(newOffice()), nobodyAtHome), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(5 * time.Second)
		if d := b.of(id)[0]; d.State != ledger.Settled || d.Reason == "" {
			t.Errorf("%+v", d)
		}
	})
}

// TestNobodyToAsk: it is sent again, and the row keeps saying so: that is how such mail is counted.
func TestNobodyToAsk(t *testing.T) {
	tests := []struct {
		name string
		find relay.Finder
		to   cutover.Address
	}{
		{"no finder", nil, "anna@example.com"},
		{"no mailbox of ours", newOffice(), "friends@example.com"},
		{"a mailbox that cannot be asked", nobodyAtHome, "anna@example.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice()
				cfg := house()
				cfg.Groups["friends@example.com"] = []cutover.Address{"friend@outside.example"}
				b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg)}, settings(toCloud(o.losesReplies()), tt.find))
				b.start(b.courier)
				id := b.mustTake(to(tt.to))
				time.Sleep(15 * time.Second)
				if d := b.of(id)[0]; d.State != ledger.Settled || d.Attempts != 2 || !strings.Contains(d.Reason, "it may arrive twice") {
					t.Errorf("%+v", d)
				}
				if !b.logged("it may arrive twice") {
					t.Error("the log does not say so")
				}
			})
		})
	}
}

// TestAskedByTraceAndIdentity: whoever looks gets our trace of the capture and its key.
func TestAskedByTraceAndIdentity(t *testing.T) {
	var asked []string
	find := finder(func(_ context.Context, m cutover.MailboxID, side cutover.Side, wanted []cutover.Identity) (map[int]string, error) {
		for _, id := range wanted {
			asked = append(asked, fmt.Sprint(m, " ", side, " ", id.Trace, " ", id.Key))
		}
		return map[int]string{0: "INBOX UID 1"}, nil
	})
	running(t, settings(map[string]relay.Destination{"new:smtp": always(uncertain), "old:smtp": always(yes)}, find), func(t *testing.T, b *bed) {
		var want []string
		for _, who := range []struct{ name, side string }{{"anna", "cloud"}, {"bob", "legacy"}} {
			c := b.captured(to(cutover.Address(who.name + "@example.com")))
			time.Sleep(3 * time.Second)
			want = append(want, fmt.Sprint(who.name, "@example.com ", who.side, " ", cutover.NewTrace(b.traceKey(), c.ID), " ", c.Identity.Key))
		}
		equal(t, "asked", asked, want)
	})
}

// crashed makes a bed whose ledger holds deliveries that were being sent when the process was killed.
func crashed(t *testing.T, o *office, recipients ...cutover.Address) (*bed, cutover.CaptureID) {
	t.Helper()
	b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, relay.CourierConfig{})
	id := b.mustTake(to(recipients...))
	c, err := b.ledger.Capture(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	all := b.of(id)
	for i := range all {
		all[i].State = ledger.Sending
	}
	if err := b.ledger.Update(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	if o != nil {
		o.accept(relay.Consignment{Capture: c, Body: literal(string(c.Prefix) + "x")}, all[0])
	}
	return b, id
}

// literal is a body of octets at hand.
type literal string

func (l literal) Size() int64 { return int64(len(l)) }
func (l literal) Open() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(l))), nil
}

// TestCrashWhileSending: what was under way is asked for, and only what did not arrive is sent again.
func TestCrashWhileSending(t *testing.T) {
	tests := []struct {
		name     string
		arrived  bool
		attempts []string
	}{
		{"it had arrived", true, []string{}},
		{"it had not", false, []string{"[anna]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, has := newOffice(), (*office)(nil)
				if tt.arrived {
					has = o
				}
				b, id := crashed(t, has, "anna@example.com")
				b.restart(settings(toCloud(o), o))
				if steps := b.steps(id); len(steps) == 0 || !strings.HasPrefix(steps[0], "in doubt") {
					t.Errorf("right after the start: %v", steps)
				}
				if !b.logged("in the middle of deliveries") {
					t.Error("the log does not say so")
				}
				time.Sleep(10 * time.Minute)
				equal(t, "states", b.states(id), []string{"anna settled"})
				equal(t, "attempts", append([]string{}, o.attempts()...), tt.attempts)
				for what, n := range o.accepted() {
					if n != 1 {
						t.Errorf("%s accepted %d times", what, n)
					}
				}
			})
		})
	}
}

func TestPanicInADestinationIsDoubt(t *testing.T) {
	o := newOffice()
	cloud := destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		outcomes := o.Deliver(ctx, c)
		if len(o.attempts()) == 1 {
			panic("after the octets went out")
		}
		return outcomes
	})
	running(t, settings(toCloud(cloud), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		synctest.Wait()
		if d := b.of(id)[0]; d.State == ledger.Due || d.State == ledger.Sending {
			t.Errorf("after the panic: %+v", d)
		}
		if !b.logged("after the octets went out") {
			t.Error("the panic is not in the log")
		}
		if d := b.of(id)[0]; strings.Contains(d.Reply+d.Reason, "octets") {
			t.Errorf("its words are in the row: %+v", d)
		}
		time.Sleep(10 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

func TestPanicInAFinderIsNoAnswer(t *testing.T) {
	o := newOffice()
	var mu sync.Mutex
	broken := true
	find := finder(func(ctx context.Context, m cutover.MailboxID, s cutover.Side, wanted []cutover.Identity) (map[int]string, error) {
		mu.Lock()
		defer mu.Unlock()
		if broken {
			panic("finder is broken")
		}
		return o.Find(ctx, m, s, wanted)
	})
	running(t, settings(toCloud(o.losesReplies()), find), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(10 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna in doubt"})
		mu.Lock()
		broken = false
		mu.Unlock()
		time.Sleep(time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
	})
}

// TestOutcomesThatAreMissing: a destination that does not say what became of a delivery leaves it in doubt; what it says too much is nobody's.
func TestOutcomesThatAreMissing(t *testing.T) {
	for _, n := range []int{0, 1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			o := newOffice()
			cloud := destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
				o.Deliver(ctx, c)
				return slices.Repeat([]relay.Outcome{yes}, n)
			})
			running(t, settings(toCloud(cloud), o), func(t *testing.T, b *bed) {
				id := b.mustTake(to("anna@example.com", "room@example.com"))
				time.Sleep(10 * time.Minute)
				equal(t, "states", b.states(id), []string{"anna settled", "room settled"})
				equal(t, "attempts", o.attempts(), []string{"[anna room]"})
			})
		})
	}
}

// TestAcceptedAndNeverSeen: it stays accepted, is never sent again, and is looked for ever more rarely.
func TestAcceptedAndNeverSeen(t *testing.T) {
	o := newOffice()
	o.delay = 1000 * day
	cfg := settings(toCloud(o), o)
	cfg.Scan = 10 * time.Second
	running(t, cfg, func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(6 * time.Hour)
		if d := b.of(id)[0]; d.State != ledger.Accepted || time.Since(d.Since) < 5*time.Hour {
			t.Errorf("%+v", d)
		}
		equal(t, "attempts", o.attempts(), []string{"[anna]"})
		if n := o.questions(); n < 10 || n > 60 {
			t.Errorf("asked %d times in six hours", n)
		}
	})
}

// TestAcceptedWhileTheMailboxIsShut: an error is not an absence; it is looked for again.
func TestAcceptedWhileTheMailboxIsShut(t *testing.T) {
	o := newOffice()
	o.problem = errMailbox
	running(t, settings(toCloud(o), o), func(t *testing.T, b *bed) {
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Minute)
		equal(t, "states", b.states(id), []string{"anna accepted"})
		o.fail(nil)
		time.Sleep(2 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
	})
}

// TestOneHungMailboxHidesNoOther: neither from those who ask about doubts nor from those who look for accepted mail.
func TestOneHungMailboxHidesNoOther(t *testing.T) {
	for _, outcome := range []relay.Outcome{uncertain, yes} {
		t.Run(string(outcome.Kind), func(t *testing.T) {
			o := newOffice()
			find := finder(func(ctx context.Context, m cutover.MailboxID, s cutover.Side, wanted []cutover.Identity) (map[int]string, error) {
				if m == "room@example.com" {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return o.Find(ctx, m, s, wanted)
			})
			cloud := destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
				o.Deliver(ctx, c)
				return answers(c, outcome)
			})
			running(t, settings(toCloud(cloud), find), func(t *testing.T, b *bed) {
				for range 250 {
					b.mustTake(to("room@example.com"))
				}
				id := b.mustTake(to("anna@example.com"))
				time.Sleep(time.Minute)
				equal(t, "states", b.states(id), []string{"anna settled"})
				begun := time.Now()
				if err := b.courier.Stop(t.Context()); err != nil || time.Since(begun) > time.Second {
					t.Errorf("Stop took %s for a question, %v", time.Since(begun), err)
				}
				for _, d := range b.deliveries(ledger.DeliveryFilter{Mailbox: "room@example.com"}) {
					if d.State == ledger.Settled || strings.Contains(d.Reply, "context") {
						t.Fatalf("after Stop: %+v", d)
					}
				}
			})
		})
	}
}

// TestManyNeverSeenHideNobody: spam that the cloud takes and throws away must not keep good mail from being found.
func TestManyNeverSeenHideNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, relay.CourierConfig{})
		for range 1200 {
			b.mustTake(to("anna@example.com"))
		}
		all := b.deliveries(ledger.DeliveryFilter{})
		for i := range all {
			all[i].State, all[i].Attempts = ledger.Accepted, 1
		}
		if err := b.ledger.Update(t.Context(), all...); err != nil {
			t.Fatal(err)
		}
		o := newOffice()
		b.restart(settings(toCloud(o), o))
		id := b.mustTake(to("anna@example.com"))
		time.Sleep(time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled"})
	})
}
