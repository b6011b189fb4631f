package relay_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"posthouse/cutover"
	"posthouse/ledger"
	"posthouse/relay"
	"posthouse/relay/reason"
)

// line is a destination that can be cut and mended.
type line struct {
	*office
	cut atomic.Bool
}

func (l *line) Deliver(ctx context.Context, c relay.Consignment) []relay.Outcome {
	if l.cut.Load() {
		l.attempted(c)
		return answers(c, unreachable)
	}
	return l.office.Deliver(ctx, c)
}

// TestUnreachableDestinationIsLeftAlone: after three failures there is one probe for each pause, whatever the queue; fresh mail waits with the rest; once a probe succeeds
// everything goes.
func TestUnreachableDestinationIsLeftAlone(t *testing.T) {
	cloud := &line{office: newOffice()}
	cloud.cut.Store(true)
	running(t, settings(toCloud(cloud), nil), func(t *testing.T, b *bed) {
		for range 40 {
			b.mustTake(to("anna@example.com"))
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		if n := len(cloud.attempts()); n < 4 || n > 6 {
			t.Errorf("%d attempts in the first minute, want 3 and a probe after 5 s and after 30 s more", n)
		}
		before := len(cloud.attempts())
		for range 10 {
			if d := b.of(b.mustTake(to("anna@example.com")))[0]; d.State != ledger.Due {
				t.Fatalf("born %s while the destination is left alone", d.State)
			}
		}
		time.Sleep(time.Minute)
		if n := len(cloud.attempts()) - before; n < 1 || n > 3 {
			t.Errorf("%d attempts in the second minute, want 2 probes", n)
		}
		cloud.cut.Store(false)
		time.Sleep(40 * time.Second)
		if n := len(cloud.accepted()); n < 40 {
			t.Errorf("%d of 50 accepted after it came back", n)
		}
		time.Sleep(15 * time.Minute)
		equal(t, "open", len(b.deliveries(ledger.DeliveryFilter{States: []ledger.DeliveryState{ledger.Due, ledger.Sending, ledger.InDoubt, ledger.Held}})), 0)
		for what, n := range cloud.accepted() {
			if n != 1 {
				t.Errorf("%s was accepted %d times", what, n)
			}
		}
	})
}

// TestProbeThatSucceedsOpensTheWayAtOnce: the rest does not wait for the next look, nor what was tried while nobody answered for a time of its own.
func TestProbeThatSucceedsOpensTheWayAtOnce(t *testing.T) {
	cloud := &line{office: newOffice()}
	cloud.cut.Store(true)
	cfg := settings(toCloud(cloud), nil)
	cfg.Scan = time.Hour
	running(t, cfg, func(t *testing.T, b *bed) {
		for range 20 {
			b.mustTake(to("anna@example.com"))
			synctest.Wait()
		}
		cloud.cut.Store(false)
		time.Sleep(5*time.Second + time.Millisecond)
		synctest.Wait()
		if n := len(cloud.accepted()); n != 20 {
			t.Errorf("%d of 20 accepted right after the first probe", n)
		}
	})
}

// TestOthersGoOn: neither a destination that cannot be reached nor one whose lane is full keeps another's mail, be it fresh, due or in doubt.
func TestOthersGoOn(t *testing.T) {
	hang := destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		<-ctx.Done()
		return answers(c, uncertain)
	})
	for name, cloud := range map[string]relay.Destination{"unreachable": always(unreachable), "full": hang} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				legacy := newOffice()
				ways := map[string]relay.Destination{"new:smtp": cloud, "old:smtp": legacy.then(later, later, uncertain, yes)}
				cfg := settings(ways, sides{cutover.Legacy: legacy, cutover.Cloud: newOffice()})
				cfg.Workers = 1
				b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, cfg)
				b.start(b.courier)
				for range 300 {
					b.mustTake(to("anna@example.com"))
				}
				id := b.mustTake(to("bob@example.com"))
				time.Sleep(3 * time.Minute)
				equal(t, "states", b.states(id), []string{"bob settled"})
				equal(t, "attempts", len(legacy.attempts()), 4)
				if err := stopNow(b.courier); err == nil && name == "full" {
					t.Error("Stop did not say that it had to cut an attempt")
				}
			})
		})
	}
}

// stopNow stops without patience.
func stopNow(c *relay.Courier) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return c.Stop(ctx)
}

// TestOneRefusalAmongMailboxesIsNoOutage: where one mailbox cannot be reached and others can, the destination is not left alone.
func TestOneRefusalAmongMailboxesIsNoOutage(t *testing.T) {
	o := newOffice()
	cloud := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
		var outcomes []relay.Outcome
		for _, d := range c.Deliveries {
			if d.Recipient.Local() == "room" {
				outcomes = append(outcomes, unreachable)
				continue
			}
			o.accept(c, d)
			outcomes = append(outcomes, yes)
		}
		return outcomes
	})
	running(t, settings(toCloud(cloud), nil), func(t *testing.T, b *bed) {
		for range 5 {
			b.mustTake(to("anna@example.com", "room@example.com"))
			synctest.Wait()
		}
		if d := b.of(b.mustTake(to("anna@example.com")))[0]; d.State == ledger.Due {
			t.Errorf("the destination is left alone: %+v", d)
		}
		equal(t, "retry", b.courier.Retry("new:smtp"), time.Time{})
	})
}

// TestBornSendingOnlyWithRoom: a message for two destinations takes room at each; what finds none is Due and follows as soon as there is some.
func TestBornSendingOnlyWithRoom(t *testing.T) {
	release := make(chan struct{})
	var legacy *office
	synctest.Test(t, func(t *testing.T) {
		release = make(chan struct{})
		legacy = newOffice()
		wait := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
			<-release
			return answers(c, yes)
		})
		cfg := settings(map[string]relay.Destination{"new:smtp": wait, "old:smtp": legacy}, nil)
		cfg.Workers, cfg.Scan = 1, time.Hour
		b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, cfg)
		b.start(b.courier)
		first := b.mustTake(to("anna@example.com"))
		for range 8 { // next behind it
			equal(t, "next", b.states(b.mustTake(to("anna@example.com"))), []string{"anna sending"})
		}
		second := b.mustTake(to("anna@example.com", "bob@example.com"))
		equal(t, "first", b.states(first), []string{"anna sending"})
		synctest.Wait()
		equal(t, "second", b.states(second), []string{"anna due", "bob settled"})
		close(release)
		synctest.Wait()
		equal(t, "first", b.states(first), []string{"anna settled"})
		equal(t, "second", b.states(second), []string{"anna settled", "bob settled"})
	})
}

// TestWhatIsNextIsDueAgainWhereTheLaneEnds: what was born Sending behind attempts that fail, or behind our own end, was not sent, and nobody has to be asked for it.
func TestWhatIsNextIsDueAgainWhereTheLaneEnds(t *testing.T) {
	for what, end := range map[string]func(*bed) error{
		"unreachable": func(b *bed) error { return nil },
		"stopped":     func(b *bed) error { return b.courier.Stop(b.t.Context()) },
	} {
		t.Run(what, func(t *testing.T) {
			gone := destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
				time.Sleep(time.Second)
				return answers(c, unreachable)
			})
			cfg := settings(toCloud(gone), nil)
			cfg.Workers = 1
			running(t, cfg, func(t *testing.T, b *bed) {
				for range 7 {
					b.mustTake(to("anna@example.com"))
				}
				equal(t, "before", b.countStates()[ledger.Sending], 7)
				if err := end(b); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3*time.Second + time.Millisecond) // three attempts that fail end the lane
				synctest.Wait()
				equal(t, "after", b.countStates(), map[ledger.DeliveryState]int{ledger.Due: 7})
			})
		})
	}
}

// TestManyRecipientsTakeOneRoom: a message for more recipients than there is room for attempts goes at once and whole.
func TestManyRecipientsTakeOneRoom(t *testing.T) {
	o := newOffice()
	cfg := settings(toCloud(slow(o)), nil)
	cfg.Workers = 1
	running(t, cfg, func(t *testing.T, b *bed) {
		for range 3 { // room that leaked would be missed by the next
			equal(t, "states", b.states(b.mustTake(to("anna@example.com", "room@example.com"))), []string{"anna sending", "room sending"})
			time.Sleep(2 * time.Second)
		}
		equal(t, "attempts", o.attempts(), []string{"[anna room]", "[anna room]", "[anna room]"})
	})
}

// TestRoomIsGivenBack: whatever ends an attempt or a capture, the lane has its whole room afterwards.
func TestRoomIsGivenBack(t *testing.T) {
	script := []func(){nil, func() { panic("broken") }}
	var n atomic.Int32
	cloud := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
		if f := script[int(n.Add(1))%2]; f != nil {
			f()
		}
		return answers(c, later)
	})
	cfg := settings(toCloud(cloud), nil)
	cfg.Workers = 3
	running(t, cfg, func(t *testing.T, b *bed) {
		for range 10 {
			b.mustTake(to("anna@example.com"))
		}
		m := b.complete(to("anna@example.com"))
		for range 10 { // captures that fail after they took room
			a, err := b.intake.Begin(t.Context(), m.peer, m.env)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := a.Commit(ctx); err == nil {
				t.Fatal("a commit with an ended context succeeded")
			}
		}
		synctest.Wait()
		for range 2 {
			var rooms []relay.Room
			for {
				r, some := b.courier.Reserve("new:smtp")
				if !some {
					break
				}
				rooms = append(rooms, r)
			}
			if len(rooms) != 3+8*3 { // at once, and next behind them
				t.Errorf("there is room for %d", len(rooms))
			}
			for _, r := range rooms {
				b.courier.Release(r)
			}
		}
	})
}

// TestNoSpinning: with nothing to be done but to wait, the ledger is left alone.
func TestNoSpinning(t *testing.T) {
	hang := destination(func(ctx context.Context, c relay.Consignment) []relay.Outcome {
		<-ctx.Done()
		return answers(c, later)
	})
	stuck := finder(func(ctx context.Context, _ cutover.MailboxID, _ cutover.Side, _ []cutover.Identity) (map[int]string, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	shut := finder(func(context.Context, cutover.MailboxID, cutover.Side, []cutover.Identity) (map[int]string, error) {
		return nil, errMailbox
	})
	tests := []struct {
		name string
		to   relay.Destination
		find relay.Finder
	}{
		{"idle", newOffice(), newOffice()},
		{"full lane", hang, nil},
		{"unreachable", always(unreachable), nil},
		{"mailboxes hang", always(uncertain), stuck},
		{"mailboxes hang, all accepted", always(yes), stuck},
		{"mailboxes shut", always(uncertain), shut},
		{"mailboxes shut, all accepted", always(yes), shut},
		{"nothing seen", always(yes), finder(blind)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, relay.IntakeConfig{Directory: relay.NewDirectory(house())}, relay.CourierConfig{})
				counted := &counting{Captures: b.ledger}
				cfg := settings(toCloud(tt.to), tt.find)
				cfg.Ledger = counted
				b.restart(cfg)
				for i := range 40 {
					b.mustTake(to([]cutover.Address{"anna@example.com", "room@example.com"}[i%2]))
				}
				time.Sleep(5 * time.Minute)
				before := counted.calls.Load()
				time.Sleep(time.Minute)
				// One scan in a second, and a handful of reads for each.
				if n := counted.calls.Load() - before; n > 60*8 {
					t.Errorf("%d calls of the ledger in a quiet minute", n)
				}
				stopNow(b.courier)
			})
		})
	}
}

// counting counts the courier's calls.
type counting struct {
	ledger.Captures
	calls atomic.Int64
}

func (l *counting) DueDeliveries(ctx context.Context, to string, s ledger.DeliveryState, now, latest time.Time, limit int) ([]ledger.Delivery, time.Time, error) {
	l.calls.Add(1)
	return l.Captures.DueDeliveries(ctx, to, s, now, latest, limit)
}

func (l *counting) Update(ctx context.Context, all ...ledger.Delivery) error {
	l.calls.Add(1)
	return l.Captures.Update(ctx, all...)
}

func (l *counting) Begin(ctx context.Context, now time.Time, all ...ledger.Delivery) ([]ledger.Delivery, error) {
	l.calls.Add(1)
	return l.Captures.Begin(ctx, now, all...)
}

// TestFreshMailGoesBeforeRetries: what was never tried does not queue behind what was tried before.
func TestFreshMailGoesBeforeRetries(t *testing.T) {
	var mu sync.Mutex
	var again []string // the second attempts and the fresh ones
	cloud := destination(func(_ context.Context, c relay.Consignment) []relay.Outcome {
		d := c.Deliveries[0]
		if d.Attempts == 0 && d.Mailbox == "anna@example.com" {
			return answers(c, later)
		}
		mu.Lock()
		again = append(again, d.Recipient.Local())
		mu.Unlock()
		time.Sleep(time.Second)
		return answers(c, yes)
	})
	cfg := settings(toCloud(cloud), nil)
	cfg.Workers = 1
	running(t, cfg, func(t *testing.T, b *bed) {
		for range 20 {
			b.mustTake(to("anna@example.com"))
			synctest.Wait()
		}
		time.Sleep(12500 * time.Millisecond) // the retries began after ten seconds
		for range 3 {
			b.mustTake(to("room@example.com"))
		}
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if len(again) != 23 || slices.Contains(again[6:], "room") {
			t.Errorf("order %v", again)
		}
	})
}

// TestBusyDestination: one that names a pause is left alone for it, by everybody, and then asked by one message; one that names none is asked by three, then by probes. A busy
// mailbox is nobody else's trouble.
func TestBusyDestination(t *testing.T) {
	busy := relay.Outcome{Kind: relay.Deferred, Reply: "421 4.7.0 busy", Class: reason.Throttled, Busy: true}
	named, crowded := busy, busy
	named.Wait, crowded.Busy = 10*time.Minute, false
	for _, tt := range []struct {
		name     string
		says     relay.Outcome
		min, max int // attempts within nine minutes, of twenty messages
	}{
		{"for ten minutes", named, 1, 1},
		{"without a time", busy, 10, 25},
		{"one mailbox", crowded, 60, 80},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice()
			cfg := settings(toCloud(o.then(tt.says)), nil)
			running(t, cfg, func(t *testing.T, b *bed) {
				for range 20 {
					b.mustTake(to("anna@example.com"))
					synctest.Wait()
				}
				time.Sleep(9 * time.Minute)
				if n := len(o.attempts()); n < tt.min || n > tt.max {
					t.Errorf("%d attempts, want %d to %d", n, tt.min, tt.max)
				}
			})
		})
	}
	t.Run("then it has time", func(t *testing.T) {
		o := newOffice()
		running(t, settings(toCloud(o.then(named, yes)), nil), func(t *testing.T, b *bed) {
			for range 20 {
				b.mustTake(to("anna@example.com"))
				synctest.Wait()
			}
			time.Sleep(11 * time.Minute)
			equal(t, "accepted", len(o.accepted()), 20)
			for i, pause := range o.pauses() {
				if i == 0 && pause < 10*time.Minute || pause > 10*time.Minute+2*time.Second {
					t.Errorf("pause %d: %s", i, pause)
				}
			}
		})
	})
}
