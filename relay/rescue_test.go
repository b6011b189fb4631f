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
	"posthouse/internal/clock"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

// pair is a way out by SMTP with the mailbox path behind it; both lead into one office.
type pair struct {
	smtp, mailbox *office
}

// deposit is the mailbox path of an office: it looks first, and tells where the message lies.
func (p pair) deposit(_ context.Context, c relay.Consignment) []relay.Outcome {
	p.mailbox.attempted(c)
	var outcomes []relay.Outcome
	for _, d := range c.Deliveries {
		if !p.smtp.holds(c, d) {
			p.smtp.accept(c, d)
		}
		outcomes = append(outcomes, relay.Outcome{Kind: relay.Delivered, Reply: "put into the mailbox", Seen: "INBOX UID 1"})
	}
	return outcomes
}

func (o *office) holds(c relay.Consignment, d ledger.Delivery) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.took[fmt.Sprintf("%s %s %s", c.Capture.ID, d.Recipient, d.Destination)] > 0
}

func rescuing(smtp, mailbox relay.Destination) relay.Rescue {
	return relay.Rescue{Destination: smtp, Mailbox: mailbox, After: time.Hour, Clock: clock.Real()}
}

// TestRescue: what SMTP refuses for its form, its size or our own address goes into the mailbox at once; what is refused for content or sender, or for a reason that nobody
// understands, and what is in doubt, never does.
func TestRescue(t *testing.T) {
	tests := []struct {
		smtp    relay.Outcome
		rescued bool
		state   ledger.DeliveryState // soon after the first attempt
	}{
		{refusal(relay.Declined, reason.Size), true, ledger.Settled},
		{refusal(relay.Declined, reason.Form), true, ledger.Settled},
		{refusal(relay.Declined, reason.Connector), true, ledger.Settled},
		{refusal(relay.Unsuitable, reason.Form), true, ledger.Settled},
		{refusal(relay.Unsuitable, reason.Size), true, ledger.Settled},
		{refusal(relay.Declined, reason.Virus), false, ledger.Quiet},
		{refusal(relay.Declined, reason.Spam), false, ledger.Quiet},
		{refusal(relay.Declined, reason.Attachment), false, ledger.Held},
		{refusal(relay.Declined, reason.Sender), false, ledger.Held},
		{refusal(relay.Declined, reason.Policy), false, ledger.Held},
		{refusal(relay.Declined, reason.Recipient), false, ledger.Held},
		{refusal(relay.Declined, reason.Full), false, ledger.Held},
		{refusal(relay.Declined, reason.Other), false, ledger.Due},
		{refusal(relay.Deferred, reason.Throttled), false, ledger.Due},
		{refusal(relay.Deferred, reason.Size), false, ledger.Due},
		{refusal(relay.Deferred, reason.Spam), false, ledger.Due},
		{unreachable, false, ledger.Due},
		{refusal(relay.Uncertain, reason.Size), false, ledger.InDoubt},
	}
	for _, tt := range tests {
		t.Run(string(tt.smtp.Kind)+" "+string(tt.smtp.Class), func(t *testing.T) {
			p := pair{newOffice(), newOffice()}
			way := rescuing(p.smtp.then(tt.smtp), destination(p.deposit))
			running(t, settings(toCloud(way), p.smtp), func(t *testing.T, b *bed) {
				id := b.mustTake(to("anna@example.com"))
				time.Sleep(5 * time.Second)
				d := b.of(id)[0]
				if d.State != tt.state || d.Class != string(tt.smtp.Class) && d.State != ledger.InDoubt {
					t.Errorf("%+v", d)
				}
				if got := len(p.mailbox.attempts()) == 1; got != tt.rescued {
					t.Errorf("rescued: %v", got)
				}
				if tt.rescued && (d.Seen == "" || d.Attempts != 1 || !strings.Contains(d.Reply, tt.smtp.Reply) || !b.logged("as SMTP refused it")) {
					t.Errorf("it is not told: %+v", d)
				}
			})
		})
	}
}

// TestRescueFromThrottling: a message that was throttled for too long, or would be until the next attempt, goes into the mailbox.
func TestRescueFromThrottling(t *testing.T) {
	for name, tt := range map[string]struct {
		wait        time.Duration
		kind        relay.OutcomeKind
		early, late []string
	}{
		"again and again":   {0, relay.Deferred, []string{"anna due"}, []string{"anna settled"}},
		"told for how long": {2 * time.Hour, relay.Deferred, []string{"anna settled"}, []string{"anna settled"}},
		"for good":          {0, relay.Declined, []string{"anna due"}, []string{"anna settled"}},
		"at the greeting":   {0, relay.Unreachable, []string{"anna due"}, []string{"anna settled"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pair{newOffice(), newOffice()}
			busy := refusal(tt.kind, reason.Throttled)
			busy.Wait = tt.wait
			running(t, settings(toCloud(rescuing(p.smtp.then(busy), destination(p.deposit))), p.smtp), func(t *testing.T, b *bed) {
				id := b.mustTake(to("anna@example.com"))
				time.Sleep(50 * time.Minute)
				equal(t, "after 50 minutes", b.states(id), tt.early)
				time.Sleep(25 * time.Minute)
				equal(t, "after 75", b.states(id), tt.late)
			})
		})
	}
}

// TestRescueIsForMailboxesOfOurs: a copy for the old server and a group's member outside have none.
func TestRescueIsForMailboxesOfOurs(t *testing.T) {
	p := pair{newOffice(), newOffice()}
	tooBig := always(refusal(relay.Declined, reason.Size))
	ways := map[string]relay.Destination{"new:smtp": rescuing(tooBig, destination(p.deposit)), "old:smtp": rescuing(tooBig, destination(p.deposit))}
	synctest.Test(t, func(t *testing.T) {
		cfg := house()
		cfg.Groups["friends@example.com"] = []cutover.Address{"friend@outside.example", "anna@example.com"}
		plans := map[cutover.Route]relay.Plan{cutover.Arriving: {Tee: true, Outward: "new:smtp"}}
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg), Plans: plans}, settings(ways, p.smtp))
		b.start(b.courier)
		id := b.mustTake(to("friends@example.com"))
		time.Sleep(5 * time.Second)
		equal(t, "states", b.states(id), []string{"anna settled", "anna settled", "friend held"})
		equal(t, "into mailboxes", p.mailbox.attempts(), []string{"[anna]"})
	})
}

// TestRescueDisturbsNobody: of a message's recipients only those that were refused so go into their mailboxes.
func TestRescueDisturbsNobody(t *testing.T) {
	ends := map[string]relay.Outcome{"anna": refusal(relay.Declined, reason.Connector), "carl": yes, "dora": refusal(relay.Declined, reason.Spam), "emil": later}
	p := pair{newOffice(), newOffice()}
	smtp := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
		p.smtp.attempted(c)
		var outcomes []relay.Outcome
		for _, d := range c.Deliveries {
			o := ends[d.Recipient.Local()]
			if d.Attempts > 0 {
				o = yes
			}
			if o.Kind == relay.Delivered {
				p.smtp.accept(c, d)
			}
			outcomes = append(outcomes, o)
		}
		return outcomes
	})
	synctest.Test(t, func(t *testing.T) {
		cfg := house()
		cfg.Mailboxes = append(cfg.Mailboxes, mailbox("carl"), mailbox("dora"), mailbox("emil"))
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(cfg)}, settings(toCloud(rescuing(smtp, destination(p.deposit))), p.smtp))
		b.start(b.courier)
		id := b.mustTake(to("anna@example.com", "carl@example.com", "dora@example.com", "emil@example.com"))
		time.Sleep(10 * time.Minute)
		equal(t, "states", b.states(id), []string{"anna settled", "carl settled", "dora quiet", "emil settled"})
		equal(t, "by SMTP", p.smtp.attempts(), []string{"[anna carl dora emil]", "[emil]"})
		equal(t, "into the mailbox", p.mailbox.attempts(), []string{"[anna]"})
		for what, n := range p.smtp.accepted() {
			if n != 1 {
				t.Errorf("%s accepted %d times", what, n)
			}
		}
	})
}

// TestRescueThatFails: what the mailbox cannot take just now is tried again, both ways; what it refuses too is held, with both refusals; what is in doubt there is asked for.
func TestRescueThatFails(t *testing.T) {
	size := refusal(relay.Declined, reason.Size)
	tests := []struct {
		name    string
		mailbox []relay.Outcome
		state   string
		smtp    int // attempts
	}{
		{"later", []relay.Outcome{later, yes}, "anna accepted", 2},
		{"unreachable", []relay.Outcome{unreachable, yes}, "anna accepted", 2},
		{"refused", []relay.Outcome{never}, "anna held", 1},
		{"in doubt", []relay.Outcome{uncertain, yes}, "anna accepted", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := pair{newOffice(), newOffice()}
			way := rescuing(p.smtp.then(size), p.mailbox.then(tt.mailbox...))
			running(t, settings(toCloud(way), p.smtp), func(t *testing.T, b *bed) {
				id := b.mustTake(to("anna@example.com"))
				time.Sleep(5 * time.Minute)
				equal(t, "states", b.states(id), []string{tt.state})
				equal(t, "attempts by SMTP", len(p.smtp.attempts()), tt.smtp)
				if d := b.of(id)[0]; tt.state == "anna held" && (!strings.Contains(d.Reason, size.Reply) || !strings.Contains(d.Reason, never.Reply)) {
					t.Errorf("%+v", d)
				}
			})
		})
	}
}

// mortal is a ledger and a pair of ways out of a process that dies at its n-th step: before or after a change of the ledger, before or after either server takes the message.
type mortal struct {
	ledger.Captures
	steps atomic.Int64
	last  int64
}

func (m *mortal) step() (dead bool) { return m.steps.Add(1) >= m.last }

func (m *mortal) Update(ctx context.Context, all ...ledger.Delivery) error {
	if m.step() {
		return ledger.ErrClosed
	}
	err := m.Captures.Update(ctx, all...)
	if m.step() {
		return ledger.ErrClosed
	}
	return err
}

func (m *mortal) before(to relay.Destination) destination {
	return func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		if m.step() {
			return answers(c, uncertain)
		}
		outcomes := to.Deliver(ctx, c)
		if m.step() {
			return answers(c, uncertain)
		}
		return outcomes
	}
}

// TestCrashWhileRescuing: whatever the step at which the process dies, the message lies in the mailbox once.
func TestCrashWhileRescuing(t *testing.T) {
	alive := false
	for n := int64(1); !alive; n++ {
		t.Run(fmt.Sprint("step ", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pair{newOffice(), newOffice()}
				p.smtp.delay = 20 * time.Second
				tooBig := p.smtp.then(refusal(relay.Declined, reason.Size))
				b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, relay.CourierConfig{})
				m := &mortal{Captures: b.ledger, last: n}
				first := settings(toCloud(rescuing(m.before(tooBig), m.before(destination(p.deposit)))), p.smtp)
				first.Ledger = m
				b.restart(first)
				id := b.mustTake(to("anna@example.com"))
				time.Sleep(10 * time.Second)
				alive = m.steps.Load() < n
				b.courier.Stop(context.Background())
				b.restart(settings(toCloud(rescuing(tooBig, destination(p.deposit))), p.smtp))
				time.Sleep(10 * time.Minute)
				equal(t, "states", b.states(id), []string{"anna settled"})
				if took := p.smtp.accepted(); len(took) != 1 {
					t.Errorf("accepted %v", took)
				}
				for what, times := range p.smtp.accepted() {
					if times != 1 {
						t.Errorf("%s was accepted %d times", what, times)
					}
				}
			})
		})
		if n > 50 {
			t.Fatal("it never lives")
		}
	}
}
